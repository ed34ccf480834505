"""What the programs of the matrix use: clients, and one way to write sync and async programs.

A program is an `async def` in both modes. In sync mode nothing in it ever suspends: `get` returns
what it is given, `each` steps through a plain iterator, and `drive` runs the program to its end in
the calling thread, with no event loop.
"""

from __future__ import annotations

import asyncio
import inspect
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from tests.matrix.view import describe

T = TypeVar("T")

MODELS = {
    "bedrock": "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "vertex": "claude-haiku-4-5@20251001",
}
CLASSES = {
    "anthropic": "Anthropic",
    "bedrock": "AnthropicBedrock",
    "mantle": "AnthropicBedrockMantle",
    "vertex": "AnthropicVertex",
    "foundry": "AnthropicFoundry",
    "aws": "AnthropicAWS",
    "google_cloud": "AnthropicGoogleCloud",
}
_ARGUMENTS: dict[str, dict[str, Any]] = {
    "anthropic": {"api_key": "sk-ant-test"},
    "bedrock": {"aws_access_key": "a", "aws_secret_key": "b", "aws_region": "us-east-1"},
    "mantle": {"api_key": "k", "aws_region": "us-east-1"},
    "vertex": {"region": "us-east5", "project_id": "p", "access_token": "t"},
    "foundry": {"api_key": "k"},
    "aws": {"api_key": "k", "workspace_id": "w", "aws_region": "us-east-1"},
    "google_cloud": {"project": "p", "workspace_id": "w"},
}


def _token() -> str:
    return "t"


async def _async_token() -> str:
    return "t"


def drive(program: Coroutine[Any, Any, T]) -> T:
    """Run a program that never suspends."""
    try:
        program.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    program.close()
    raise AssertionError("a sync program suspended")


class Each:
    """`async for` over either kind of iterable, with the reference counts of a plain loop."""

    __slots__ = ("_iterator", "_sync")

    def __init__(self, iterable: Any) -> None:
        self._sync = not hasattr(iterable, "__aiter__")
        self._iterator = iter(iterable) if self._sync else iterable.__aiter__()

    def __aiter__(self) -> Each:
        return self

    async def __anext__(self) -> Any:
        if not self._sync:
            return await self._iterator.__anext__()
        try:
            return next(self._iterator)
        except StopIteration:
            raise StopAsyncIteration from None


class Within:
    """`async with` over either kind of context manager."""

    __slots__ = ("_manager", "_sync")

    def __init__(self, manager: Any) -> None:
        self._manager = manager
        self._sync = not hasattr(manager, "__aenter__")

    async def __aenter__(self) -> Any:
        if self._sync:
            return self._manager.__enter__()
        return await self._manager.__aenter__()

    async def __aexit__(self, *error: object) -> Any:
        if self._sync:
            return self._manager.__exit__(*error)
        return await self._manager.__aexit__(*error)


class World:
    """One mode of one phase.

    Args:
        url: of the emulator.
        is_async: which clients there are.
        arrived: how many requests the emulator has received since the cell began.

    Attributes:
        seen: what the running program saw, in order.
        retries: `max_retries` of the clients that `client` gives.
        captured: methods taken off clients before `instrument()`.
    """

    def __init__(self, url: str, arrived: Callable[[], int], *, is_async: bool) -> None:
        self._url = url
        self._arrived = arrived
        self._clients: dict[tuple[str, int], Any] = {}
        self.is_async = is_async
        self.retries = 2
        self.seen: list[list[Any]] = []
        self.captured: dict[tuple[str, int], Any] = {}

    # --- clients ---

    def client(self, kind: str = "anthropic") -> Any:
        """The client of that kind and of this cell's retries."""
        key = (kind, self.retries)
        if key not in self._clients:
            self._clients[key] = self._make(kind)
        return self._clients[key]

    def _make(self, kind: str) -> Any:
        import anthropic

        made = getattr(anthropic, ("Async" if self.is_async else "") + CLASSES[kind])
        url = f"{self._url}/v1" if kind == "vertex" else self._url
        more = _ARGUMENTS[kind]
        if kind == "google_cloud":
            more = {**more, "token_provider": _async_token if self.is_async else _token}
        return made(base_url=url, max_retries=self.retries, **more)

    def capture(self) -> None:
        """Take methods off clients now, for the programs that call them later."""
        for self.retries in (0, 2):
            client = self._make("anthropic")
            self._clients["captured", self.retries] = client
            messages = client.messages
            for name, method in (
                ("create", messages.create),
                ("stream", messages.stream),
                ("raw", messages.with_raw_response.create),
                ("streaming", messages.with_streaming_response.create),
            ):
                self.captured[name, self.retries] = method

    async def close(self) -> None:
        """Close every client."""
        for client in self._clients.values():
            await self.get(client.close())
        self._clients.clear()

    # --- one way for both modes ---

    async def get(self, value: Any) -> Any:
        """The value, awaited where it can be."""
        return await value if inspect.isawaitable(value) else value

    def each(self, iterable: Any) -> Each:
        """To loop over."""
        return Each(iterable)

    async def step(self, iterator: Any) -> Any:
        """The next item, by `next` or `anext`; None at the end."""
        if self.is_async:
            return await anext(iterator, None)
        return next(iterator, None)

    def within(self, manager: Any) -> Within:
        """To enter."""
        return Within(manager)

    async def arrived(self) -> None:
        """Wait (async only) until a request has reached the emulator."""
        for _ in range(5000):
            if self._arrived():
                return
            await asyncio.sleep(0.002)
        raise AssertionError("no request arrived")

    @contextmanager
    def interrupted(self, seconds: float) -> Iterator[None]:
        """Interrupt the main thread, as Ctrl-C does, so long after a request has arrived."""

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt("of the test")

        def watch() -> None:
            while not self._arrived():
                if left.wait(0.002):
                    return
            if not left.wait(seconds):
                signal.pthread_kill(main, signal.SIGUSR1)

        left, main = threading.Event(), threading.get_ident()
        before = signal.signal(signal.SIGUSR1, interrupt)
        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            left.set()
            thread.join()
            signal.signal(signal.SIGUSR1, before)

    # --- what is seen ---

    def see(self, what: str, value: Any = None) -> None:
        """Note what the program sees now."""
        self.seen.append([what, describe(value)])

    def arguments(self, kind: str, scenario: str, **more: Any) -> dict[str, Any]:
        """Arguments of a call in that scenario."""
        return {
            "model": MODELS.get(kind, "claude-sonnet-5-5"),
            "max_tokens": 64,
            "messages": [{"role": "user", "content": "Hello"}],
            "extra_headers": {"x-emulator-scenario": scenario or "ok"},
            **more,
        }
