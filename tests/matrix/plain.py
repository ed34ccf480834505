"""Calls that are not streamed: each surface, and the ways such a call can end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from tests.matrix.cells import PROVIDERS, Cell, Expect, lacks
from tests.matrix.world import World

Ask = dict[str, Any]
Surface = Callable[[World, str, Ask], Coroutine[Any, Any, None]]


# --- the surfaces ------------------------------------------------------------------------------


async def create(w: World, kind: str, ask: Ask) -> None:
    w.see("message", await w.get(w.client(kind).messages.create(**ask)))


async def beta_create(w: World, kind: str, ask: Ask) -> None:
    w.see("message", await w.get(w.client(kind).beta.messages.create(**ask)))


def _answer_model() -> Any:
    from pydantic import BaseModel

    class Answer(BaseModel):
        number: int

    return Answer


async def parse(w: World, kind: str, ask: Ask) -> None:
    parsed = await w.get(w.client(kind).messages.parse(**ask, output_format=_answer_model()))
    w.see("type", type(parsed).__name__)
    w.see("parsed", parsed.parsed_output.number)


async def beta_parse(w: World, kind: str, ask: Ask) -> None:
    parsed = await w.get(w.client(kind).beta.messages.parse(**ask, output_format=_answer_model()))
    w.see("type", type(parsed).__name__)
    w.see("parsed", parsed.parsed_output.number)


async def count_tokens(w: World, kind: str, ask: Ask) -> None:
    del ask["max_tokens"]
    w.see("count", await w.get(w.client(kind).messages.count_tokens(**ask)))


async def beta_count_tokens(w: World, kind: str, ask: Ask) -> None:
    del ask["max_tokens"]
    w.see("count", await w.get(w.client(kind).beta.messages.count_tokens(**ask)))


async def raw_0(w: World, kind: str, ask: Ask) -> None:
    raw = await w.get(w.client(kind).messages.with_raw_response.create(**ask))
    w.see("raw", raw)
    w.see("body", raw.http_response.text)


async def raw_1(w: World, kind: str, ask: Ask) -> None:
    raw = await w.get(w.client(kind).messages.with_raw_response.create(**ask))
    w.see("raw", raw)
    w.see("message", await w.get(raw.parse()))


async def raw_2(w: World, kind: str, ask: Ask) -> None:
    raw = await w.get(w.client(kind).messages.with_raw_response.create(**ask))
    first, second = await w.get(raw.parse()), await w.get(raw.parse())
    w.see("same", first is second)
    w.see("message", second)


async def beta_raw_1(w: World, kind: str, ask: Ask) -> None:
    raw = await w.get(w.client(kind).beta.messages.with_raw_response.create(**ask))
    w.see("raw", raw)
    w.see("message", await w.get(raw.parse()))


async def raw_count_tokens(w: World, kind: str, ask: Ask) -> None:
    del ask["max_tokens"]
    raw = await w.get(w.client(kind).messages.with_raw_response.count_tokens(**ask))
    w.see("count", await w.get(raw.parse()))


async def streaming_parse(w: World, kind: str, ask: Ask) -> None:
    manager = w.client(kind).messages.with_streaming_response.create(**ask)
    async with w.within(manager) as response:
        w.see("response", response)
        w.see("message", await w.get(response.parse()))


async def streaming_parse_2(w: World, kind: str, ask: Ask) -> None:
    manager = w.client(kind).messages.with_streaming_response.create(**ask)
    async with w.within(manager) as response:
        first, second = await w.get(response.parse()), await w.get(response.parse())
        w.see("same", first is second)
        w.see("message", second)


async def streaming_json(w: World, kind: str, ask: Ask) -> None:
    manager = w.client(kind).messages.with_streaming_response.create(**ask)
    async with w.within(manager) as response:
        w.see("json", await w.get(response.json()))


async def streaming_read(w: World, kind: str, ask: Ask) -> None:
    manager = w.client(kind).messages.with_streaming_response.create(**ask)
    async with w.within(manager) as response:
        w.see("body", await w.get(response.read()))


async def streaming_text(w: World, kind: str, ask: Ask) -> None:
    manager = w.client(kind).messages.with_streaming_response.create(**ask)
    async with w.within(manager) as response:
        w.see("body", await w.get(response.text()))


async def streaming_iter_bytes(w: World, kind: str, ask: Ask) -> None:
    manager = w.client(kind).messages.with_streaming_response.create(**ask)
    async with w.within(manager) as response:
        w.see("body", b"".join([chunk async for chunk in w.each(response.iter_bytes(100))]))


async def streaming_iter_lines(w: World, kind: str, ask: Ask) -> None:
    manager = w.client(kind).messages.with_streaming_response.create(**ask)
    async with w.within(manager) as response:
        w.see("lines", [line async for line in w.each(response.iter_lines())])


async def streaming_never(w: World, kind: str, ask: Ask) -> None:
    manager = w.client(kind).messages.with_streaming_response.create(**ask)
    async with w.within(manager) as response:
        w.see("response", response)


async def captured_create(w: World, kind: str, ask: Ask) -> None:
    w.see("message", await w.get(w.captured["create", w.retries](**ask)))


async def captured_raw(w: World, kind: str, ask: Ask) -> None:
    raw = await w.get(w.captured["raw", w.retries](**ask))
    w.see("message", await w.get(raw.parse()))


async def captured_streaming(w: World, kind: str, ask: Ask) -> None:
    async with w.within(w.captured["streaming", w.retries](**ask)) as response:
        w.see("message", await w.get(response.parse()))


async def post(w: World, kind: str, ask: Ask) -> None:
    from anthropic.types import Message

    options = {"headers": ask.pop("extra_headers")}
    if "timeout" in ask:
        options["timeout"] = ask.pop("timeout")
    w.see(
        "message",
        await w.get(
            w.client(kind).post("/v1/messages", cast_to=Message, body=ask, options=options)
        ),
    )


async def with_options(w: World, kind: str, ask: Ask) -> None:
    client = w.client(kind).with_options(default_headers={"x-of-mine": "1"})
    w.see("message", await w.get(client.messages.create(**ask)))


async def copied(w: World, kind: str, ask: Ask) -> None:
    client = w.client(kind).copy(default_query={"mine": "1"})
    w.see("message", await w.get(client.messages.create(**ask)))


async def generator(w: World, kind: str, ask: Ask) -> None:
    """`messages` may be read only once."""

    def messages() -> Iterator[dict[str, str]]:
        yield {"role": "user", "content": "Hello"}

    w.see("message", await w.get(w.client(kind).messages.create(**{**ask, "messages": messages()})))


# --- the endings -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A surface of this module, as the matrix crosses it with the endings."""

    name: str
    run: Surface
    path: str = "messages.create"
    kind: str = "anthropic"
    traits: frozenset[str] = frozenset()

    @property
    def expect(self) -> Expect:
        provider = PROVIDERS.get(self.kind, "anthropic")
        if "count" in self.traits:
            return Expect(operation="count_tokens", usage="none", provider=provider)
        return Expect(provider=provider)


