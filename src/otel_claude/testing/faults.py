"""Scenario steps that go wrong: before, around and in the middle of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_claude.testing.errors import STATUS_OF_TYPE, ApiError, body_of, invalid
from otel_claude.testing.scenarios import Scenario, failure
from otel_claude.testing.sse import Event

if TYPE_CHECKING:
    from otel_claude.testing.job import Json
    from otel_claude.testing.state import Exchange, State

NULL_USAGE: dict[str, Any] = dict.fromkeys(
    (
        "input_tokens",
        "output_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "cache_creation",
        "server_tool_use",
        "service_tier",
        "inference_geo",
        "output_tokens_details",
    )
)
WRONG_USAGE: dict[str, Any] = {
    "input_tokens": "twelve",
    "output_tokens": [1],
    "cache_creation_input_tokens": -5,
    "cache_read_input_tokens": 1.5,
    "cache_creation": "none",
    "server_tool_use": 3,
    "service_tier": 7,
    "inference_geo": {"region": "us"},
}


class Dropped(Exception):  # noqa: N818 - an ending, not an error
    """The connection is to be closed before any header."""


def before(state: State, exchange: Exchange, *, stream: bool) -> None:
    """Fail a request that is to fail.

    Raises:
        ApiError: the error to answer with.
        Dropped: no answer at all.
    """
    scenario = exchange.scenario
    status = scenario.get("status")
    if status:
        raise failure(status, int(status.number(500)))
    fail = scenario.get("fail")
    if fail:
        times, _, kind = fail.value.partition("*")
        if not times.isdigit() or not (kind.isdigit() or kind == "drop"):
            raise invalid("emulator: fail wants N*STATUS or N*drop, e.g. fail=2*529")
        if state.attempt(exchange, int(times)) < int(times):
            if kind == "drop":
                raise Dropped
            raise failure(fail, int(kind))
    if scenario.value("drop") == "headers":
        raise Dropped
    error = scenario.get("error")
    if error and not stream:
        kind = error.value or "overloaded_error"
        raise ApiError(STATUS_OF_TYPE.get(kind, 500), error.options.get("message", ""), kind)


def stream_events(events: list[Event], scenario: Scenario, request_id: str) -> list[Event]:
    """The events that really go out, after all that is to go wrong with them."""
    if scenario.malformed("empty"):
        return []
    if scenario.malformed("event"):
        strange = Event("emulator_unknown", {"type": "emulator_unknown", "detail": {"n": 1}})
        events = [*events[:1], strange, *events[1:-1], strange, events[-1]]
    error, cut, drop = scenario.get("error"), scenario.get("cut"), scenario.get("drop")
    if error:
        keep = int(error.option("after", 3))
        kind = error.value or "overloaded_error"
        text = error.options.get("message") or ApiError(STATUS_OF_TYPE.get(kind, 500)).message
        tokens = events[min(keep, len(events)) - 1].tokens if keep else 0
        return [*events[:keep], Event("error", body_of(kind, text, request_id), tokens)]
    if cut:
        return events[: int(cut.number(3))]
    if drop and drop.value != "headers":
        return events[: int(drop.number(len(events) // 2))]
    return events


def usage(scenario: Scenario, true: Json) -> Json | None:
    """The usage that is shown: the true one, a damaged one, or none."""
    if scenario.malformed("usage_missing"):
        return None
    if scenario.malformed("usage_null"):
        return dict(NULL_USAGE)
    if scenario.malformed("usage_types"):
        return dict(WRONG_USAGE)
    return true


def pauses(events: list[Event], scenario: Scenario) -> list[float]:
    """Seconds to wait before each event; empty where nothing is to wait."""
    slow, pace = scenario.get("slow"), scenario.get("pace")
    if slow:
        return [slow.number(0.01)] * len(events)
    if not pace:
        return []
    first, rate = pace.number(300) / 1000, pace.option("tps", 50) or 50
    waits, before_tokens, started = [], 0, False
    for event in events:
        wait = 0.0
        if event.name == "content_block_delta":
            wait = (event.tokens - before_tokens) / rate if started else first
            started = True
        before_tokens = event.tokens
        waits.append(wait)
    return waits
