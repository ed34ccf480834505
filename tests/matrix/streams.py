"""Streamed calls: each surface, and the ways the reading of a stream can end.

A surface gives a *manager* (`make`) and, once that was entered, the *stream* (`of`). For
`create(stream=True)` all three are one object and the request is sent by `make`; for `.stream()` and
`with_streaming_response` it is sent on entering.
"""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from tests.matrix.cells import PROVIDERS, Cell, Expect, lacks
from tests.matrix.plain import read_timeout
from tests.matrix.world import World, drive

Ask = dict[str, Any]
Make = Callable[[World, str, Ask], Coroutine[Any, Any, Any]]
Of = Callable[[World, Any], Coroutine[Any, Any, Any]]


# --- the surfaces ------------------------------------------------------------------------------


async def create(w: World, kind: str, ask: Ask) -> Any:
    return await w.get(w.client(kind).messages.create(**ask, stream=True))


async def beta_create(w: World, kind: str, ask: Ask) -> Any:
    return await w.get(w.client(kind).beta.messages.create(**ask, stream=True))


async def helper(w: World, kind: str, ask: Ask) -> Any:
    return w.client(kind).messages.stream(**ask)


async def beta_helper(w: World, kind: str, ask: Ask) -> Any:
    return w.client(kind).beta.messages.stream(**ask)


async def raw(w: World, kind: str, ask: Ask) -> Any:
    answer = await w.get(w.client(kind).messages.with_raw_response.create(**ask, stream=True))
    return await w.get(answer.parse())


async def raw_twice(w: World, kind: str, ask: Ask) -> Any:
    answer = await w.get(w.client(kind).messages.with_raw_response.create(**ask, stream=True))
    first = await w.get(answer.parse())
    w.see("same", first is await w.get(answer.parse()))
    return first


async def beta_raw(w: World, kind: str, ask: Ask) -> Any:
    answer = await w.get(w.client(kind).beta.messages.with_raw_response.create(**ask, stream=True))
    return await w.get(answer.parse())


async def streaming(w: World, kind: str, ask: Ask) -> Any:
    return w.client(kind).messages.with_streaming_response.create(**ask, stream=True)


async def captured_create(w: World, kind: str, ask: Ask) -> Any:
    return await w.get(w.captured["create", w.retries](**ask, stream=True))


async def captured_helper(w: World, kind: str, ask: Ask) -> Any:
    return w.captured["stream", w.retries](**ask)


async def captured_raw(w: World, kind: str, ask: Ask) -> Any:
    answer = await w.get(w.captured["raw", w.retries](**ask, stream=True))
    return await w.get(answer.parse())


async def captured_streaming(w: World, kind: str, ask: Ask) -> Any:
    return w.captured["streaming", w.retries](**ask, stream=True)


async def post(w: World, kind: str, ask: Ask) -> Any:
    import anthropic
    from anthropic.types import Message, RawMessageStreamEvent

    options = {"headers": ask.pop("extra_headers")}
    if "timeout" in ask:
        options["timeout"] = ask.pop("timeout")
    of: Any = anthropic.AsyncStream if w.is_async else anthropic.Stream
    return await w.get(
        w.client(kind).post(
            "/v1/messages",
            cast_to=Message,
            body={**ask, "stream": True},
            options=options,
            stream=True,
            stream_cls=of[RawMessageStreamEvent],
        )
    )


async def with_options(w: World, kind: str, ask: Ask) -> Any:
    client = w.client(kind).with_options(default_headers={"x-of-mine": "1"})
    return await w.get(client.messages.create(**ask, stream=True))


async def itself(_w: World, entered: Any) -> Any:
    return entered


async def parsed(w: World, entered: Any) -> Any:
    return await w.get(entered.parse())


@dataclass(frozen=True)
class Row:
    """A surface of this module."""

    name: str
    make: Make
    of: Of = itself
    path: str = "messages.create"
    kind: str = "anthropic"
    traits: frozenset[str] = frozenset()

    @property
    def expect(self) -> Expect:
        return Expect(provider=PROVIDERS.get(self.kind, "anthropic"), stream=True, content=True)


_HELPER = frozenset({"helper", "late"})
_LATE = frozenset({"late"})

