"""Whatever a stream or a response holds: the recorded usage is what a plain reading says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from otel_claude import ClaudeInstrumentor, _faults, semconv
from tests.conftest import Telemetry

ASKED: Any = {
    "model": "claude-haiku-4-5",
    "max_tokens": 10,
    "messages": [{"role": "user", "content": "x"}],
}

odd = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.floats(), st.text(max_size=3), st.just([]),
    st.just({}), st.just({"input_tokens": 3}),
)  # fmt: skip
counts = st.integers(0, 10**6)
usages = st.fixed_dictionaries(
    {},
    optional={
        "input_tokens": counts,
        "output_tokens": counts,
        "cache_read_input_tokens": counts,
        "cache_creation_input_tokens": counts,
        "service_tier": st.sampled_from(["standard", "priority"]),
    },
)
odd_usages = st.one_of(
    odd,
    usages,
    st.dictionaries(
        st.sampled_from(
            [
                *("input_tokens", "output_tokens", "cache_creation", "iterations"),
                *("server_tool_use", "service_tier", "output_tokens_details", "speed"),
            ]
        ),
        odd,
    ),
)


def events_of(usage: Any, delta: Any, deltas: int, *, stop: bool) -> list[dict[str, Any]]:
    start = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5"}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**start, "content": [], "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": "é"},
            }
            for _ in range(deltas)
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": delta},
    ]
    return [*events, {"type": "message_stop"}] if stop else events


def wire(events: list[dict[str, Any]]) -> bytes:
    return "".join(
        f"event: {event.get('type')}\ndata: {json.dumps(event)}\n\n" for event in events
    ).encode()


@pytest.fixture(scope="module")
def telemetry() -> Iterator[Telemetry]:
    made = Telemetry()
    made.instrument()
    yield made
    ClaudeInstrumentor().uninstrument()


class Api:
    """Answers what it is told, in chunks of what size it is told."""

    def __init__(self) -> None:
        self.body = b""
        self.kind = "application/json"
        self.cut = 0

    def __call__(self, _: Any) -> Any:
        size = self.cut or len(self.body) or 1
        chunks = [self.body[at : at + size] for at in range(0, len(self.body), size)]
        return httpx2.Response(200, headers={"content-type": self.kind}, content=iter(chunks))


@pytest.fixture(scope="module")
def api() -> Api:
    return Api()


@pytest.fixture(scope="module")
def client(api: Api) -> anthropic.Anthropic:
    transport = httpx2.MockTransport(api)
    http = httpx2.Client(transport=transport)
    return anthropic.Anthropic(api_key="k", base_url="http://test", http_client=http, max_retries=0)


def attempt(use: Any) -> None:
    """Use the SDK as an application does; what it raises is its own business."""
    try:
        use()
    except (anthropic.AnthropicError, TypeError, ValueError, AttributeError, KeyError):
        return


def recorded(telemetry: Telemetry) -> dict[str, Any]:
    (span,) = telemetry.spans
    telemetry.clear()
    return dict(span.attributes or {})


def is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def reference(usage: Any, delta: Any) -> dict[str, int]:
    """A plain reading: what the delta says wins, and the start's output is a placeholder."""
    started = {key: value for key, value in usage.items() if is_count(value)}
    started.pop("output_tokens", None)
    return started | {key: value for key, value in delta.items() if is_count(value)}


many = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@many
@given(usage=usages, delta=usages, deltas=st.integers(0, 4), stop=st.booleans(), how=st.integers(0, 3), cut=st.sampled_from([0, 1, 7, 64]))  # fmt: skip
def test_the_usage_of_a_stream_is_what_its_events_say(
    telemetry, api, client, usage, delta, deltas, stop, how, cut
):
    events = events_of(usage, delta, deltas, stop=stop)
    api.body, api.kind, api.cut = wire(events), "text/event-stream", cut

    def use() -> None:
        if how == 0:
            list(client.messages.create(**ASKED, stream=True))
        elif how == 1:
            list(client.messages.create(**ASKED, stream=True).response.iter_lines())
        elif how == 2:
            with client.messages.with_streaming_response.create(**ASKED, stream=True) as raw:
                list(raw.iter_bytes())
        else:
            with client.messages.stream(**ASKED) as stream:
                stream.until_done()

    attempt(use)
    said = recorded(telemetry)
    expected = reference(usage, delta)
    cached = (
        expected.get("cache_read_input_tokens", 0),
        expected.get("cache_creation_input_tokens", 0),
    )
    if any(key in expected for key in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")):  # fmt: skip
        assert said[semconv.USAGE_INPUT_TOKENS] == expected.get("input_tokens", 0) + sum(cached)
    else:
        assert semconv.USAGE_INPUT_TOKENS not in said
    if how < 3:  # the helper raises where there is no usage, before the last event
        assert said.get(semconv.USAGE_OUTPUT_TOKENS) == expected.get("output_tokens")
        assert said[semconv.OUTCOME] == ("completed" if stop else "truncated")
        assert said[semconv.STREAM_EVENTS] == len(events)
    if deltas:
        assert said[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] > 0
    assert _faults.drain() == {}


@many
@given(usage=odd_usages, delta=odd_usages, extra=st.lists(odd, max_size=3), data=st.data())
def test_no_stream_makes_us_fail(telemetry, api, client, usage, delta, extra, data, caplog):
    events = events_of(usage, delta, 2, stop=data.draw(st.booleans()))
    for value in extra:
        at = data.draw(st.integers(0, len(events)))
        events.insert(at, {"type": data.draw(st.sampled_from(["new", "message_start", "ping"])), "message": value, "delta": value, "usage": value})  # fmt: skip
    api.body, api.kind, api.cut = wire(events), "text/event-stream", 0
    attempt(lambda: list(client.messages.create(**ASKED, stream=True)))
    assert len(telemetry.spans) == 1
    telemetry.clear()
    assert _faults.drain() == {}
    assert [r for r in caplog.records if r.levelname == "ERROR" and "otel" in r.name] == []


@many
@given(body=st.one_of(st.binary(max_size=40), st.builds(lambda u, c, d: json.dumps({"id": "m", "type": "message", "model": "claude-haiku-4-5", "content": c, "stop_reason": d, "usage": u, "stop_details": c, "container": d, "diagnostics": u}).encode(), odd_usages, odd, odd)))  # fmt: skip
def test_no_body_makes_us_fail(telemetry, api, client, body, caplog):
    api.body, api.kind, api.cut = body, "application/json", 0
    for use in (
        lambda: client.messages.create(**ASKED),
        lambda: client.messages.with_raw_response.create(**ASKED),
        lambda: client.messages.count_tokens(model="m", messages=ASKED["messages"]),
    ):
        attempt(use)
        assert len(telemetry.spans) == 1
        telemetry.clear()
    telemetry.metrics()
    assert _faults.drain() == {}
    assert [r for r in caplog.records if r.levelname == "ERROR" and "otel" in r.name] == []


@many
@given(headers=st.dictionaries(st.sampled_from(["request-id", "anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset", "anthropic-ratelimit-", "Anthropic-RateLimit-Tokens-Reset"]), st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=25)))  # fmt: skip
def test_no_headers_make_us_fail(telemetry, client, monkeypatch, headers):
    body = {"id": "m", "type": "message", "model": "claude-haiku-4-5", "content": []}
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, headers=headers, json=body))
    odd_client = client.with_options(http_client=httpx2.Client(transport=transport))
    odd_client.messages.create(**ASKED)
    telemetry.metrics()
    telemetry.clear()
    assert _faults.drain() == {}


@pytest.mark.parametrize(
    "request_fields",
    [
        {"model": 7},
        {"model": None},
        {"extra_body": {"max_tokens": "many"}},
        {"messages": ()},
        {"thinking": "on"},
        {"output_config": 3},
        {"tools": [None, 7, {"type": 3}]},
        {"extra_body": {"model": ["x"], "billing_policy": 3}},
        {"extra_headers": {"anthropic-beta": anthropic.omit}},
        {"stop_sequences": iter(["a"])},
        {"messages": ({"role": "user", "content": c} for c in "ab")},
    ],
)
def test_odd_requests_pass_through(telemetry, api, client, request_fields):
    body = {"id": "m", "type": "message", "model": "claude-haiku-4-5", "content": []}
    api.body, api.kind, api.cut = json.dumps(body).encode(), "application/json", 0
    client.messages.create(**{**ASKED, **request_fields})
    assert recorded(telemetry)[semconv.OUTCOME] == "completed"
    assert _faults.drain() == {}
