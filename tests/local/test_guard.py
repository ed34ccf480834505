"""Who may ask."""

from __future__ import annotations

import hmac

import httpx2
import pytest

from otel_claude.local import guard
from otel_claude.local.backend import Backend
from otel_claude.local.server import AddressError, Server, listen
from tests.local.conftest import PROTOBUF, traffic

TOKEN = "correct horse"
BEARER = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def closed():
    """With a token."""
    backend = Backend()
    with Server(backend, listen("127.0.0.1", 0, token=TOKEN), token=TOKEN) as running:
        with httpx2.Client(base_url=running.url, trust_env=False) as client:
            yield client
    backend.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example:4318"},
        {"host": ""},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://[bad"},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_other_sites_are_refused(http, headers):
    for path in ("/api/summary", "/health", "/plotly.min.js"):
        assert http.get(path, headers=headers).status_code == 403
    body = next(traffic(1).requests())
    answer = http.post("/v1/traces", content=body, headers={**PROTOBUF, **headers})
    assert answer.status_code == 403


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST:4318", "[::1]:80"])
def test_this_machine_is_served_under_all_its_names(http, host):
    assert http.get("/health", headers={"host": host}).status_code == 200


def test_answers_say_what_a_page_may_do(http):
    for path in ("/health", "/nothing", "/api/summary?x=1"):
        headers = http.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert not any(name.startswith("access-control") for name in headers)


PATHS = ["/", "/health", "/metrics", "/api/summary", "/api/stream", "/openapi.json",
         "/plotly.min.js", "/nothing"]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer wrong"}, {"authorization": "Bearer"}, {"authorization": TOKEN},
     {"authorization": "Basic " + TOKEN}, {"cookie": "otel_claude_token=wrong"}],
)  # fmt: skip
def test_with_a_token_everything_asks_for_it(closed, path, headers):
    answer = closed.get(path, headers=headers)
    assert answer.status_code == 401
    assert TOKEN not in answer.text


def test_otlp_asks_for_it_too(closed):
    body = next(traffic(1).requests())
    assert closed.post("/v1/traces", content=body, headers=PROTOBUF).status_code == 401
    sent = closed.post("/v1/traces", content=body, headers={**PROTOBUF, **BEARER})
    assert sent.status_code == 200
    assert closed.get("/api/summary", headers=BEARER).json()["totals"]["calls"] == 1


def test_the_token_is_compared_in_constant_time(closed, monkeypatch):
    compared, digest = [], hmac.compare_digest

    def compare(one, other):
        compared.append(one)
        return digest(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    closed.get("/health", headers={"authorization": "Bearer wrong"})
    assert compared == [b"wrong"]


def test_a_browser_logs_in(closed):
    page = closed.get("/", headers={"accept": "text/html"})
    assert page.status_code == 401
    assert 'action="/login"' in page.text
    assert closed.post("/login", data={"token": "wrong"}).status_code == 401
    answer = closed.post("/login", data={"token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert closed.get("/api/summary").status_code == 200  # the client keeps the cookie


def test_guessing_is_slowed_down(closed, monkeypatch):
    monkeypatch.setattr(guard, "_A_SECOND", 0.0)
    monkeypatch.setattr(guard, "_AT_ONCE", 5.0)
    statuses = [closed.post("/login", data={"token": "wrong"}).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]


def test_the_rate_of_questions_is_bounded_and_that_of_spans_is_not(http, monkeypatch):
    monkeypatch.setattr(guard, "_A_SECOND", 0.0)
    monkeypatch.setattr(guard, "_AT_ONCE", 5.0)
    statuses = [http.get("/nothing").status_code for _ in range(8)]
    assert statuses == [404] * 5 + [429] * 3
    body = next(traffic(1).requests())
    assert http.post("/v1/traces", content=body, headers=PROTOBUF).status_code == 200


def test_other_machines_only_with_a_token():
    with pytest.raises(AddressError, match="token"):
        listen("0.0.0.0", 0, token=None)
    listen("0.0.0.0", 0, token=TOKEN).close()


def test_an_address_that_is_taken_is_named():
    with listen("127.0.0.1", 0, token=None) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressError, match=str(port)):
            listen("127.0.0.1", port, token=None)