ROWS: tuple[Row, ...] = (
    Row("messages.create(stream=True)", create),
    Row("beta.messages.create(stream=True)", beta_create, path="beta.messages.create"),
    Row("messages.stream", helper, path="messages.stream", traits=_HELPER),
    Row("beta.messages.stream", beta_helper, path="beta.messages.stream", traits=_HELPER),
    Row("with_raw_response stream", raw),
    Row("with_raw_response stream, parsed twice", raw_twice),
    Row("beta with_raw_response stream", beta_raw, path="beta.messages.create"),
    Row("with_streaming_response stream", streaming, parsed, traits=_LATE),
    Row("captured create(stream=True)", captured_create),
    Row("captured stream", captured_helper, traits=_HELPER),
    Row("captured with_raw_response stream", captured_raw),
    Row("captured with_streaming_response stream", captured_streaming, parsed, traits=_LATE),
    Row("client.post(stream=True)", post),
    Row("with_options create(stream=True)", with_options),
    Row("Bedrock create(stream=True)", create, kind="bedrock"),
    Row(
        "Bedrock beta create(stream=True)", beta_create, path="beta.messages.create", kind="bedrock"
    ),
    Row("Bedrock stream", helper, path="messages.stream", kind="bedrock", traits=_HELPER),
    Row("Vertex create(stream=True)", create, kind="vertex"),
    Row("Vertex beta create(stream=True)", beta_create, path="beta.messages.create", kind="vertex"),
    Row("Vertex stream", helper, path="messages.stream", kind="vertex", traits=_HELPER),
    Row("Bedrock Mantle create(stream=True)", create, kind="mantle"),
    Row("Foundry create(stream=True)", create, kind="foundry"),
    Row("Foundry stream", helper, path="messages.stream", kind="foundry", traits=_HELPER),
    Row("AWS create(stream=True)", create, kind="aws"),
    Row("Google Cloud create(stream=True)", create, kind="google_cloud"),
)


# --- the endings: each is a program over a surface -----------------------------------------------


class AppError(Exception):
    """What goes wrong in the program itself."""


def _is_content(event: Any) -> bool:
    return getattr(event, "type", None) == "content_block_delta"


async def _open(w: World, row: Row, ask: Ask) -> tuple[Any, Any]:
    """Manager and stream, entered by hand where the manager wants to be entered."""
    manager = await row.make(w, row.kind, ask)
    if "late" not in row.traits:
        return manager, manager
    entered = manager.__enter__() if not w.is_async else await manager.__aenter__()
    return manager, await row.of(w, entered)


async def _some(w: World, stream: Any) -> None:
    """Read up to the first content."""
    while not _is_content(event := await w.step(stream)):
        w.see("event", event)
        if event is None:
            return


async def read(w: World, row: Row, ask: Ask) -> None:
    async with w.within(await row.make(w, row.kind, ask)) as entered:
        stream = await row.of(w, entered)
        w.see("stream", stream)
        async for event in w.each(stream):
            w.see("event", event)
    w.see("left", stream)


async def read_without_with(w: World, row: Row, ask: Ask) -> None:
    _manager, stream = await _open(w, row, ask)
    async for event in w.each(stream):
        w.see("event", event)


async def read_by_next(w: World, row: Row, ask: Ask) -> None:
    _manager, stream = await _open(w, row, ask)
    while (event := await w.step(stream)) is not None:
        w.see("event", event)


async def read_twice(w: World, row: Row, ask: Ask) -> None:
    async with w.within(await row.make(w, row.kind, ask)) as entered:
        stream = await row.of(w, entered)
        w.see("first", [event async for event in w.each(stream)])
        w.see("second", [event async for event in w.each(stream)])


async def read_elsewhere(w: World, row: Row, ask: Ask) -> None:
    """Made here, read in another thread or task."""
    _manager, stream = await _open(w, row, ask)

    async def reading() -> None:
        async for event in w.each(stream):
            w.see("event", event)

    if w.is_async:
        await asyncio.ensure_future(reading())
    else:
        thread = threading.Thread(target=lambda: drive(reading()))
        thread.start()
        thread.join()


async def broken(w: World, row: Row, ask: Ask) -> None:
    """`break`, with nothing that closes: over when the stream dies."""
    _manager, stream = await _open(w, row, ask)
    async for event in w.each(stream):
        w.see("event", event)
        if _is_content(event):
            break


