"""What programs do at the edges: enums as names, providers set late, flushing in a signal handler."""

from __future__ import annotations

import time
from enum import Enum

import anthropic
import pytest

from otel_claude import ClaudeInstrumentor, attribution, flush, semconv
from otel_claude.emit import instruments, metrics


class Feature(str, Enum):
    SEARCH = "search"


class Line(str, Enum):
    SONNET = "claude-sonnet-5-5"


def test_members_of_an_enum_of_strings_are_what_they_hold(telemetry, client, ask):
    telemetry.instrument(capture="span,search=none")
    with attribution(feature=Feature.SEARCH):
        client.messages.create(**ask(model=Line.SONNET))
    assert telemetry.span.name == "chat claude-sonnet-5-5"
    assert telemetry.attributes[semconv.FEATURE] == "search"
    assert type(telemetry.attributes[semconv.REQUEST_MODEL]) is str
    assert semconv.INPUT_MESSAGES not in telemetry.attributes


def test_a_provider_that_becomes_the_global_one_keeps_its_sums(telemetry, client, ask, monkeypatch):
    telemetry.instrument()
    client.messages.create(**ask())
    ClaudeInstrumentor().uninstrument()
    for module in (instruments, metrics):
        monkeypatch.setattr(module, "get_meter_provider", lambda: telemetry.meters)
    monkeypatch.setattr(instruments, "_GLOBAL", type(instruments._GLOBAL)())
    ClaudeInstrumentor().instrument(tracer_provider=telemetry.tracers)
    client.messages.create(**ask())
    assert telemetry.total(semconv.M_REQUESTS) == 2


def test_a_status_of_an_earlier_attempt_is_not_that_of_one_without_an_answer(watched, client, ask):
    once = client.with_options(max_retries=1)
    with pytest.raises(anthropic.APIConnectionError):
        once.messages.create(**ask("fail=1*529,retry-after-ms=5;drop=headers"))
    assert watched.attributes[semconv.ERROR_TYPE] == "connection_error"
    assert watched.attributes[semconv.RETRIES] == 1
    assert semconv.HTTP_STATUS not in watched.attributes


def test_flush_in_a_signal_handler_does_not_wait_for_what_the_signal_interrupted(watched):
    pending = instruments.instruments_of(watched.meters).sums
    with pending._lock:  # as if the signal had come in the middle of an addition
        begun = time.monotonic()
        flush(0.2)
        assert time.monotonic() - begun < 5
    assert flush(5)


def test_a_tool_runner_is_ours_where_the_sdks_spans_would_go_nowhere(watched, client):
    @anthropic.beta_tool
    def weather(city: str) -> str:
        """The weather.

        Args:
            city: where.
        """
        return f"sunny in {city}"

    runner = client.beta.messages.tool_runner(
        model="claude-sonnet-5-5",
        max_tokens=100,
        tools=[weather],
        messages=[{"role": "user", "content": "Weather in Paris?"}],
    )
    runner.until_done()
    names = sorted(span.name for span in watched.spans)
    assert names == [*["chat claude-sonnet-5-5"] * 2, "execute_tool weather", "invoke_agent"]
    assert len({span.context.trace_id for span in watched.spans}) == 1
