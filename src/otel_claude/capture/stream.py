"""Watches a stream without standing in front of it: the application keeps the SDK's own object.

The iterator inside the stream is replaced by a reader that passes every event on; `close` is
patched on the class; a dropped stream is seen by `weakref.finalize`. All ends meet in
`Call.finish`, which counts only the first.
"""

from __future__ import annotations

import sys
import time
import weakref
from typing import TYPE_CHECKING, Any

from otel_claude import _faults
from otel_claude.call.usage import fields, text
from otel_claude.capture.response import STATE, read_block, read_ending, read_message_head

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_claude.call.call import Call


def watch(call: Call, stream: Any, *, is_async: bool) -> None:
    """Follow `stream` to its end, whichever that is."""
    kind: type[_Reader]
    if call.chunk_times is None and call.content is None:
        kind = AsyncReader if is_async else Reader
    else:
        kind = AsyncDeltaReader if is_async else DeltaReader
    stream._iterator = kind(call, stream._iterator)
    stream.__dict__[STATE] = call
    response = stream.response
    weakref.finalize(stream, _dropped, call, weakref.ref(response))


def _dropped(call: Call, reference: weakref.ref[Any]) -> None:
    """The stream is gone; its response may live on, to be read directly. Never raises."""
    response = reference()
    if response is not None and call.first_event is None and not response.is_closed:
        weakref.finalize(response, call.finish, "abandoned")
    else:
        call.finish("abandoned")


def closing(stream: Any) -> None:
    """The application closes a stream, directly or by leaving its `with` block. Never raises."""
    try:
        call = stream.__dict__.get(STATE)
        if call is None:
            return
        # The `with` block of a cancelled task is left by its exception, which is then current.
        error = sys.exc_info()[1]
        if isinstance(error, Exception) and _raised_by_helper(stream, error):
            from otel_claude.capture.failure import ended_by

            ended_by(call, error)
        elif error is None or isinstance(error, Exception | GeneratorExit):
            call.finish("abandoned")
        else:
            call.finish("cancelled")
    except Exception:
        _faults.report("stream.close")


def _raised_by_helper(stream: Any, error: Exception) -> bool:
    """Whether the SDK's stream helper raised while it read this stream.

    It may be unable to put the message together (no usage, content that does not parse): the call
    failed. Any other exception in the `with` block is the application's, which walked away.
    """
    frames = error.__traceback__
    while frames is not None:
        frame = frames.tb_frame
        if str(frame.f_globals.get("__name__")).startswith("anthropic.lib.streaming"):
            helper = frame.f_locals.get("self")
            if getattr(helper, "_raw_stream", None) is stream:
                return True
        frames = frames.tb_next
    return False


def see(call: Call, event: Any) -> None:
    """Read one event of a stream. Never raises.

    Called for every event but the content deltas after the first.
    """
    try:
        now = time.perf_counter_ns()
        if call.first_event is None:
            call.first_event = now
        said = fields(event)
        kind = said.get("type")
        if kind == "content_block_delta":
            if call.first_token is None:
                call.first_token = now
        elif kind == "content_block_start":
            block = said.get("content_block")
            read_block(call, block)
            if call.content is not None:
                call.content.start_block(said.get("index"), block)
        elif kind == "message_start":
            message = fields(said.get("message"))
            read_message_head(call, message)
            call.usage.read(message.get("usage"))
            # A placeholder stands here; the true counts come with `message_delta`.
            call.usage.output_tokens = None
            call.usage.thinking_tokens = None
        elif kind == "message_delta":
            call.usage.read(said.get("usage"))
            read_ending(call, fields(said.get("delta")))
            if call.describe is not None:
                call.describe(call)
        elif kind == "message_stop":
            call.finish("completed")
        elif kind == "completion":
            _see_completion(call, said, now)
    except Exception:
        _faults.report("stream.event")


def _see_completion(call: Call, said: Mapping[str, Any], now: int) -> None:
    """An event of the legacy completions API: it has no usage and ends with a stop reason."""
    if call.first_token is None:
        call.first_token = now
    if call.content is not None and (piece := text(said.get("completion"))) is not None:
        call.content.add_completion(piece)
    read_message_head(call, said)
    read_ending(call, said)
    if call.stop_reason is not None:
        call.finish("completed")


class _Reader:
    """What both readers share: the call, and the SDK's iterator that they stand in for."""

    __slots__ = ("_call", "_inner", "_next")

    _method = "__next__"

    def __init__(self, call: Call, inner: Any) -> None:
        self._call = call
        self._inner = inner
        self._next = getattr(inner, self._method)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _ended(self, error: BaseException | None) -> None:
        """The SDK's iterator ended: by itself (None) or by an exception. Never raises."""
        try:
            if error is not None:
                from otel_claude.capture.failure import ended_by

                ended_by(self._call, error)
            elif self._call.outcome is None:
                # Without `message_stop`, which would have finished the call, the server cut it off.
                from otel_claude.capture.failure import truncated

                self._call.finish("truncated", truncated())
        except Exception:
            _faults.report("stream.end")


class Reader(_Reader):
    """Passes the events of a `Stream` on."""

    __slots__ = ()

    def __iter__(self) -> Reader:
        return self

    def __next__(self) -> Any:
        call = self._call
        call.by_events = True
        try:
            event = self._next()
        except StopIteration:
            self._ended(None)
            raise
        except BaseException as error:
            self._ended(error)
            raise
        call.events += 1
        # Nothing else matters in a delta once the first has been timed.
        if call.first_token is None or getattr(event, "type", None) != "content_block_delta":
            see(call, event)
        return event


class AsyncReader(_Reader):
    """Passes the events of an `AsyncStream` on."""

    __slots__ = ()
    _method = "__anext__"

    def __aiter__(self) -> AsyncReader:
        return self

    async def __anext__(self) -> Any:
        call = self._call
        call.by_events = True
        try:
            event = await self._next()
        except StopAsyncIteration:
            self._ended(None)
            raise
        except BaseException as error:
            self._ended(error)
            raise
        call.events += 1
        if call.first_token is None or getattr(event, "type", None) != "content_block_delta":
            see(call, event)
        return event


class DeltaReader(Reader):
    """A reader that also looks at every content delta."""

    __slots__ = ()

    def __next__(self) -> Any:
        event = super().__next__()
        _look(self._call, event)
        return event


class AsyncDeltaReader(AsyncReader):
    """A reader that also looks at every content delta."""

    __slots__ = ()

    async def __anext__(self) -> Any:
        event = await super().__anext__()
        _look(self._call, event)
        return event


def _look(call: Call, event: Any) -> None:
    """Keep what an observer wants of a content delta: when it came, what it says. Never raises."""
    if getattr(event, "type", None) != "content_block_delta":
        return
    if call.chunk_times is not None:
        call.chunk_times.append(time.perf_counter_ns())
    if call.content is not None:
        try:
            call.content.add_delta(event.index, event.delta)
        except Exception:
            _faults.report("stream.content")
