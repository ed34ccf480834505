"""Generators whose bodies run inside a block, while their consumers stay outside of it.

A generator shares the context variables of whoever asks it for the next item. So the block is left
before every item and entered again after it, together with what the body itself has entered.
"""

from __future__ import annotations

from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from contextlib import AbstractContextManager
    from contextvars import ContextVar


def generator(
    function: Callable[..., Generator[Any, Any, Any]],
    block: Callable[[], AbstractContextManager[Any]],
) -> Callable[..., Generator[Any, Any, Any]]:
    """A generator function whose body runs inside `block()`.

    The body has context variables of its own, a copy made at the first item.
    """

    def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        body = function(*args, **kwargs)
        context = copy_context()
        context.run(lambda: block().__enter__())
        step, value = body.send, None
        try:
            while True:
                try:
                    item = context.run(step, value)
                except StopIteration as end:
                    return end.value
                try:
                    value, step = (yield item), body.send
                except GeneratorExit:
                    raise
                except BaseException as error:
                    value, step = error, body.throw
        finally:
            context.run(body.close)

    return run


def async_generator(
    function: Callable[..., AsyncGenerator[Any, Any]],
    block: Callable[[], AbstractContextManager[Any]],
    entered: ContextVar[Any],
) -> Callable[..., AsyncGenerator[Any, Any]]:
    """An asynchronous generator function whose body runs inside `block()`.

    Args:
        function: the generator function.
        block: makes the context manager; what it sets is the OpenTelemetry context.
        entered: the context variable that must change hands together with that context.
    """

    async def run(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        body = function(*args, **kwargs)
        with block():
            inside = _Inside(entered)
        step, value = body.asend, None
        try:
            while True:
                try:
                    with inside:
                        item = await step(value)
                except StopAsyncIteration:
                    return
                try:
                    value, step = (yield item), body.asend
                except GeneratorExit:
                    raise
                except BaseException as error:
                    value, step = error, body.athrow
        finally:
            with inside:
                await body.aclose()

    return run


class _Inside:
    """The context of a generator's body: entered for each of its steps, kept as each leaves it."""

    __slots__ = ("_context", "_entered", "_outer", "_stack", "_token")

    def __init__(self, entered: ContextVar[Any]) -> None:
        self._entered = entered
        self._context = otel_context.get_current()
        self._stack = entered.get()

    def __enter__(self) -> None:
        self._outer = self._entered.get()
        self._entered.set(self._stack)
        self._token = otel_context.attach(self._context)

    def __exit__(self, *_: object) -> None:
        self._context, self._stack = otel_context.get_current(), self._entered.get()
        otel_context.detach(self._token)
        self._entered.set(self._outer)
