"""Holds conversations through the real Anthropic SDK, as an application would."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anthropic

import otel_claude

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.trace import Tracer

    from otel_claude.cli.workload import Conversation, Request

_THREADS = 12
_TASKS = 8
_KEY = "emulator"


@dataclass(frozen=True)
class Runner:
    """Where the calls go.

    Attributes:
        tracer: makes the span over each tool loop, as an application's own tracing does.
        called: told after every call.
        base_url: the emulator; None for the real API, with the key in the environment, and
            then one call at a time per client.
    """

    tracer: Tracer
    called: Callable[[], None]
    base_url: str | None = None

    def run(self, conversations: Iterable[Conversation]) -> None:
        """Hold all conversations: the synchronous ones in threads, the others in one event loop."""
        waiting = list(conversations)
        threads, tasks = (1, 1) if self.base_url is None else (_THREADS, _TASKS)
        with ThreadPoolExecutor(threads + 1) as pool, anthropic.Anthropic(**self._target) as client:
            chosen = [about for about in waiting if about.asynchronous]
            work = [pool.submit(asyncio.run, self._run_async(chosen, tasks))]
            work += [
                pool.submit(self._hold, client, about)
                for about in waiting
                if not about.asynchronous
            ]
            try:
                for future in work:
                    future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    @property
    def _target(self) -> dict[str, Any]:
        return {} if self.base_url is None else {"base_url": self.base_url, "api_key": _KEY}

    def _span(self, about: Conversation) -> AbstractContextManager[Any]:
        if about.kind != "tools":
            return nullcontext()
        return self.tracer.start_as_current_span("answer a ticket")

    def _hold(self, client: anthropic.Anthropic, about: Conversation) -> None:
        talk, answer = about.talk(), None
        with otel_claude.attribution(**about.attribution), self._span(about):
            while True:
                try:
                    request = talk.send(answer)
                except StopIteration:
                    return _judge(about, answer)
                answer = self._ask(client, request)

    def _ask(self, client: anthropic.Anthropic, request: Request) -> Any:
        messages: Any = client.messages
        params = _params(request)
        try:
            if request.mode == "create":
                return messages.create(**params)
            if request.mode == "events":
                with messages.create(**params, stream=True) as events:
                    for number, _ in enumerate(events, 1):
                        if number == request.stop_after:
                            break
                return None
            with messages.stream(**params) as stream:
                return stream.get_final_message()
        except Exception as error:
            if not _foreseen(error):
                raise
            return None
        finally:
            self.called()

    async def _run_async(self, conversations: list[Conversation], tasks: int) -> None:
        gate = asyncio.Semaphore(tasks)
        async with anthropic.AsyncAnthropic(**self._target) as client:

            async def hold(about: Conversation) -> None:
                async with gate:
                    await self._hold_async(client, about)

            await asyncio.gather(*(hold(about) for about in conversations))

    async def _hold_async(self, client: anthropic.AsyncAnthropic, about: Conversation) -> None:
        talk, answer = about.talk(), None
        with otel_claude.attribution(**about.attribution), self._span(about):
            while True:
                try:
                    request = talk.send(answer)
                except StopIteration:
                    return _judge(about, answer)
                answer = await self._ask_async(client, request)

    async def _ask_async(self, client: anthropic.AsyncAnthropic, request: Request) -> Any:
        messages: Any = client.messages
        params = _params(request)
        try:
            if request.mode == "create":
                return await messages.create(**params)
            if request.mode == "events":
                number = 0
                async with await messages.create(**params, stream=True) as events:
                    async for _ in events:
                        number += 1
                        if number == request.stop_after:
                            break
                return None
            async with messages.stream(**params) as stream:
                return await stream.get_final_message()
        except Exception as error:
            if not _foreseen(error):
                raise
            return None
        finally:
            self.called()


def _judge(about: Conversation, answer: Any) -> None:
    """Say what the user thinks of the last answer."""
    if answer is not None and about.opinion is not None:
        otel_claude.feedback(answer, about.opinion, user=about.user)


def _params(request: Request) -> dict[str, Any]:
    if not request.scenario:
        return request.params
    return {**request.params, "extra_headers": {"x-emulator-scenario": request.scenario}}


def _foreseen(error: Exception) -> bool:
    """Whether a call that ends like this is part of life; the telemetry tells about it.

    A connection that breaks within a stream surfaces as an exception of the SDK's HTTP client,
    whose package has another name in newer SDKs.
    """
    module = type(error).__module__.partition(".")[0]
    return isinstance(error, anthropic.APIError) or module in ("httpx", "httpx2")
