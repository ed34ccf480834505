"""With default settings nothing that was said leaves the process; with redaction, no secret does.

Every secret of the corpus goes into every place of a request and of a response that can hold one,
through every surface, with every way a call can end, and then everything that was emitted or logged
is searched for it.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import anthropic
import pytest

from otel_claude import ClaudeInstrumentor, _faults
from otel_claude.privacy.redaction import Redactor
from otel_claude.testing import Emulator
from tests.conftest import Telemetry

from .corpus import SECRETS, Labelled
from .figures import misses

MODEL = "claude-sonnet-5-5"


class Everything:
    """All that left: spans, metrics, events, and the log lines of this package."""

    def __init__(self, telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
        self._telemetry = telemetry
        self._caplog = caplog

    def text(self) -> str:
        spans = [span.to_json() for span in self._telemetry.spans]
        events = [r.to_json() for r in self._telemetry.log_exporter.get_finished_logs()]
        metrics = self._telemetry.reader.get_metrics_data()
        lines = [
            f"{record.getMessage()} {record.exc_text or ''}"
            for record in self._caplog.records
            if record.name.startswith("otel_claude")
        ]
        assert spans
        return "\n".join((*spans, *events, str(metrics and metrics.to_json()), *lines))


@pytest.fixture
def everything(telemetry, caplog) -> Iterator[Everything]:
    caplog.set_level(logging.DEBUG)
    _faults.drain()
    yield Everything(telemetry, caplog)
    ClaudeInstrumentor().uninstrument()


def request_with(secret: str) -> dict[str, Any]:
    """A request that has a secret wherever one can stand."""
    text = {"type": "text", "text": secret}
    schema = {"type": "object", "title": secret, "properties": {"city": {"type": "string"}}}
    return {
        "model": MODEL,
        "max_tokens": 64,
        "system": [text],
        "stop_sequences": [secret.strip() or "x"],
        "metadata": {"user_id": secret},
        "tools": [{"name": "look_up", "description": secret, "input_schema": schema}],
        "tool_choice": {"type": "none"},
        "messages": [
            {"role": "user", "content": secret},
            {
                "role": "assistant",
                "content": [
                    text,
                    {
                        "type": "tool_use",
                        "id": "t1",
                        "name": "look_up",
                        "input": {secret: [secret]},
                    },
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": [text]},
                    {
                        "type": "document",
                        "title": secret,
                        "context": secret,
                        "source": {"type": "text", "media_type": "text/plain", "data": secret},
                    },
                    {
                        "type": "search_result",
                        "source": secret,
                        "title": secret,
                        "content": [text],
                    },
                    {
                        "type": "image",
                        "source": {"type": "url", "url": f"https://example.com/{quote(secret)}"},
                    },
                ],
            },
        ],
        "extra_body": {"container": secret},
        "extra_query": {"q": secret},
        "extra_headers": {"x-note": quote(secret, safe=" ")},
    }


Work = Callable[[anthropic.Anthropic, dict[str, Any]], Any]


def _with(asked: dict[str, Any], scenario: str) -> dict[str, Any]:
    return {**asked, "extra_headers": {**asked["extra_headers"], "x-emulator-scenario": scenario}}


def plain(client: anthropic.Anthropic, asked: dict[str, Any]) -> None:
    client.messages.create(**asked)


def streamed(client: anthropic.Anthropic, asked: dict[str, Any]) -> None:
    with client.messages.stream(**asked) as stream:
        stream.until_done()


def raw(client: anthropic.Anthropic, asked: dict[str, Any]) -> None:
    body = client.messages.with_streaming_response.create(**asked, stream=True)
    with body as response:
        for _ in response.iter_lines():
            pass


def beta(client: anthropic.Anthropic, asked: dict[str, Any]) -> None:
    server = {"type": "url", "url": "https://mcp.example.com", "name": "mcp"}
    secret = asked["system"][0]["text"]
    servers = [{**server, "authorization_token": secret}]
    client.beta.messages.create(**{**asked, "extra_body": {"mcp_servers": servers}})


def counted(client: anthropic.Anthropic, asked: dict[str, Any]) -> None:
    kept = {key: asked[key] for key in ("model", "system", "messages", "tools")}
    client.messages.count_tokens(**kept)
    client.messages.create(**{key: asked[key] for key in ("model", "max_tokens", "messages")})


def _fails(scenario: str) -> Work:
    def work(client: anthropic.Anthropic, asked: dict[str, Any]) -> None:
        secret = quote(asked["system"][0]["text"], safe="")
        asked = _with(asked, scenario.format(secret))
        with contextlib.suppress(anthropic.APIError):
            client.messages.create(**asked)
        with contextlib.suppress(Exception):
            for _ in client.messages.create(**asked, stream=True):
                pass

    work.__name__ = scenario.partition("=")[0]
    return work


def batched(client: anthropic.Anthropic, asked: dict[str, Any]) -> None:
    params: Any = {k: v for k, v in asked.items() if not k.startswith("extra_")}
    batch = client.messages.batches.create(requests=[{"custom_id": "one", "params": params}])
    while client.messages.batches.retrieve(batch.id).processing_status != "ended":
        pass
    assert list(client.messages.batches.results(batch.id))


def run_tools(client: anthropic.Anthropic, asked: dict[str, Any]) -> None:
    secret = asked["system"][0]["text"]

    @anthropic.beta_tool(description=secret)
    def look_up(city: str) -> str:
        return f"{city} {secret}"

    @anthropic.beta_tool(description=secret)
    def fail(city: str) -> str:
        raise ValueError(f"{city} {secret}")

    for tool in (look_up, fail):
        runner = client.beta.messages.tool_runner(
            model=MODEL,
            max_tokens=64,
            system=secret,
            messages=[{"role": "user", "content": secret}],
            tools=[tool],
        )
        assert len(list(runner)) == 2


def faulty(client: anthropic.Anthropic, asked: dict[str, Any]) -> None:
    """A fault of ours that quotes what was said."""
    from otel_claude.capture import response

    secret = asked["system"][0]["text"]

    def fail(*_: object) -> None:
        raise ValueError(secret)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(response, "read_ending", fail)
        client.messages.create(**asked)
    assert _faults.drain()


SAYS: Work = _fails("text={}")
WORKS: tuple[Work, ...] = (
    plain,
    streamed,
    raw,
    beta,
    counted,
    SAYS,
    _fails("status=400,message={}"),
    _fails("error=overloaded_error,after=2,message={}"),
    _fails("refusal=cyber,explanation={}"),
    _fails("status=529,message={},retry-after-ms=1"),
    batched,
    run_tools,
    faulty,
)


def _client(api: Emulator) -> anthropic.Anthropic:
    return anthropic.Anthropic(
        api_key="sk-ant-api03-the-key-itself-7777",
        base_url=api.url,
        max_retries=1,
        open_telemetry=False,
    )


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.__name__)
def test_nothing_that_was_said_leaves_by_default(telemetry, everything, api, work, monkeypatch):
    monkeypatch.setattr(_faults, "_logged", set())
    telemetry.instrument(log_calls=True, slow_call_seconds=0.000_001)
    with _client(api) as client:
        work(client, request_with("\n".join((*(case.text for case in SECRETS), "words-of-mine"))))
    text = everything.text()
    for said in (*(case.secret for case in SECRETS), "words-of-mine", "the-key-itself"):
        for shape in (said, json.dumps(said)[1:-1], quote(said, safe="")):
            assert shape not in text


def test_the_search_would_find_it(telemetry, everything, api):
    """Without redaction everything is there: what is not found above was truly kept back."""
    telemetry.instrument(capture="both", redact="none", capture_limit=1 << 20)
    with _client(api) as client:
        plain(client, request_with("words-of-mine"))
        SAYS(client, request_with("and-of-the-model"))
    assert "words-of-mine" in everything.text()
    assert "and-of-the-model" in everything.text()


def _detected() -> list[Labelled]:
    missed = misses(Redactor())
    return [case for case in SECRETS if case not in missed]


def test_with_capture_and_redaction_on_no_detectable_secret_leaves(telemetry, everything, api):
    cases = _detected()
    telemetry.instrument(
        capture="both",
        capture_limit=1 << 24,
        capture_content=("input", "output", "system", "tools", "tool_schemas", "errors"),
        log_calls=True,
    )
    with _client(api) as client:
        plain(
            client,
            request_with("\n\n".join(case.text for case in cases)),
        )
        for case in cases:
            asked = request_with("nothing")
            block = {"type": "text", "text": case.text}
            client.messages.create(**{**asked, "messages": [{"role": "user", "content": [block]}]})
        for case in cases[::7]:
            SAYS(client, request_with(case.text))
            _fails("status=400,message={}")(client, request_with(case.text))
    text = everything.text()
    for case in cases:
        assert case.secret not in text, case
        assert json.dumps(case.secret, ensure_ascii=False)[1:-1] not in text, case