async def closed(w: World, row: Row, ask: Ask) -> None:
    manager, stream = await _open(w, row, ask)
    await _some(w, stream)
    await w.get(stream.close())
    try:
        w.see("after close", await w.step(stream))
    except Exception as error:
        w.see("after close", error)
    if "late" in row.traits:
        await (w.within(manager)).__aexit__(None, None, None)


async def with_0(w: World, row: Row, ask: Ask) -> None:
    async with w.within(await row.make(w, row.kind, ask)) as entered:
        w.see("stream", await row.of(w, entered))


async def with_1(w: World, row: Row, ask: Ask) -> None:
    async with w.within(await row.make(w, row.kind, ask)) as entered:
        w.see("event", await w.step(await row.of(w, entered)))


async def with_n(w: World, row: Row, ask: Ask) -> None:
    async with w.within(await row.make(w, row.kind, ask)) as entered:
        await _some(w, await row.of(w, entered))


async def app_error(w: World, row: Row, ask: Ask) -> None:
    async with w.within(await row.make(w, row.kind, ask)) as entered:
        await _some(w, await row.of(w, entered))
        raise AppError("the program's own")


async def dropped_unread(w: World, row: Row, ask: Ask) -> None:
    manager, stream = await _open(w, row, ask)
    w.see("stream", stream)
    del manager, stream


async def dropped_half(w: World, row: Row, ask: Ask) -> None:
    manager, stream = await _open(w, row, ask)
    await _some(w, stream)
    del manager, stream


async def dropped_in_cycle(w: World, row: Row, ask: Ask) -> None:
    manager, stream = await _open(w, row, ask)
    await _some(w, stream)
    cycle: list[Any] = [manager, stream]
    cycle.append(cycle)
    del manager, stream, cycle
    gc.collect()


async def never_entered(w: World, row: Row, ask: Ask) -> None:
    manager = await row.make(w, row.kind, ask)
    w.see("manager", type(manager).__name__)
    del manager


async def text_stream(w: World, row: Row, ask: Ask) -> None:
    async with w.within(await row.make(w, row.kind, ask)) as stream:
        w.see("text", [text async for text in w.each(stream.text_stream)])


async def final_message(w: World, row: Row, ask: Ask) -> None:
    async with w.within(await row.make(w, row.kind, ask)) as stream:
        w.see("message", await w.get(stream.get_final_message()))


async def final_text(w: World, row: Row, ask: Ask) -> None:
    async with w.within(await row.make(w, row.kind, ask)) as stream:
        await _some(w, stream)
        w.see("text", await w.get(stream.get_final_text()))


async def until_done(w: World, row: Row, ask: Ask) -> None:
    async with w.within(await row.make(w, row.kind, ask)) as stream:
        await w.get(stream.until_done())
        w.see("snapshot", stream.current_message_snapshot)


async def snapshot(w: World, row: Row, ask: Ask) -> None:
    async with w.within(await row.make(w, row.kind, ask)) as stream:
        await _some(w, stream)
        w.see("snapshot", stream.current_message_snapshot)


async def lines(w: World, row: Row, ask: Ask) -> None:
    """The lines under the stream, which passes no event then."""
    async with w.within(await row.make(w, row.kind, ask)) as entered:
        response = (await row.of(w, entered)).response
        read_lines = response.aiter_lines() if w.is_async else response.iter_lines()
        w.see("lines", [line async for line in w.each(read_lines)])


async def some_bytes(w: World, row: Row, ask: Ask) -> None:
    async with w.within(await row.make(w, row.kind, ask)) as entered:
        response = (await row.of(w, entered)).response
        read_bytes = response.aiter_bytes() if w.is_async else response.iter_bytes()
        total = b""
        async for chunk in w.each(read_bytes):
            total += chunk
            if b"content_block_delta" in total:
                break
        w.see("bytes", total)


async def _cancel(task: asyncio.Future[None], reached: asyncio.Event) -> None:
    waiting = asyncio.ensure_future(reached.wait())
    either: set[asyncio.Future[Any]] = {task, waiting}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    # The reader waits for the next event by now.
    await asyncio.sleep(0)
    task.cancel("by the test")
    await task


