"""Who and what a call is for: kept in the OpenTelemetry context, read once per call.

    with otel_claude.attribution(user="u-17", feature="search"):
        client.messages.create(...)

Tasks inherit it; nested blocks add to what the outer ones said.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from types import MappingProxyType, TracebackType
from typing import Any, Final, NamedTuple, TypeVar

from opentelemetry import context as otel_context

from otel_claude._characters import plain, sendable

KEY: Final = otel_context.create_key("otel_claude.attribution")
SENDING: Final = otel_context.create_key("otel_claude.propagated")
"""In the context: the keys that outgoing requests carry as baggage."""
_F = TypeVar("_F", bound=Callable[..., Any])


class Attribution(NamedTuple):
    """What was said about the calls of a block; None is "not said"."""

    user: str | None = None
    session: str | None = None
    tenant: str | None = None
    team: str | None = None
    feature: str | None = None
    endpoint: str | None = None
    prompt: str | None = None
    prompt_version: str | None = None
    tags: Mapping[str, str] = MappingProxyType({})

    def values(self, keys: tuple[str, ...]) -> tuple[str | None, ...]:
        """What was said under these keys: names of dimensions, or of tags."""
        return tuple(
            getattr(self, key) if key in DIMENSIONS else self.tags.get(key) for key in keys
        )

    def filled(self, more: Mapping[str, str]) -> "Attribution":
        """The same, with what is only said in `more` (names of dimensions, or of tags)."""
        new = {k: v for k, v in more.items() if k in DIMENSIONS and getattr(self, k) is None}
        tags = {k: v for k, v in more.items() if k not in DIMENSIONS and k not in self.tags}
        if not new and not tags:
            return self
        return self._replace(**new, tags={**tags, **self.tags})


DIMENSIONS: Final = frozenset(Attribution._fields) - {"tags"}
NOTHING: Final = Attribution()


def current() -> Attribution | None:
    """The attribution of the blocks that are open here, or None."""
    value = otel_context.get_value(KEY)
    return value if isinstance(value, Attribution) else None


def texts(said: Mapping[str, Any]) -> dict[str, str]:
    """What was said, as strings; None is "not said"."""
    return {sendable(key): plain(value) for key, value in said.items() if value is not None}


class attribution:  # noqa: N801 - used as a function: `with attribution(...)`, `@attribution(...)`
    """Say who and what the calls in a block are for.

    Works as a context manager (`with` and `async with`) and as a decorator of functions,
    coroutine functions, generator functions and asynchronous generator functions. Values that are
    not strings are turned into strings; `None` leaves what an outer block said.

    Args:
        user: the person or account, `user.id` on spans.
        session: the conversation, `session.id` and `gen_ai.conversation.id`.
        tenant: the customer.
        team: the team that pays.
        feature: the feature of your product.
        endpoint: the route that was called.
        prompt: name of the prompt template.
        prompt_version: its version.
        tags: any further keys, `claude.tag.<key>` on spans.
    """

    def __init__(  # noqa: PLR0913 - one keyword per dimension is the interface
        self,
        *,
        user: str | None = None,
        session: str | None = None,
        tenant: str | None = None,
        team: str | None = None,
        feature: str | None = None,
        endpoint: str | None = None,
        prompt: str | None = None,
        prompt_version: str | None = None,
        **tags: str | None,
    ) -> None:
        self._said = texts(
            {
                "user": user,
                "session": session,
                "tenant": tenant,
                "team": team,
                "feature": feature,
                "endpoint": endpoint,
                "prompt": prompt,
                "prompt_version": prompt_version,
            }
        )
        self._tags = texts(tags)

    def __enter__(self) -> Attribution:
        outer = current() or NOTHING
        inner = outer._replace(**self._said, tags={**outer.tags, **self._tags})
        context = otel_context.set_value(KEY, inner)
        keys: Any = context.get(SENDING)
        if keys is not None:
            from otel_claude import _sources

            context = _sources.refreshed(keys, context)
        token = otel_context.attach(context)
        outer_blocks = _entered.get()
        _entered.set((*outer_blocks, (self, token, _entered.set(outer_blocks), inner)))
        return inner

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        entered = _entered.get()
        # Not simply the last: a generator that is suspended inside a block leaves that on top, and
        # it ends with ours. Where the exit is in another context, there is nothing to undo.
        for at in range(len(entered) - 1, -1, -1):
            owner, token, here, inner = entered[at]
            if owner is self:
                try:
                    _entered.reset(here)
                    otel_context.detach(token)
                except ValueError:  # in another context, whose task had a copy of this
                    _undo(token, inner)
                _entered.set(entered[:at])
                return

    async def __aenter__(self) -> Attribution:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __call__(self, function: _F) -> _F:
        return _inside(function, lambda: self)

    @staticmethod
    def wrap(function: _F) -> _F:
        """A function that runs in the OpenTelemetry context of here and now, in whatever thread.

        For threads that inherit nothing: `pool.submit(attribution.wrap(work), item)`. It carries
        the attribution, and the span that calls become children of. Takes coroutine functions and
        generator functions, too; may be called many times, also at once.
        """
        from otel_claude import _sources

        here = _sources.whole_context()
        return _inside(function, lambda: _Attached(here))

    @staticmethod
    def propagated(*keys: str) -> AbstractContextManager[None]:
        """Within this block, outgoing HTTP requests carry the attribution as W3C baggage.

        Whatever propagates the context (an HTTP instrumentation, or OpenTelemetry's `inject`)
        sends it, to every host that is called in the block: so ask for it where you call services
        of your own. Requests to the Claude API never carry it. User ids are hashed, where
        `hash_key` is set.

        Args:
            keys: what to send: names of dimensions, or of tags; those of the setting
                `baggage_keys` by default, which also says under which names.
        """
        from otel_claude import _sources

        return _sources.propagated(keys)


_Entered = tuple[attribution, Token[otel_context.Context], Token[Any], Attribution]

_entered: Final[ContextVar[tuple[_Entered, ...]]] = ContextVar(
    "otel_claude_attributions", default=()
)
"""What was entered here, innermost last. Not on the object: tasks and threads may share one.

The last token of each tells whether its end is in the context of its beginning.
"""


def _undo(token: Token[otel_context.Context], inner: Attribution) -> None:
    """End a block in another task than it began in, if what it said has come along."""
    if current() is inner:  # a generator took it there, or the task has a copy of its own
        outer: Any = token.old_value
        before: Any = {} if outer is Token.MISSING else outer
        context = otel_context.set_value(KEY, before.get(KEY))
        if context.get(SENDING) is not None:
            from otel_claude import _sources

            context = _sources.refreshed(context.get(SENDING), context)  # type: ignore[arg-type] # keys
        otel_context.attach(context)


class _Attached:
    """A block in which another OpenTelemetry context is current."""

    __slots__ = ("_context", "_token")

    def __init__(self, context: otel_context.Context) -> None:
        self._context = context

    def __enter__(self) -> None:
        self._token = otel_context.attach(self._context)

    def __exit__(self, *_: object) -> None:
        otel_context.detach(self._token)


def _inside(function: _F, block: Callable[[], AbstractContextManager[Any]]) -> _F:
    """The function as it is, but its body runs inside a block. What it is to `inspect` it stays."""
    wrapped: Any
    if inspect.isasyncgenfunction(function):
        from otel_claude import _steps

        wrapped = _steps.async_generator(function, block, _entered)
    elif inspect.isgeneratorfunction(function):
        from otel_claude import _steps

        wrapped = _steps.generator(function, block)
    elif inspect.iscoroutinefunction(function):

        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            with block():
                return await function(*args, **kwargs)

    else:

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with block():
                return function(*args, **kwargs)

    return functools.wraps(function)(wrapped)  # type: ignore[return-value] # the same signature
