"""Watches the bytes of a response that the application reads by itself.

`with_streaming_response`, `stream.response.iter_lines()` and the like pass no event of the SDK.
Here the chunks pass by unchanged while a bounded reader looks for the few lines that matter.
Where the SDK's own stream reads the response, nothing is done: its events tell everything.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from otel_claude import _faults
from otel_claude.call.errors import Failure, categorize
from otel_claude.capture.failure import ended_by, said_type, truncated
from otel_claude.capture.response import read_message
from otel_claude.capture.stream import see

if TYPE_CHECKING:
    from otel_claude.call.call import Call

_LINE_LIMIT: Final = 1 << 20  # bytes of one SSE line; a longer one is passed over
_BODY_LIMIT: Final = 16 << 20  # bytes of a JSON body; of a longer one the usage stays unknown
_RAW: Final = ("iter_raw", "aiter_raw")
_DECODED: Final = ("iter_bytes", "aiter_bytes")
_DELTA: Final = {"type": "content_block_delta"}


class BodyReader:
    """Reads a body chunk by chunk into a call: server-sent events, or one JSON document."""

    __slots__ = ("_body", "_call", "_event", "_line", "_sse", "_too_long")

    def __init__(self, call: Call, *, sse: bool) -> None:
        self._call = call
        self._sse = sse
        self._line = bytearray()
        self._too_long = False
        self._event = b""
        self._body = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes. Never raises."""
        try:
            if self._sse:
                self._feed_lines(chunk)
            elif len(self._body) + len(chunk) <= _BODY_LIMIT:
                self._body += chunk
            else:
                self._too_long = True
        except Exception:
            _faults.report("body")

    def end(self, error: BaseException | None) -> None:
        """The body ended: whole (None), or by an exception. Never raises."""
        try:
            if error is not None:
                if isinstance(error, GeneratorExit):
                    self._call.finish("abandoned")
                else:
                    ended_by(self._call, error)
            elif self._sse:
                self._see_line(bytes(self._line))  # the last one may have no end
                self._call.finish("truncated", truncated())
            else:
                if not self._too_long:
                    _read_json(self._call, bytes(self._body))
                self._call.finish("completed")
        except Exception:
            _faults.report("body.end")

    def _feed_lines(self, chunk: bytes) -> None:
        first, *rest = chunk.replace(b"\r", b"\n").split(b"\n")
        self._extend(first)
        for line in rest:
            if not self._too_long:
                self._see_line(bytes(self._line))
            self._line.clear()
            self._too_long = False
            self._extend(line)

    def _extend(self, piece: bytes) -> None:
        if len(self._line) + len(piece) > _LINE_LIMIT:
            self._too_long = True
        else:
            self._line += piece

    def _see_line(self, line: bytes) -> None:
        if line.startswith(b"event:"):
            self._event = line[6:].strip()
        elif line.startswith(b"data:") and self._event != b"ping":
            call = self._call
            call.events += 1
            if self._event == b"content_block_delta":
                if call.first_token is None:
                    see(call, _DELTA)
                if call.content is None:
                    return
            try:
                event = json.loads(line[5:])
            except ValueError:
                return
            if self._event == b"content_block_delta":
                if call.content is not None:
                    call.content.add_delta(event["index"], event["delta"])
            elif self._event == b"error":
                _fail(call, event)
            else:
                see(call, event)


def _read_json(call: Call, body: bytes) -> None:
    try:
        message = json.loads(body)
    except ValueError:
        return
    if isinstance(message, Mapping):
        read_message(call, message)


def _fail(call: Call, event: Any) -> None:
    """An `error` event that the application read by itself: no exception carries it."""
    error_type = said_type(event) or "api_error"
    call.finish("failed", Failure(type=error_type, category=categorize(error_type)))


def attach(call: Call, response: Any) -> None:
    """Watch whatever reads the body of an HTTP response (httpx or httpx2) from now on.

    All ways of reading go through two methods, which are shadowed on this one object until one of
    them is called.
    """
    compressed = bool(response.headers.get("content-encoding"))
    sse = "text/event-stream" in (response.headers.get("content-type") or "")
    names = _DECODED if compressed else _RAW
    ways: tuple[Callable[..., Any], Callable[..., Any]] = (_follow, _follow_async)
    for name, follow in zip(names, ways, strict=True):
        setattr(response, name, _shadow(call, response, name, follow, sse=sse))


def _shadow(
    call: Call, response: Any, name: str, follow: Callable[..., Any], *, sse: bool
) -> Callable[..., Any]:
    def read(*args: Any, **kwargs: Any) -> Any:
        for shadow in (*_RAW, *_DECODED):
            response.__dict__.pop(shadow, None)
        chunks = getattr(response, name)(*args, **kwargs)
        if call.by_events or call.outcome is not None:
            return chunks
        return follow(chunks, BodyReader(call, sse=sse))

    return read


def _follow(chunks: Iterator[bytes], reader: BodyReader) -> Iterator[bytes]:
    try:
        for chunk in chunks:
            reader.feed(chunk)
            yield chunk
    except BaseException as error:
        reader.end(error)
        raise
    reader.end(None)


async def _follow_async(chunks: AsyncIterator[bytes], reader: BodyReader) -> AsyncIterator[bytes]:
    try:
        async for chunk in chunks:
            reader.feed(chunk)
            yield chunk
    except BaseException as error:
        reader.end(error)
        raise
    reader.end(None)