async def cancelled_reading(w: World, row: Row, ask: Ask) -> None:
    reached = asyncio.Event()

    async def reading() -> None:
        async with w.within(await row.make(w, row.kind, ask)) as entered:
            async for event in w.each(await row.of(w, entered)):
                if not reached.is_set():  # how much comes after it hangs on timing
                    w.see("event", event)
                if _is_content(event):
                    reached.set()

    await _cancel(asyncio.ensure_future(reading()), reached)


async def cancelled_bare(w: World, row: Row, ask: Ask) -> None:
    """The same with nothing around the stream."""
    reached = asyncio.Event()

    async def reading() -> None:
        _manager, stream = await _open(w, row, ask)
        async for event in w.each(stream):
            if not reached.is_set():
                w.see("event", event)
            if _is_content(event):
                reached.set()

    await _cancel(asyncio.ensure_future(reading()), reached)


async def cancelled_waiting(w: World, row: Row, ask: Ask) -> None:
    task = asyncio.ensure_future(read(w, row, ask))
    await w.arrived()
    task.cancel("by the test")
    await task


async def wait_for(w: World, row: Row, ask: Ask) -> None:
    async def reading() -> None:
        async with w.within(await row.make(w, row.kind, ask)) as entered:
            async for _event in w.each(await row.of(w, entered)):
                pass

    task = asyncio.ensure_future(reading())
    await w.arrived()
    await asyncio.wait_for(task, 0.05)


async def interrupted(w: World, row: Row, ask: Ask) -> None:
    with w.interrupted(0.05):
        async with w.within(await row.make(w, row.kind, ask)) as entered:
            async for _event in w.each(await row.of(w, entered)):
                pass


async def timeout(w: World, row: Row, ask: Ask) -> None:
    await read(w, row, {**ask, "timeout": read_timeout()})


async def unfit(w: World, row: Row, ask: Ask) -> None:
    """The helper fails to parse what was streamed, before the last usage is read."""
    from pydantic import BaseModel

    class Answer(BaseModel):
        number: int

    await read(w, row, {**ask, "output_format": Answer})


@dataclass(frozen=True)
class Ending:
    """How reading ends: program, scenario, `max_retries`, what differs from a good end, who has it."""

    program: Callable[[World, Row, Ask], Coroutine[Any, Any, None]]
    scenario: str = ""
    max_retries: int = 0
    expect: tuple[tuple[str, Any], ...] = ()
    only: str = ""  # "async", "sync", "helper", "late", "sse"

    def suits(self, row: Row, mode: str) -> bool:
        if self.only in ("sync", "async"):
            return mode == self.only
        if self.only == "sse":  # Bedrock frames events in its own way; iter_lines has no lines
            return row.kind != "bedrock" and "helper" not in row.traits
        return not self.only or self.only in row.traits


def _ending(
    program: Any, scenario: str = "", max_retries: int = 0, only: str = "", **expect: Any
) -> Ending:
    return Ending(program, scenario, max_retries, tuple(expect.items()), only)


_ABANDONED: dict[str, Any] = {"outcome": ("abandoned",), "usage": "input"}
_UNREAD: dict[str, Any] = {"outcome": ("abandoned",), "usage": "none", "content": False}
_CANCELLED: dict[str, Any] = {"outcome": ("cancelled",), "usage": "input"}
_REFUSED: dict[str, Any] = {"outcome": ("failed",), "usage": "none", "content": False}
_VALIDATION = "pydantic_core._pydantic_core.ValidationError"

