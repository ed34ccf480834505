"""Which calls a question is about: parts of a WHERE clause, values always as parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_claude.local.queries.period import Period

DIMENSIONS: Final[Mapping[str, str]] = {
    "model": "model",
    "feature": "feature",
    "team": "team",
    "tenant": "tenant",
    "user": "user_id",
    "session": "session_id",
    "endpoint": "endpoint",
    "provider": "provider",
    "prompt": "prompt",
    "prompt_version": "prompt_version",
    "service": "service",
    "environment": "environment",
    "run": "run",
    "operation": "operation",
    "workspace": "workspace",
    "organization": "organization",
    "outcome": "outcome",
    "error_category": "error_category",
    "error_type": "error_type",
    "service_tier": "service_tier",
    "stop_reason": "stop_reason",
    "context": "context_bucket",
}
"""What calls can be told apart by -> its column; besides these `tag.<key>`."""

FAILED: Final = "error_type IS NOT NULL"
SHOWN: Final[Mapping[str, str]] = {
    "failed": FAILED,
    "refused": "stop_reason = 'refusal'",
    "truncated": "outcome = 'truncated'",
    "cut": "stop_reason IN ('max_tokens', 'model_context_window_exceeded')",
    "retried": "retries > 0",
    "unpriced": "cost_unavailable IS NOT NULL",
}
"""Kinds of calls one looks for -> condition; besides these `slow` and `expensive`: the slowest
and the dearest twentieth of the calls that are asked about."""

_TOP: Final[Mapping[str, str]] = {"slow": "duration", "expensive": "cost"}
KINDS: Final = (*SHOWN, *_TOP)
_TAG: Final = re.compile(r"tag\.(.{1,256})", re.DOTALL)
NONE: Final = "-"
"""As a value of a filter: calls that say nothing there."""


class FilterError(ValueError):
    """No such filter; the message says which there are."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that all have to hold.

    Attributes:
        equal: dimension -> values, one of which it must have; `-` stands for none.
        show: kinds of `KINDS`, all of which a call must be.
        min_cost: USD.
        min_duration: seconds.
        search: part of an id: trace, span, request, message.
    """

    equal: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    show: tuple[str, ...] = ()
    min_cost: float | None = None
    min_duration: float | None = None
    search: str | None = None

    def __post_init__(self) -> None:
        for kind in self.show:
            if kind not in KINDS:
                raise FilterError(f"show takes {', '.join(KINDS)}, not {kind!r}")
        for name in self.equal:
            column(name, Parameters())


class Parameters:
    """Collects the values of a query; each gets a name of its own."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def add(self, value: Any) -> str:
        """Keep a value and return what stands for it in the query."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"${name}"


def column(dimension: str, parameters: Parameters) -> str:
    """The SQL expression of a dimension.

    Raises:
        FilterError: there is none of that name.
    """
    if (tag := _TAG.fullmatch(dimension)) is not None:
        return f"tags[{parameters.add(tag.group(1))}]"
    found = DIMENSIONS.get(dimension)
    if found is None:
        known = ", ".join((*DIMENSIONS, "tag.<key>"))
        raise FilterError(f"there is no dimension {dimension!r}; there are {known}")
    return found


def where(period: Period, filters: Filters, parameters: Parameters) -> str:
    """The condition of a period and filters, without the word WHERE.

    Token counting is free and no inference: it is left out unless `operation` is asked for.
    """
    parts = [
        f"start_ns >= {parameters.add(period.start)}",
        f"start_ns < {parameters.add(period.end)}",
    ]
    if "operation" not in filters.equal:
        parts.append("operation <> 'count_tokens'")
    for name, values in filters.equal.items():
        wanted = [None if value == NONE else value for value in values]
        parts.append(one_of(column(name, parameters), wanted, parameters))
    parts += [SHOWN[kind] for kind in filters.show if kind in SHOWN]
    if filters.min_cost is not None:
        parts.append(f"cost >= {parameters.add(filters.min_cost)}")
    if filters.min_duration is not None:
        parts.append(f"duration >= {parameters.add(filters.min_duration)}")
    if filters.search:
        sought = parameters.add(filters.search)
        ids = ("trace_id", "span_id", "request_id", "response_id")
        parts.append("(" + " OR ".join(f"{name} = {sought}" for name in ids) + ")")
    base = " AND ".join(parts)
    for kind in filters.show:
        if (measure := _TOP.get(kind)) is not None:
            limit = f"SELECT quantile_cont(CAST({measure} AS DOUBLE), 0.95) FROM calls WHERE {base}"
            parts.append(f"CAST({measure} AS DOUBLE) >= ({limit})")
    return " AND ".join(parts)


def one_of(expression: str, values: Sequence[str | None], parameters: Parameters) -> str:
    """The condition that an expression is one of some values."""
    said = [parameters.add(value) for value in values if value is not None]
    parts = [f"{expression} IN ({', '.join(said)})"] if said else []
    if len(said) < len(values):
        parts.append(f"{expression} IS NULL")
    return "(" + " OR ".join(parts) + ")" if parts else "TRUE"
