"""Streams: order of events, usage in two places, faults in the middle, many at once."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from .conftest import plain
from .test_messages import WEATHER

if TYPE_CHECKING:
    from otel_claude.testing import Emulator


def final(client: Any, arguments: Any) -> Any:
    with client.messages.stream(**arguments) as stream:
        return stream.get_final_message()


def test_wire_order(api: Emulator, client: Any, ask: Any) -> None:
    import http.client
    import json

    connection = http.client.HTTPConnection(api.url.removeprefix("http://"))
    body = json.dumps({**ask(), "stream": True})
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    connection.request("POST", "/v1/messages", body, headers)
    response = connection.getresponse()
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["transfer-encoding"] == "chunked"
    names = [
        line[7:] for line in response.read().decode().splitlines() if line.startswith("event:")
    ]
    connection.close()
    assert names[:3] == ["message_start", "content_block_start", "ping"]
    assert set(names[3:-3]) == {"content_block_delta"}
    assert names[-3:] == ["content_block_stop", "message_delta", "message_stop"]


def test_stream_equals_ledger(api: Emulator, client: Any, ask: Any) -> None:
    message = final(client, ask())
    entry = api.ledger[-1]
    assert entry.message_id == message.id
    assert entry.complete
    assert entry.stream
    assert entry.usage["output_tokens"] == message.usage.output_tokens
    assert entry.usage["input_tokens"] == message.usage.input_tokens
    assert entry.stop_reason == message.stop_reason == "end_turn"


def test_start_holds_a_placeholder_and_delta_the_total(client: Any, ask: Any) -> None:
    events = list(client.messages.create(**ask(), stream=True))
    start, delta = events[0], events[-2]
    assert start.message.usage.output_tokens == 1
    assert start.message.stop_reason is None
    assert plain(start.message.usage)["service_tier"] == "standard"
    assert delta.usage.output_tokens > 1
    assert delta.usage.input_tokens == start.message.usage.input_tokens
    assert "service_tier" not in plain(delta.usage)


def test_tool_input_comes_in_pieces(client: Any, ask: Any) -> None:
    events = list(client.messages.create(**ask(tools=[WEATHER]), stream=True))
    pieces = [
        e.delta.partial_json
        for e in events
        if getattr(getattr(e, "delta", None), "type", "") == "input_json_delta"
    ]
    assert len(pieces) > 2
    message = final(client, ask(tools=[WEATHER]))
    assert set(message.content[-1].input) == {"location", "days"}


def test_thinking_streams_and_is_signed(client: Any, ask: Any) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    message = final(client, ask(max_tokens=3000, thinking=thinking))
    assert message.content[0].type == "thinking"
    assert message.content[0].thinking
    assert message.content[0].signature


def test_thousand_events(api: Emulator, client: Any, ask: Any) -> None:
    events = list(
        client.messages.create(**ask(scenario="events=1000", max_tokens=2000), stream=True)
    )
    assert sum(event.type == "content_block_delta" for event in events) == 1000
    assert api.ledger[-1].usage["output_tokens"] == 1000


@pytest.mark.parametrize("scenario", ["error=overloaded_error,after=4", "error=api_error,after=4"])
def test_error_in_mid_stream(api: Emulator, client: Any, ask: Any, scenario: Any) -> None:
    with pytest.raises(anthropic.APIStatusError) as failed:
        list(client.messages.create(**ask(scenario=scenario), stream=True))
    error: Any = failed.value
    kind = scenario.partition("=")[2].partition(",")[0]
    assert error.body["error"]["type"] == kind
    assert error.body["request_id"] == api.ledger[-1].request_id
    assert api.ledger[-1].error_type == kind
    assert api.ledger[-1].status == 200
    assert not api.ledger[-1].complete
    assert api.ledger[-1].stop_reason is None


def test_cut_stream_ends_cleanly(api: Emulator, client: Any, ask: Any) -> None:
    events = list(client.messages.create(**ask(scenario="cut=5"), stream=True))
    assert events[-1].type == "content_block_delta"
    entry = api.ledger[-1]
    assert not entry.complete
    assert entry.stop_reason is None
    text = "".join(e.delta.text for e in events if e.type == "content_block_delta")
    assert entry.usage["output_tokens"] == len(text.split())


def test_dropped_stream(api: Emulator, client: Any, ask: Any) -> None:
    seen: list[str] = []
    with pytest.raises(Exception, match=r"(?i)peer closed|incomplete|connection"):
        seen.extend(
            event.type for event in client.messages.create(**ask(scenario="drop=5"), stream=True)
        )
    assert seen[0] == "message_start"
    assert not api.ledger[-1].complete


def test_slow_stream_and_early_close(api: Emulator, client: Any, ask: Any) -> None:
    started = time.perf_counter()
    with client.messages.create(**ask(scenario="slow=0.01;events=20"), stream=True) as stream:
        for _ in stream:
            pass
    assert time.perf_counter() - started > 0.2
    with client.messages.create(**ask(scenario="slow=0.02;events=50"), stream=True) as stream:
        for event in stream:
            if event.type == "content_block_delta":
                break
    deadline = time.time() + 2
    while time.time() < deadline and api.ledger[-1].usage["output_tokens"] < 1:
        time.sleep(0.01)
    time.sleep(0.1)
    assert not api.ledger[-1].complete
    assert api.ledger[-1].usage["output_tokens"] < 50


def test_pace(client: Any, ask: Any) -> None:
    started = time.perf_counter()
    first = None
    for event in client.messages.create(**ask(scenario="pace=60,tps=200;events=10"), stream=True):
        if event.type == "content_block_delta" and first is None:
            first = time.perf_counter() - started
    assert first is not None
    assert first >= 0.06
    assert time.perf_counter() - started >= 0.06 + 9 / 200


def test_late_headers(client: Any, ask: Any) -> None:
    started = time.perf_counter()
    client.messages.create(**ask(scenario="late_headers=0.1"))
    assert time.perf_counter() - started >= 0.1


def test_two_hundred_streams_at_once(api: Emulator, ask: Any) -> None:
    async def main() -> list[tuple[str, int]]:
        async with anthropic.AsyncAnthropic(api_key="k", base_url=api.url, timeout=60) as client:

            async def one(index: int) -> tuple[str, int]:
                async with client.messages.stream(**ask(f"number {index}", "slow=0.002")) as stream:
                    message = await stream.get_final_message()
                return message.id, message.usage.output_tokens

            return await asyncio.gather(*(one(index) for index in range(200)))

    seen = asyncio.run(main())
    assert len({message_id for message_id, _ in seen}) == 200
    billed = {entry.message_id: entry.usage["output_tokens"] for entry in api.ledger}
    assert dict(seen) == billed
    assert all(entry.complete for entry in api.ledger)


def test_content_does_not_depend_on_concurrency(ask: Any) -> None:
    from otel_claude.testing import Emulator

    def texts(workers: int) -> list[str]:
        with (
            Emulator(seed=3) as api,
            anthropic.Anthropic(api_key="k", base_url=api.url) as client,
            ThreadPoolExecutor(workers) as pool,
        ):
            call = lambda n: final(client, ask(f"question {n}"))  # noqa: E731
            return [f"{m.id}{m.content[0].text}" for m in pool.map(call, range(20))]

    assert texts(1) == texts(10)


def test_threads_are_gone_after_stop(ask: Any) -> None:
    from otel_claude.testing import Emulator

    before = set(threading.enumerate())
    api = Emulator().start()
    with anthropic.Anthropic(api_key="k", base_url=api.url) as client:
        stream = client.messages.create(**ask(scenario="slow=5"), stream=True)
        started = time.perf_counter()
        api.stop()
        assert time.perf_counter() - started < 1
        stream.close()
    assert set(threading.enumerate()) <= before
    api.stop()
