"""No prompt text, API key or header passes: marks are sent in every place and looked for outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from otel_claude.testing import Emulator
from tests.e2e.backends import DEPLOY, ONE_FILE, Collector
from tests.e2e.collector import places
from tests.e2e.collector.launch import environment, finish, launch
from tests.e2e.collector.otlp import attributes, log, send, span, traces
from tests.e2e.collector.sink import Sink
from tests.e2e.servers import eventually, free_ports

OVERLAYS = DEPLOY / "collector" / "overlays"
SPEAKS = Path(__file__).with_name("speaks.py")


def send_all(collector: Collector) -> places.Marks:
    marks = places.Marks()
    send(collector.otlp, "traces", places.traces(marks))
    send(collector.otlp, "metrics", places.metrics(marks))
    send(collector.otlp, "logs", places.logs(marks))
    return marks


def came_out(sink: Sink, records: int) -> str:
    """Everything that the backends got, once all of it is there."""
    eventually(lambda: len(sink.received.spans) >= 1 and len(sink.received.records) >= records)
    return "\n".join(body.decode("utf-8", "replace") for body in sink.bodies)


@pytest.fixture
def debugged(tmp_path: Path, sink: Sink) -> Iterator[Collector]:
    """The default configuration, and a printer of all that has passed it."""
    configs = (ONE_FILE, OVERLAYS / "debug.yaml")
    with Collector(tmp_path, *configs, env={**sink.env, "LOG_LEVEL": "info"}) as made:
        yield made


def test_nothing_hidden_comes_out(debugged: Collector, sink: Sink) -> None:
    marks = send_all(debugged)
    out = came_out(sink, 6)
    scraped = eventually(
        lambda: requests.get(debugged.metrics, timeout=10).text, lambda t: "hidden_requests" in t
    )
    exemplars = requests.get(
        debugged.metrics, headers={"accept": "application/openmetrics-text"}, timeout=10
    ).text
    assert "trace_id" in exemplars
    own = requests.get(debugged.self_metrics, timeout=10).text
    printed = debugged.log.read_text()
    assert "Span #0" in printed
    assert "LogRecord #0" in printed
    assert len(marks.places) > 500
    everything = {"backends": out, "page": scraped + exemplars, "own": own, "output": printed}
    found = {where: marks.found_in(text) for where, text in everything.items()}
    assert found == {where: [] for where in everything}


def test_what_is_harmless_survives(debugged: Collector, sink: Sink) -> None:
    send_all(debugged)
    out = came_out(sink, 6)
    for name, value in places.HARMLESS.items():
        for bodies in (sink.received.spans, sink.received.records):
            assert all(item.attributes[name] == value for item in bodies), name
    (span,) = sink.received.spans
    assert span.name.startswith("chat claude ")
    assert span.status == "error"
    assert "BadRequestError" in out
    assert "survives; called with ****" in out
    assert "hidden_requests_total{" in requests.get(debugged.metrics, timeout=10).text
    names = {name for name in span.attributes if name.startswith("otelcol.")}
    assert names == set(), "helpers of the cleaning are left behind"


def test_nothing_hidden_lies_in_the_queue(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_ports(1)[0]}"
    env = {"TRACES_ENDPOINT": nowhere, "LOGS_ENDPOINT": nowhere}
    with Collector(tmp_path, env=env) as collector:
        marks = send_all(collector)
    kept = b"".join(path.read_bytes() for path in collector.queue.iterdir())
    assert b"claude-sonnet-5-5" in kept
    assert marks.found_in(kept.decode("utf-8", "replace")) == []


def test_content_passes_when_asked_for_and_credentials_never(tmp_path: Path, sink: Sink) -> None:
    with Collector(tmp_path, ONE_FILE, OVERLAYS / "keep-content.yaml", env=sink.env) as collector:
        marks = send_all(collector)
        out = came_out(sink, 6)
    passed = marks.found_in(out)
    assert "span gen_ai.input.messages" in passed
    assert "event body" in passed
    assert "SDK body" in passed
    named = [place for place in passed if "key" in place or place.split()[-1] in places.HEADERS]
    assert named == []


def test_claude_code_is_cleaned_where_its_names_are_anybodys(
    debugged: Collector, sink: Sink
) -> None:
    """`error`, `output` and `content` are content in what Claude Code sends, and only there."""
    for scope, said in (("com.anthropic.claude_code", "HIDDEN"), ("shop", "ordinary")):
        words = {name: f"{said} {name}" for name in ("error", "output", "content")}
        event = {"name": "tool.output", "timeUnixNano": "1", "attributes": attributes(words)}
        one = span("work", attributes=words, events=[event])
        send(debugged.otlp, "traces", traces([one], scope=f"{scope}.tracing"))
        send(debugged.otlp, "logs", log("said", scope=f"{scope}.events", attributes=words))
    eventually(lambda: len(sink.received.spans) >= 2 and len(sink.received.records) >= 2)
    out = came_out(sink, 2) + debugged.log.read_text()
    assert "HIDDEN" not in out
    for name in ("error", "output", "content"):
        assert f"ordinary {name}" in out


def test_a_program_that_says_too_much(debugged: Collector, sink: Sink) -> None:
    """The real SDK at DEBUG, exceptions recorded, logging exported: as careless as can be."""
    with Emulator() as api:
        env = environment(
            api,
            debugged.otlp,
            ANTHROPIC_API_KEY="sk-ant-api03-VERYSECRETKEY-0123456789",
            OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED="true",
            OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="SPAN_AND_EVENT",
            OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST=".*",
        )
        finish([launch(SPEAKS, env=env)])
    out = came_out(sink, 5)
    said = out + debugged.log.read_text()
    assert "anthropic._base_client" in said
    for secret in ("VERYSECRETKEY", "OURPROMPT"):
        assert secret not in said