def _row(name: str, run: Surface, path: str, kind: str = "anthropic", *traits: str) -> Row:
    return Row(name, run, path, kind, frozenset(traits))


ROWS: tuple[Row, ...] = (
    _row("messages.create", create, "messages.create"),
    _row("beta.messages.create", beta_create, "beta.messages.create"),
    _row("messages.parse", parse, "messages.parse", "anthropic", "parse"),
    _row("beta.messages.parse", beta_parse, "beta.messages.parse", "anthropic", "parse"),
    _row("messages.count_tokens", count_tokens, "messages.count_tokens", "anthropic", "count"),
    _row(
        "beta.messages.count_tokens",
        beta_count_tokens,
        "beta.messages.count_tokens",
        "anthropic",
        "count",
    ),
    _row("with_raw_response, not parsed", raw_0, "messages.create", "anthropic", "raw", "unparsed"),
    _row("with_raw_response, parsed", raw_1, "messages.create", "anthropic", "raw"),
    _row("with_raw_response, parsed twice", raw_2, "messages.create", "anthropic", "raw"),
    _row("beta with_raw_response, parsed", beta_raw_1, "beta.messages.create", "anthropic", "raw"),
    _row(
        "with_raw_response count_tokens",
        raw_count_tokens,
        "messages.with_raw_response.count_tokens",
        "anthropic",
        "count",
    ),
    *(
        _row(f"with_streaming_response, {how}", run, "messages.create", "anthropic", "lazy", *more)
        for how, run, more in (
            ("parse", streaming_parse, ()),
            ("parse twice", streaming_parse_2, ()),
            ("json", streaming_json, ()),
            ("read", streaming_read, ("unparsed",)),
            ("text", streaming_text, ("unparsed",)),
            ("iter_bytes", streaming_iter_bytes, ("unparsed",)),
            ("iter_lines", streaming_iter_lines, ("unparsed",)),
            ("never", streaming_never, ("unparsed", "never")),
        )
    ),
    _row("captured create", captured_create, "messages.create"),
    _row("captured with_raw_response", captured_raw, "messages.create", "anthropic", "raw"),
    _row(
        "captured with_streaming_response",
        captured_streaming,
        "messages.create",
        "anthropic",
        "lazy",
    ),
    _row("client.post", post, "post"),
    _row("with_options", with_options, "messages.create"),
    _row("copy", copied, "messages.create"),
    _row("Bedrock", create, "messages.create", "bedrock"),
    _row("Bedrock beta", beta_create, "beta.messages.create", "bedrock"),
    _row("Vertex", create, "messages.create", "vertex"),
    _row("Vertex beta", beta_create, "beta.messages.create", "vertex"),
    _row("Vertex count_tokens", count_tokens, "messages.count_tokens", "vertex", "count"),
    _row("Bedrock Mantle", create, "messages.create", "mantle"),
    _row("Foundry", create, "messages.create", "foundry"),
    _row("AWS", create, "messages.create", "aws"),
    _row("Google Cloud", create, "messages.create", "google_cloud"),
)

