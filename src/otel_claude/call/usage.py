"""What a response says was used, as plain counts.

`Usage` holds the API's own fields under the API's own names. `read` takes the `usage` object of
any SDK version (a model, or a plain mapping) and never raises: a field that is missing, null,
negative or of another type is absent (`None`), never zero and never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from otel_claude._characters import plain, sendable

_MOST = 2**53  # more is no count of tokens, and past what exporters and doubles can carry
_NOTHING: Mapping[str, Any] = {}


def fields(value: object) -> Mapping[str, Any]:
    """The fields of a response object, whether the SDK made a model or left it a mapping.

    Never raises. Fields that an older SDK does not know are included.
    """
    # Models and dicts first: whether something else is a Mapping takes longest to find out.
    if type(value) is dict:
        return value
    extra = getattr(value, "__pydantic_extra__", _NOTHING)
    if extra is _NOTHING and isinstance(value, Mapping):
        return value
    known: Mapping[str, Any] = getattr(value, "__dict__", _NOTHING)
    return {**known, **extra} if extra else known


def count(value: object) -> int | None:
    """`value` as a count of something, or None where it is not one."""
    if type(value) is int:
        return value if 0 <= value <= _MOST else None
    if type(value) is float and 0 <= value <= _MOST and value.is_integer():
        return int(value)
    return None


def text(value: object) -> str | None:
    """`value` where it is a non-empty string, else None. Half characters are replaced."""
    if type(value) is not str:
        return (plain(value) or None) if isinstance(value, str) else None
    return (value or None) if value.isascii() else sendable(value)


_COUNTS: Final = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)
_SPLIT: Final = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
_DETAILS: Final = ("thinking_tokens",)
_SERVER_TOOLS: Final = (
    "web_search_requests",
    "web_fetch_requests",
    "code_execution_requests",
)
_TEXTS: Final = ("service_tier", "speed", "inference_geo")


def _read_counts(into: Tokens, names: tuple[str, ...], said: Mapping[str, Any]) -> None:
    """Overwrite the counts of these names with what `said` has of them."""
    for name in names:
        value = said.get(name)
        if type(value) is int and 0 <= value <= _MOST:  # nearly always: no need to call for that
            setattr(into, name, value)
        elif value is not None and (n := count(value)) is not None:
            setattr(into, name, n)


class Tokens:
    """Token counts of one priced inference, under the API's names; None is "not said".

    `input_tokens` excludes cache reads and writes. `thinking_tokens` are part of `output_tokens`.
    """

    # No dataclass, here and elsewhere: making one takes as long as importing a module. And no
    # `__init__`: one is made for every call, and most of it stays unsaid.
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None
    thinking_tokens: int | None = None

    def _said(self) -> dict[str, Any]:
        kind = type(self)
        return {name: v for name, v in vars(self).items() if v != getattr(kind, name)}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._said() == other._said()  # type: ignore[attr-defined] # same class

    __hash__ = None  # type: ignore[assignment] # it can change

    def __repr__(self) -> str:
        said = (f"{name}={value!r}" for name, value in self._said().items())
        return f"{type(self).__name__}({', '.join(said)})"

    def read_tokens(self, said: Mapping[str, Any]) -> None:
        """Overwrite with every count that `said` has; what it lacks is kept. Never raises."""
        get = said.get
        _read_counts(self, _COUNTS, said)
        if (split := get("cache_creation")) is not None:
            _read_counts(self, _SPLIT, fields(split))
        if (details := get("output_tokens_details")) is not None:
            _read_counts(self, _DETAILS, fields(details))

    @property
    def prompt_tokens(self) -> int | None:
        """Uncached input, cache reads and cache writes together; None where none was said."""
        plain, read = self.input_tokens, self.cache_read_input_tokens
        written = self.cache_creation_input_tokens
        if plain is None and read is None and written is None:
            return None
        return (plain or 0) + (read or 0) + (written or 0)


class Iteration(Tokens):
    """One entry of `usage.iterations`: a priced inference inside a response.

    `type` is the API's (message, compaction, advisor_message, fallback_message, or newer);
    `model` is None where the entry runs on the response's own model.
    """

    type: str | None = None
    model: str | None = None


class Usage(Tokens):
    """The `usage` of a response. `said` is True once any usage was read."""

    said: bool = False
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    web_search_requests: int | None = None
    web_fetch_requests: int | None = None
    code_execution_requests: int | None = None
    iterations: tuple[Iteration, ...] = ()

    def read(self, value: object) -> None:
        """Merge a `usage` object into this one, as the API means it. Never raises.

        Counts are cumulative, so what is said later replaces what was said before (it is never
        added), and what a later object leaves out or null is kept: the `message_delta` of a
        stream has no service tier, speed, region or cache split.
        """
        said = fields(value)
        if not said:
            return
        self.said = True
        self.read_tokens(said)
        get = said.get
        for name in _TEXTS:
            if (value := get(name)) is not None and (value := text(value)) is not None:
                setattr(self, name, value)
        if (tools := get("server_tool_use")) is not None:
            _read_counts(self, _SERVER_TOOLS, fields(tools))
        if (entries := get("iterations")) is not None:
            self._read_iterations(entries)

    def _read_iterations(self, entries: object) -> None:
        if not isinstance(entries, Sequence) or isinstance(entries, str | bytes):
            return
        read = []
        for entry in entries:
            said = fields(entry)
            iteration = Iteration()
            iteration.type, iteration.model = text(said.get("type")), text(said.get("model"))
            iteration.read_tokens(said)
            read.append(iteration)
        self.iterations = tuple(read)
