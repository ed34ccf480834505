"""What the conventions' suite has an instrumented program do, and how it can go wrong.

Each scenario is one function for the sync client and one for asyncio. They do the same requests.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import anthropic
import pytest

from otel_claude import attribution

from .setting import MODEL

Sync = Callable[[anthropic.Anthropic], None]
Async = Callable[[anthropic.AsyncAnthropic], Awaitable[None]]

_PIXEL: Final = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(64)).decode()
_PAPER: Final = base64.b64encode(b"%PDF-1.7 " + bytes(64)).decode()
_TOOL: Final[dict[str, Any]] = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
_ANSWER_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}


def _ask(text: Any = "Say this is a test.", scenario: str = "", **more: Any) -> Any:
    headers = dict(more.pop("extra_headers", {}))
    if scenario:
        headers["x-emulator-scenario"] = scenario
    return {
        "model": MODEL,
        "max_tokens": 128,
        "messages": [{"role": "user", "content": text}],
        **({"extra_headers": headers} if headers else {}),
        **more,
    }


# --- the five ----------------------------------------------------------------------------------


def inference(client: anthropic.Anthropic) -> None:
    client.messages.create(**_ask(system="Be brief.", stop_sequences=["END"]))


async def async_inference(client: anthropic.AsyncAnthropic) -> None:
    await client.messages.create(**_ask(system="Be brief.", stop_sequences=["END"]))


def streaming(client: anthropic.Anthropic) -> None:
    with client.messages.stream(**_ask()) as stream:
        assert "".join(stream.text_stream)
    for _ in client.messages.create(**_ask("Again."), stream=True):
        pass


async def async_streaming(client: anthropic.AsyncAnthropic) -> None:
    async with client.messages.stream(**_ask()) as stream:
        assert [text async for text in stream.text_stream]
    async for _ in await client.messages.create(**_ask("Again."), stream=True):
        pass


def _second_turn(first: Any) -> dict[str, Any]:
    used = next(block for block in first.content if block.type == "tool_use")
    assert first.stop_reason == "tool_use"
    result = {"type": "tool_result", "tool_use_id": used.id, "content": "Rain, 12 degrees."}
    return {
        "messages": [
            {"role": "user", "content": "What is the weather in Oslo?"},
            {"role": "assistant", "content": [block.to_dict() for block in first.content]},
            {"role": "user", "content": [result]},
        ]
    }


def tool_calling(client: anthropic.Anthropic) -> None:
    asked = _ask("What is the weather in Oslo?", tools=[_TOOL])
    first = client.messages.create(**asked)
    client.messages.create(**{**asked, **_second_turn(first)})


async def async_tool_calling(client: anthropic.AsyncAnthropic) -> None:
    asked = _ask("What is the weather in Oslo?", tools=[_TOOL])
    first = await client.messages.create(**asked)
    await client.messages.create(**{**asked, **_second_turn(first)})


def automatic_tool_calling(client: anthropic.Anthropic) -> None:
    @anthropic.beta_tool
    def get_weather(city: str) -> str:
        """The weather of a city."""
        return f"Rain in {city}."

    runner = client.beta.messages.tool_runner(
        **_ask("What is the weather in Oslo?", tools=[get_weather])
    )
    assert [message.stop_reason for message in runner] == ["tool_use", "end_turn"]


async def async_automatic_tool_calling(client: anthropic.AsyncAnthropic) -> None:
    @anthropic.beta_async_tool
    async def get_weather(city: str) -> str:
        """The weather of a city."""
        return f"Rain in {city}."

    runner = client.beta.messages.tool_runner(
        **_ask("What is the weather in Oslo?", tools=[get_weather])
    )
    assert [message.stop_reason async for message in runner] == ["tool_use", "end_turn"]


_MEDIA: Final = [
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": _PIXEL}},
    {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": _PAPER},
    },
    {"type": "text", "text": "What do you see?"},
]


def multimodal(client: anthropic.Anthropic) -> None:
    client.messages.create(**_ask(_MEDIA))


async def async_multimodal(client: anthropic.AsyncAnthropic) -> None:
    await client.messages.create(**_ask(_MEDIA))


# --- everything else that fills an attribute ---------------------------------------------------

_LONG: Final = [
    {"type": "text", "text": "Know this. " * 1000, "cache_control": {"type": "ephemeral"}}
]
_WISHES: Final[tuple[dict[str, Any], ...]] = (
    _ask("Cache this.", system=_LONG),
    _ask("Read the cache.", system=_LONG),
    # Whole numbers, so that a float attribute is one by our doing. Not every SDK and API version
    # takes these parameters.
    _ask(
        extra_body={"temperature": 1, "top_p": 1, "top_k": 5},
        extra_headers={"anthropic-version": "2023-06-01"},
    ),
    _ask(
        "Think.",
        scenario="thinking_tokens=9",
        max_tokens=4096,
        extra_body={
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "output_config": {"effort": "high"},
        },
    ),
    _ask(
        extra_body={"output_config": {"format": {"type": "json_schema", "schema": _ANSWER_SCHEMA}}}
    ),
    _ask(scenario="stop=max_tokens", extra_headers={"anthropic-beta": "token-counting-2024-11-01"}),
    _ask(scenario="refusal=cyber"),
    _ask(scenario="pause_turn"),
    _ask(scenario="compaction,input=900,output=70"),
    _ask(scenario="web_search=2"),
    _ask(scenario="fail=2*529,retry-after-ms=1"),
)


def wishes(client: anthropic.Anthropic) -> None:
    with attribution(user="u", session="s-1", prompt="greeting", prompt_version="3", tenant="t"):
        for asked in _WISHES:
            client.with_options(max_retries=2).messages.create(**asked)


async def async_wishes(client: anthropic.AsyncAnthropic) -> None:
    with attribution(user="u", session="s-1", prompt="greeting", prompt_version="3", tenant="t"):
        for asked in _WISHES:
            await client.with_options(max_retries=2).messages.create(**asked)


# --- calls that are no inference ----------------------------------------------------------------

_COUNTED: Final[Any] = {key: _ask()[key] for key in ("model", "messages")}
_UNKNOWN: Final[Any] = {**_COUNTED, "model": "claude-unknown"}


def counting(client: anthropic.Anthropic) -> None:
    assert client.messages.count_tokens(**_COUNTED).input_tokens
    with pytest.raises(anthropic.NotFoundError):
        client.messages.count_tokens(**_UNKNOWN)


async def async_counting(client: anthropic.AsyncAnthropic) -> None:
    assert (await client.messages.count_tokens(**_COUNTED)).input_tokens
    with pytest.raises(anthropic.NotFoundError):
        await client.messages.count_tokens(**_UNKNOWN)


# --- failures ----------------------------------------------------------------------------------


def bad_request(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(**_ask(scenario="status=400"))


async def async_bad_request(client: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.BadRequestError):
        await client.messages.create(**_ask(scenario="status=400"))


_OVERLOADED: Final = "status=529,retry-after-ms=1"


def overloaded(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.APIStatusError):
        client.with_options(max_retries=2).messages.create(**_ask(scenario=_OVERLOADED))


async def async_overloaded(client: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.APIStatusError):
        await client.with_options(max_retries=2).messages.create(**_ask(scenario=_OVERLOADED))


def error_in_stream(client: anthropic.Anthropic) -> None:
    asked = _ask(scenario="error=overloaded_error,after=4")
    with pytest.raises(anthropic.APIStatusError), client.messages.stream(**asked) as stream:
        stream.until_done()


async def async_error_in_stream(client: anthropic.AsyncAnthropic) -> None:
    asked = _ask(scenario="error=overloaded_error,after=4")
    with pytest.raises(anthropic.APIStatusError):
        async with client.messages.stream(**asked) as stream:
            await stream.until_done()


def truncated(client: anthropic.Anthropic) -> None:
    for _ in client.messages.create(**_ask(scenario="cut=5"), stream=True):
        pass


async def async_truncated(client: anthropic.AsyncAnthropic) -> None:
    async for _ in await client.messages.create(**_ask(scenario="cut=5"), stream=True):
        pass


def lost_connection(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.APIConnectionError):
        client.messages.create(**_ask(scenario="drop=headers"))


async def async_lost_connection(client: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.APIConnectionError):
        await client.messages.create(**_ask(scenario="drop=headers"))


def abandoned(client: anthropic.Anthropic) -> None:
    with client.messages.stream(**_ask(scenario="slow=0.01")) as stream:
        for event in stream:
            if event.type == "text":
                break


async def async_abandoned(client: anthropic.AsyncAnthropic) -> None:
    async with client.messages.stream(**_ask(scenario="slow=0.01")) as stream:
        async for event in stream:
            if event.type == "text":
                break


def cancelled(client: anthropic.Anthropic) -> None:
    """Without asyncio, what cancels is Control-C."""

    def interrupted() -> None:
        with client.messages.stream(**_ask(scenario="slow=0.01")) as stream:
            for event in stream:
                if event.type == "text":
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()


async def async_cancelled(client: anthropic.AsyncAnthropic) -> None:
    async def read() -> None:
        async with client.messages.stream(**_ask(scenario="slow=0.01")) as stream:
            async for event in stream:
                if event.type == "text":
                    await asyncio.sleep(60)

    waiting = client.messages.create(**_ask(scenario="late_headers=5"))
    for work in (read(), waiting):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(work, 0.3)


@dataclass(frozen=True)
class Scenario:
    """One scenario: what is run, and how many calls that is, for each kind of client."""

    name: str
    sync: Sync
    asynchronous: Async
    calls: int
    async_calls: int


def _scenario(sync: Sync, asynchronous: Async, calls: int, async_calls: int = 0) -> Scenario:
    name = getattr(sync, "__name__", "")
    return Scenario(name, sync, asynchronous, calls, async_calls or calls)


FIVE: Final = (
    _scenario(inference, async_inference, 1),
    _scenario(streaming, async_streaming, 2),
    _scenario(tool_calling, async_tool_calling, 2),
    _scenario(automatic_tool_calling, async_automatic_tool_calling, 2),
    _scenario(multimodal, async_multimodal, 1),
)
MORE: Final = (_scenario(wishes, async_wishes, len(_WISHES)),)
OTHERS: Final = (_scenario(counting, async_counting, 0),)
FAILURES: Final = (
    _scenario(bad_request, async_bad_request, 1),
    _scenario(overloaded, async_overloaded, 1),
    _scenario(error_in_stream, async_error_in_stream, 1),
    _scenario(truncated, async_truncated, 1),
    _scenario(lost_connection, async_lost_connection, 1),
    _scenario(abandoned, async_abandoned, 1),
    _scenario(cancelled, async_cancelled, 1, 2),
)
ALL: Final = (*FIVE, *MORE, *OTHERS, *FAILURES)