_JSON_ERROR = "json.decoder.JSONDecodeError"
_VALIDATION = "pydantic_core._pydantic_core.ValidationError"
_FAILED = {"outcome": ("failed",), "usage": "none"}
_CANCELLED = {"outcome": ("cancelled",), "usage": "none"}

# Ending -> scenario, retries of the client, what is expected other than of a good end.
ENDINGS: dict[str, tuple[str, int, dict[str, Any]]] = {
    "read": ("", 2, {}),
    "retried": ("fail=2*529,retry-after-ms=1", 2, {"retries": 2}),
    "400": ("status=400", 2, {**_FAILED, "error": "invalid_request_error"}),
    "401": ("status=401", 2, {**_FAILED, "error": "authentication_error"}),
    "404": ("status=404", 2, {**_FAILED, "error": "not_found_error"}),
    "429 exhausted": (
        "status=429,retry-after-ms=1",
        2,
        {**_FAILED, "error": "rate_limit_error", "retries": 2},
    ),
    "529": ("status=529", 0, {**_FAILED, "error": "overloaded_error"}),
    "lost": ("drop=headers", 0, {**_FAILED, "error": "connection_error"}),
    "lost half way": ("drop", 0, {**_FAILED, "error": "connection_error"}),
    "timeout": ("late_headers=0.3", 0, {**_FAILED, "error": "client_timeout_error"}),
    "bad json": ("malformed=json", 0, {**_FAILED, "error": _JSON_ERROR}),
    "no usage": ("malformed=usage_missing", 0, {"usage": "none"}),
    "odd usage": ("malformed=usage_types", 0, {"usage": "any"}),
    "unfit": ("text=nonsense", 0, {"outcome": ("failed",), "error": _VALIDATION}),
    "cancelled": ("late_headers=0.3", 0, _CANCELLED),
    "wait_for": ("late_headers=0.3", 0, _CANCELLED),
    "interrupted": ("late_headers=0.3", 0, _CANCELLED),
}
_ASYNC_ONLY = ("cancelled", "wait_for")


def _makes_sense(row: Row, ending: str, mode: str) -> bool:
    if ending in _ASYNC_ONLY and mode == "sync":
        return False
    if ending == "interrupted" and mode == "async":
        return False
    if ending == "unfit":
        return "parse" in row.traits
    if ending in ("bad json", "no usage", "odd usage", "lost half way"):
        # Counting has no usage; a client that stops at the headers does not meet a bad body.
        return not row.traits & {"count", "never"}
    return True


def _expect(row: Row, ending: str) -> Expect:
    expect = row.expect.but(**ENDINGS[ending][2])
    if "count" in row.traits:
        expect = expect.but(usage="none")
    good = expect.outcome == ("completed",)
    if good and "never" in row.traits:
        return expect.but(outcome=("abandoned",), usage="none")
    if ending == "bad json" and (row.traits & {"raw", "lazy"}):
        # The answer had been given when the program failed to parse it.
        return expect.but(outcome=("completed",), error=None)
    if row.kind == "bedrock" and expect.error and expect.error.endswith("_error"):
        status = {"400": "400", "401": "401", "404": "404", "429 exhausted": "429", "529": "529"}
        # Bedrock's error bodies have no type; the status is the API's whole word.
        return expect.but(error=status.get(ending, expect.error))
    return expect


def read_timeout() -> Any:
    """Short for reading, long for the rest, so that it is always the same read that fails."""
    import anthropic

    return anthropic.Timeout(10, read=0.07)


async def _cancelled(w: World, program: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(program)
    await w.arrived()
    task.cancel("by the test")
    await task


async def _waited_for(w: World, program: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(program)
    await w.arrived()
    await asyncio.wait_for(task, 0.01)


def _program(row: Row, ending: str) -> Callable[[World], Coroutine[Any, Any, None]]:
    scenario, retries, _ = ENDINGS[ending]

    async def program(w: World) -> None:
        w.retries = retries
        more = {"timeout": read_timeout()} if ending == "timeout" else {}
        ask = w.arguments(row.kind, scenario, **more)
        try:
            if ending == "cancelled":
                await _cancelled(w, row.run(w, row.kind, ask))
            elif ending == "wait_for":
                await _waited_for(w, row.run(w, row.kind, ask))
            elif ending == "interrupted":
                with w.interrupted(0.01):
                    await row.run(w, row.kind, ask)
            else:
                await row.run(w, row.kind, ask)
        except KeyboardInterrupt as error:
            w.see("interrupted", str(error))  # its context hangs on where exactly it struck
        except BaseException as error:
            w.see("raised", error)

    return program


CELLS: tuple[Cell, ...] = tuple(
    Cell(
        row.name,
        ending,
        mode,
        _program(row, ending),
        _expect(row, ending),
        lacks(row.path, row.kind),
    )
    for row in ROWS
    for ending in ENDINGS
    for mode in ("sync", "async")
    if _makes_sense(row, ending, mode)
)
