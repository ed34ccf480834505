"""`Hand`: a thread that does what may hang, for one that must not."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import queue
import threading
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context

NAME: Final = "otel-claude-evaluation"
_GRACE: Final = 0.5  # seconds in which a coroutine that is late may end by itself


class LateError(Exception):
    """Something was not done in time; `thread` is `stuck` where it is at it still."""

    def __init__(self, thread: threading.Thread, *, stuck: bool) -> None:
        super().__init__("timeout")
        self.thread = thread
        self.stuck = stuck


class _Work:
    def __init__(self, do: Callable[[], Any], context: Context, timeout: float) -> None:
        self.do = do
        self.context = context
        self.timeout = timeout
        self.done = threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None


class Hand:
    """Does one thing at a time on a thread of its own, which has an event loop.

    A thread that does not come back is left alone, and another one takes its place. They are daemons:
    none of them holds up the end of the program.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._given: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()

    def run(self, do: Callable[[], Any], context: Context, timeout: float) -> Any:
        """What `do` returns, or the awaitable that it returns.

        Args:
            do: what is to be done.
            context: the OpenTelemetry context in which.
            timeout: seconds that it may take.

        Raises:
            LateError: it took longer.
            BaseException: what it raised.
        """
        if self._thread is None:
            self._given = queue.SimpleQueue()
            self._thread = threading.Thread(
                target=_serve, args=(self._given,), name=NAME, daemon=True
            )
            self._thread.start()
        work = _Work(do, context, timeout)
        self._given.put(work)
        if not work.done.wait(timeout + _GRACE):
            late = LateError(self._thread, stuck=True)
            self.dismiss()
            raise late
        if isinstance(work.error, asyncio.TimeoutError) and inspect.isawaitable(work.result):
            raise LateError(self._thread, stuck=False)
        if work.error is not None:
            raise work.error
        return work.result

    def dismiss(self) -> None:
        """End the thread, once it has nothing to do."""
        self._given.put(None)
        self._thread = None


def _serve(given: queue.SimpleQueue[_Work | None]) -> None:
    loop: asyncio.AbstractEventLoop | None = None
    while (work := given.get()) is not None:
        try:
            do: Any = contextvars.copy_context().run(_called, work)
            if inspect.isawaitable(do):
                loop = loop or asyncio.new_event_loop()
                work.result = do
                work.result = contextvars.copy_context().run(_awaited, loop, work)
            else:
                work.result = do
        except BaseException as error:  # whatever an evaluator raises, SystemExit too
            work.error = error
        work.done.set()
        del work
    if loop is not None:
        loop.close()


def _called(work: _Work) -> Any:
    # The context of this run is thrown away with what is attached to it.
    otel_context.attach(work.context)
    return work.do()


def _awaited(loop: asyncio.AbstractEventLoop, work: _Work) -> Any:
    otel_context.attach(work.context)

    async def wait() -> Any:
        return await asyncio.wait_for(work.result, work.timeout)

    return loop.run_until_complete(wait())
