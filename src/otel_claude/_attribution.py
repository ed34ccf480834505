"""Who and what a call is for: kept in the OpenTelemetry context, read once per call.

    with otel_claude.attribution(user="u-17", feature="search"):
        client.messages.create(...)

Tasks inherit it; nested blocks add to what the outer ones said.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from opentelemetry import context as otel_context

if TYPE_CHECKING:
    from contextvars import Token
    from types import TracebackType

_KEY: Final = otel_context.create_key("otel_claude.attribution")
# What was entered here, innermost last. Not on the object: tasks and threads may share one.
_entered: Final[ContextVar[tuple[Token[otel_context.Context], ...]]] = ContextVar(
    "otel_claude_attributions", default=()
)
_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Attribution:
    """What was said about the calls of a block; None is "not said"."""

    user: str | None = None
    session: str | None = None
    tenant: str | None = None
    team: str | None = None
    feature: str | None = None
    endpoint: str | None = None
    prompt: str | None = None
    prompt_version: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def values(self, keys: tuple[str, ...]) -> tuple[str | None, ...]:
        """What was said under these keys: names of dimensions, or of tags."""
        return tuple(
            getattr(self, key) if key in DIMENSIONS else self.tags.get(key) for key in keys
        )


DIMENSIONS: Final = frozenset(f.name for f in fields(Attribution)) - {"tags"}


def current() -> Attribution | None:
    """The attribution in force here, or None."""
    value = otel_context.get_value(_KEY)
    return value if isinstance(value, Attribution) else None


class attribution:  # noqa: N801 - used as a function: `with attribution(...)`, `@attribution(...)`
    """Say who and what the calls in a block are for.

    Works as a context manager (`with` and `async with`) and as a decorator of functions and
    coroutine functions. Values that are not strings are turned into strings; `None` leaves what
    an outer block said.

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
        said = {
            "user": user,
            "session": session,
            "tenant": tenant,
            "team": team,
            "feature": feature,
            "endpoint": endpoint,
            "prompt": prompt,
            "prompt_version": prompt_version,
        }
        self._said = {key: str(value) for key, value in said.items() if value is not None}
        self._tags = {key: str(value) for key, value in tags.items() if value is not None}

    def __enter__(self) -> Attribution:
        outer = current() or Attribution()
        inner = replace(outer, **self._said, tags={**outer.tags, **self._tags})
        token = otel_context.attach(otel_context.set_value(_KEY, inner))
        _entered.set((*_entered.get(), token))
        return inner

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        *outer, token = _entered.get()
        _entered.set(tuple(outer))
        otel_context.detach(token)

    async def __aenter__(self) -> Attribution:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _fresh(self) -> attribution:
        return attribution(**self._said, **self._tags)

    def __call__(self, function: _F) -> _F:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def run_async(*args: Any, **kwargs: Any) -> Any:
                with self._fresh():
                    return await function(*args, **kwargs)

            return run_async  # type: ignore[return-value] # the wrapper has the wrapped signature

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with self._fresh():
                return function(*args, **kwargs)

        return run  # type: ignore[return-value] # the wrapper has the wrapped signature
