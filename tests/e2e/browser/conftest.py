"""A real browser before a real server, filled with a month of the demo's calls."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests as http

from otel_claude.cli import history, pipeline, workload
from otel_claude.cli.demo import _run as run_demo
from otel_claude.cli.received import Span
from otel_claude.local.alerts.alerter import Alerter
from otel_claude.local.alerts.rules import RuleFile
from otel_claude.local.backend import Backend
from otel_claude.local.server import Server, listen
from tests.e2e.browser import made_up

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

_CALLS = 120
_DAYS = 30
_A_DAY = 120
# Told by Plotly's map library, which nothing here uses: the policy refuses its styles, as it should.
_EXPECTED = "Applying inline style violates"


@dataclass
class Site:
    """A server that can go away and come back at the same address."""

    backend: Backend
    port: int = 0
    token: str | None = None
    server: Server | None = None

    def start(self) -> None:
        listener = listen("127.0.0.1", self.port, token=self.token)
        self.port = listener.getsockname()[1]
        self.server = Server(self.backend, listener, token=self.token)
        self.server.__enter__()

    def stop(self) -> None:
        if self.server is not None:
            self.server.__exit__(None, None, None)
            self.server = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def send(self, spans: Iterable[Span]) -> None:
        for message in history.messages(spans):
            self._post("/v1/traces", message.SerializeToString(), "application/x-protobuf")

    def send_json(self, path: str, message: dict[str, Any]) -> None:
        self._post(path, json.dumps(message).encode(), "application/json")

    def _post(self, path: str, body: bytes, kind: str) -> None:
        headers = {"content-type": kind}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        answer = http.post(self.url + path, data=body, headers=headers, timeout=60)
        answer.raise_for_status()

    def ask(self, path: str, **query: Any) -> Any:
        answer = http.get(f"{self.url}/api/{path}", params=query, timeout=60)
        answer.raise_for_status()
        return answer.json()


# Not for longer than its tests: Playwright keeps an event loop running in this thread, and with one
# `asyncio.run` of other tests refuses to start.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, driven by Playwright."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None or not importlib.util.find_spec("playwright"):
        missing = "needs chromium and Playwright: see .ci/chromium.sh"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # No sandbox: CI runs as root. Only our own pages are opened.
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def month() -> list[Span]:
    """The calls of one run of the demo, replayed over a month."""
    with pipeline.closed_world(offline=True):
        received, _ = run_demo(workload.plan(_CALLS, 0), lambda: None, None, seed=0, api=False)
    past = history.replay(received.spans, days=_DAYS, a_day=_A_DAY, until=time.time_ns())
    return [span for session in past for span in session.spans]


def _opened(token: str | None = None) -> Iterator[Site]:
    backend = Backend()
    site = Site(backend, token=token)
    site.start()
    try:
        yield site
    finally:
        site.stop()
        backend.close()


def watch(backend: Backend) -> None:
    """Rules of which one fires, looked at once."""
    file = RuleFile.model_validate(
        {
            "channels": {"team": {"type": "webhook", "url_env": "NO_SUCH_VARIABLE"}},
            "rules": [
                {
                    "name": "outage",
                    "type": "consecutive_errors",
                    "threshold": 3,
                    "severity": "critical",
                },
                {"name": "budget nearly full", "type": "budget", "threshold": "85%", "for": "5m"},
                {"name": "day's bill", "type": "spend", "threshold": 100, "window": "1d"},
                {"name": "silence", "type": "silence", "window": "2h", "where": {"team": "search"}},
            ],
        }
    )
    backend.alerter = Alerter(backend.engine, file, "alerts.yaml", "http://127.0.0.1:4318")
    backend.alerter.look()


@pytest.fixture(scope="package")
def site(month: list[Span]) -> Iterator[Site]:
    """The month, its verdicts, budgets and one conversation: for tests that only look."""
    for opened in _opened():
        opened.send(month)
        opened.send(made_up.more(time.time_ns()))
        opened.send_json("/v1/logs", made_up.evaluations(made_up.only_calls(month)))
        opened.send_json("/v1/metrics", made_up.budgets(time.time_ns()))
        watch(opened.backend)
        yield opened


@pytest.fixture
def own_site() -> Iterator[Site]:
    """An empty server of the test's own."""
    yield from _opened()


@pytest.fixture
def guarded_site() -> Iterator[Site]:
    """An empty server that asks for a token."""
    yield from _opened(token="correct horse")


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages; after the test none of them may have complained."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def opened(url: str, *, forgiving: bool = False, **options: Any) -> Page:
        options.setdefault("viewport", {"width": 1440, "height": 900})
        context = browser.new_context(**options)
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if not forgiving:
            page.on("console", lambda said: _note(complaints, said.type, said.text))
        page.on("request", lambda request: _only_here(complaints, request.url))
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def _note(complaints: list[str], kind: str, text: str) -> None:
    if kind in ("error", "warning") and _EXPECTED not in text:
        complaints.append(text)


def _only_here(complaints: list[str], asked: str) -> None:
    if asked.startswith("http") and not asked.startswith("http://127.0.0.1:"):
        complaints.append(f"asked another host: {asked}")


@pytest.fixture
def pictures() -> Path:
    """Where screenshots go; kept by CI."""
    found = Path(os.environ.get("OTEL_CLAUDE_PICTURES", "build/pictures"))
    found.mkdir(parents=True, exist_ok=True)
    return found
