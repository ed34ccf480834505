"""The workloads: real clients of the Anthropic SDK over a transport in memory.

Runs in every environment that is measured, so it imports nothing but the SDK and its HTTP client.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import anthropic

try:  # the SDK's HTTP client is httpx2 from 1.0 on
    import httpx2 as httpx  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    import httpx  # type: ignore[import-not-found, no-redef, unused-ignore]

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

MODEL: Final = "claude-sonnet-5"
STREAM_EVENTS: Final = 1_000

AsyncBody: Any = httpx.AsyncByteStream
Response: Any = httpx.Response

HEADERS: Final = (
    ("date", "Thu, 01 Oct 2026 10:00:00 GMT"),
    ("connection", "keep-alive"),
    ("server", "cloudflare"),
    ("anthropic-ratelimit-requests-limit", "4000"),
    ("anthropic-ratelimit-requests-remaining", "3999"),
    ("anthropic-ratelimit-requests-reset", "2036-10-01T10:00:00Z"),
    ("anthropic-ratelimit-tokens-limit", "480000"),
    ("anthropic-ratelimit-tokens-remaining", "470000"),
    ("anthropic-ratelimit-tokens-reset", "2036-10-01T10:00:01Z"),
    ("anthropic-ratelimit-input-tokens-limit", "400000"),
    ("anthropic-ratelimit-input-tokens-remaining", "392000"),
    ("anthropic-ratelimit-input-tokens-reset", "2036-10-01T10:00:01Z"),
    ("anthropic-ratelimit-output-tokens-limit", "80000"),
    ("anthropic-ratelimit-output-tokens-remaining", "78000"),
    ("anthropic-ratelimit-output-tokens-reset", "2036-10-01T10:00:01Z"),
    ("request-id", "req_011CTbenchmarkbenchmarkxy"),
    ("anthropic-organization-id", "7f0c8b1e-2222-4444-8888-aaaaaaaaaaaa"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
    ("via", "1.1 google"),
    ("cf-cache-status", "DYNAMIC"),
    ("x-robots-tag", "none"),
    ("cf-ray", "9876543210abcdef-FRA"),
)
"""Response headers as the API sends them: twelve on rate limits among two dozen."""

_USAGE: Final = {
    "input_tokens": 1200,
    "cache_creation_input_tokens": 300,
    "cache_read_input_tokens": 4000,
    "cache_creation": {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 350,
    "service_tier": "standard",
    "inference_geo": "not_available",
}
_MESSAGE: Final = {
    "id": "msg_01BenchmarkBenchmarkBench",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5",
    "content": [{"type": "text", "text": "The quick brown fox jumps over the lazy dog. " * 12}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": _USAGE,
}
_BODY: Final = json.dumps(_MESSAGE).encode()


def _events() -> Iterator[dict[str, Any]]:
    head = {**_MESSAGE, "content": [], "stop_reason": None, "usage": {**_USAGE, "output_tokens": 1}}
    yield {"type": "message_start", "message": head}
    yield {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "text", "text": ""},
    }
    for number in range(STREAM_EVENTS - 5):
        text = f" word{number % 100}"
        yield {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": text},
        }
    yield {"type": "content_block_stop", "index": 0}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 995},
    }
    yield {"type": "message_stop"}


def _sse(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


CHUNKS: Final = tuple(_sse(event) for event in _events())
"""A stream, one chunk per event, as they come over the network."""

_JSON_HEADERS: Final = [*HEADERS, ("content-type", "application/json")]
SSE_HEADERS: Final = [*HEADERS, ("content-type", "text/event-stream; charset=utf-8")]


class Chunks(httpx.SyncByteStream, httpx.AsyncByteStream):  # type: ignore[misc, unused-ignore]
    """A body that arrives event by event."""

    def __iter__(self) -> Iterator[bytes]:
        return iter(CHUNKS)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in CHUNKS:
            yield chunk


def _answer(request: Any) -> Any:
    if b'"stream":true' in request.content or b'"stream": true' in request.content:
        return httpx.Response(200, headers=SSE_HEADERS, stream=Chunks())
    return httpx.Response(200, headers=_JSON_HEADERS, content=_BODY)


async def _answer_async(request: Any) -> Any:
    return _answer(request)


def make_client() -> Any:
    """A client whose requests never leave the process."""
    transport = httpx.MockTransport(_answer)
    return anthropic.Anthropic(
        api_key="sk-ant-bench", http_client=httpx.Client(transport=transport)
    )


def make_async_client(answer: Callable[[Any], Any] = _answer_async) -> Any:
    """The asynchronous one."""
    transport = httpx.MockTransport(answer)
    return anthropic.AsyncAnthropic(
        api_key="sk-ant-bench", http_client=httpx.AsyncClient(transport=transport)
    )


SHORT: Final = [{"role": "user", "content": "Say something about foxes and dogs, in one line."}]
LONG: Final = [
    {"role": role, "content": f"{number}: " + "lorem ipsum dolor sit amet, " * 73}
    for number, role in zip(range(50), itertools.cycle(("user", "assistant")), strict=False)
]
"""A history of 50 messages, 100 KB."""


class Workloads:
    """The clients, and one method per workload that does it `n` times."""

    def __init__(self) -> None:
        self.client = make_client()
        self.async_client = make_async_client()
        self.loop = asyncio.new_event_loop()

    def create(self, n: int) -> None:
        """`messages.create`."""
        for _ in range(n):
            self.client.messages.create(model=MODEL, max_tokens=1024, messages=SHORT)

    def create_async(self, n: int) -> None:
        """The same on the asynchronous client."""

        async def run() -> None:
            for _ in range(n):
                await self.async_client.messages.create(
                    model=MODEL, max_tokens=1024, messages=SHORT
                )

        self.loop.run_until_complete(run())

    def create_long(self, n: int) -> None:
        """`messages.create` with the long history."""
        for _ in range(n):
            self.client.messages.create(model=MODEL, max_tokens=1024, messages=LONG)

    def stream_raw(self, n: int) -> None:
        """`create(stream=True)`, every event read."""
        for _ in range(n):
            stream = self.client.messages.create(
                model=MODEL, max_tokens=1024, messages=SHORT, stream=True
            )
            for _event in stream:
                pass

    def stream_text(self, n: int) -> None:
        """`messages.stream`, read through `text_stream`."""
        for _ in range(n):
            with self.client.messages.stream(
                model=MODEL, max_tokens=1024, messages=SHORT
            ) as stream:
                for _text in stream.text_stream:
                    pass

    def stream_async(self, n: int) -> None:
        """`create(stream=True)` on the asynchronous client."""

        async def run() -> None:
            for _ in range(n):
                stream = await self.async_client.messages.create(
                    model=MODEL, max_tokens=1024, messages=SHORT, stream=True
                )
                async for _event in stream:
                    pass

        self.loop.run_until_complete(run())


@dataclass(frozen=True)
class Workload:
    """A workload as it is reported.

    Attributes:
        name: method of `Workloads`.
        title: for people.
        times: how often it is done in a round.
        events: stream events that one of it reads; the unit is then the event.
    """

    name: str
    title: str
    times: int
    events: int = 0

    @property
    def unit(self) -> str:
        """What one of it is counted as."""
        return "event" if self.events else "call"


WORKLOADS: Final = (
    Workload("create", "create", 400),
    Workload("create_async", "create, async", 400),
    Workload("create_long", "create, 50 messages of 100 KB", 200),
    Workload("stream_raw", "stream, raw events", 10, STREAM_EVENTS),
    Workload("stream_text", "stream, text_stream", 10, STREAM_EVENTS),
    Workload("stream_async", "stream, async", 10, STREAM_EVENTS),
)