ENDINGS: dict[str, Ending] = {
    "read": _ending(read),
    "read without with": _ending(read_without_with),
    "read by next": _ending(read_by_next),
    "read twice": _ending(read_twice),
    "read elsewhere": _ending(read_elsewhere),
    "text_stream": _ending(text_stream, only="helper"),
    "get_final_message": _ending(final_message, only="helper"),
    "get_final_text": _ending(final_text, only="helper"),
    "until_done": _ending(until_done, only="helper"),
    "snapshot": _ending(snapshot, only="helper", **_ABANDONED),
    "lines": _ending(lines, only="sse"),
    "some bytes": _ending(some_bytes, "slow=0.004", only="sse", **_ABANDONED),
    "break": _ending(broken, **_ABANDONED),
    "close": _ending(closed, **_ABANDONED),
    "with 0": _ending(with_0, **_UNREAD),
    "with 1": _ending(with_1, outcome=("abandoned",), usage="input", content=False),
    "with n": _ending(with_n, **_ABANDONED),
    "app error": _ending(app_error, **_ABANDONED),
    "dropped unread": _ending(dropped_unread, **_UNREAD),
    "dropped half": _ending(dropped_half, **_ABANDONED),
    "dropped in a cycle": _ending(dropped_in_cycle, **_ABANDONED),
    "never entered": _ending(never_entered, only="late", calls=0),
    "cancelled waiting": _ending(
        cancelled_waiting,
        "late_headers=0.3",
        only="async",
        outcome=("cancelled",),
        usage="none",
        content=False,
    ),
    "cancelled reading": _ending(cancelled_reading, "slow=0.01", only="async", **_CANCELLED),
    "cancelled bare": _ending(cancelled_bare, "slow=0.01", only="async", **_CANCELLED),
    "wait_for": _ending(
        wait_for, "slow=0.015", only="async", outcome=("cancelled",), usage="any", content=None
    ),
    "interrupted": _ending(
        interrupted, "slow=0.015", only="sync", outcome=("cancelled",), usage="any", content=None
    ),
    "mid-stream error": _ending(
        read,
        "error=overloaded_error,after=5",
        outcome=("failed",),
        usage="input",
        error="overloaded_error",
    ),
    "cut": _ending(read, "cut=5", outcome=("truncated",), usage="input", error="api_error"),
    "lost": _ending(
        read, "slow=0.002;drop=5", outcome=("failed",), usage="input", error="connection_error"
    ),
    "lost before": _ending(read, "drop=headers", **_REFUSED, error="connection_error"),
    "timeout waiting": _ending(
        timeout, "late_headers=0.3", **_REFUSED, error="client_timeout_error"
    ),
    "timeout reading": _ending(timeout, "slow=0.3", **_REFUSED, error="client_timeout_error"),
    "retried": _ending(read, "fail=2*529,retry-after-ms=1", 2, retries=2),
    "400": _ending(read, "status=400", 2, **_REFUSED, error="invalid_request_error"),
    "429 exhausted": _ending(
        read, "status=429,retry-after-ms=1", 2, **_REFUSED, error="rate_limit_error", retries=2
    ),
    "529": _ending(read, "status=529", **_REFUSED, error="overloaded_error"),
    "no usage": _ending(
        read,
        "malformed=usage_missing",
        usage="none",
        outcome=("completed", "failed", "abandoned"),
        content=None,
    ),
    "odd events": _ending(read, "malformed=event"),
    "odd blocks": _ending(read, "malformed=block"),
    "unfit": _ending(
        unfit,
        "text=nonsense",
        only="helper",
        usage="input",
        outcome=("failed",),
        error=_VALIDATION,
    ),
}
# Bedrock has words of its own, and none in the body of an error: there the status is all.
_BEDROCK_ERRORS = {
    "400": "400",
    "429 exhausted": "429",
    "529": "529",
    # Before 1.1 or so the SDK raises a plain ValueError there, which says nothing of the type.
    "mid-stream error": "serviceUnavailableException|ValueError",
}


def _expect(row: Row, name: str) -> Expect:
    expect = row.expect.but(**dict(ENDINGS[name].expect))
    if row.kind == "bedrock" and name in _BEDROCK_ERRORS:
        return expect.but(error=_BEDROCK_ERRORS[name])
    return expect


def _program(row: Row, ending: Ending) -> Callable[[World], Coroutine[Any, Any, None]]:
    async def program(w: World) -> None:
        w.retries = ending.max_retries
        try:
            await ending.program(w, row, w.arguments(row.kind, ending.scenario))
        except KeyboardInterrupt as error:
            w.see("interrupted", str(error))  # its context hangs on where exactly it struck
        except BaseException as error:
            w.see("raised", error)

    return program


def _lacks(row: Row, name: str) -> Callable[[], str | None]:
    surface = lacks(row.path, row.kind)
    if name != "unfit":
        return surface

    def why() -> str | None:
        # `output_format` came to the helper with `parse`.
        return surface() or lacks("messages.parse", row.kind)()

    return why


CELLS: tuple[Cell, ...] = tuple(
    Cell(row.name, name, mode, _program(row, ending), _expect(row, name), _lacks(row, name))
    for row in ROWS
    for name, ending in ENDINGS.items()
    for mode in ("sync", "async")
    if ending.suits(row, mode)
)
