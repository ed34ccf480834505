"""What a rule finds, and how that is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_claude.local.queries import watched
from otel_claude.local.queries.period import SECOND, Period

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_claude.local.engine import Engine
    from otel_claude.local.queries.watched import Reading


def read(rule: Any, engine: Engine, now: int, *, began: int) -> Reading:
    """What a rule finds.

    Args:
        rule: of `rules.Rule`.
        engine: where to ask.
        now: nanoseconds since the epoch.
        began: since when calls have been received, likewise.

    Raises:
        QueryError: the engine refused it.
    """
    period = Period(now - int(rule.window * SECOND), now)
    if rule.type == "budget":
        return watched.fullest(engine, period, rule.budget)
    if rule.type == "silence":
        return watched.silence(engine, now, rule.filters, began=began)
    if rule.type in ("p95", "first_token"):
        return watched.slow(engine, period, rule.filters, rule.type)
    return _READ[rule.type](engine, period, rule.filters)


_READ: Final = {
    "error_rate": watched.error_rate,
    "spend": watched.spend,
    "token_spike": watched.token_spike,
    "consecutive_errors": watched.errors_in_a_row,
}


def limit(rule: Any) -> float:
    """From which value on the condition holds."""
    return float(rule.window if rule.type == "silence" else rule.threshold)


def missing(rule: Any, found: Reading) -> str | None:
    """Why nothing can be said of a reading; None where something can."""
    least = getattr(rule, "min_calls", 0)
    if found.calls < least:
        return f"not enough data: {found.calls:,} calls in {duration(rule.window)}, of {least:,}"
    least = getattr(rule, "min_tokens", 0)
    if found.calls < least:
        return f"{found.calls:,} tokens in {duration(rule.window)}: fewer than {least:,}"
    if found.value is None:
        return f"not enough data: {_LACKING.get(rule.type, 'no calls')}"
    return None


_LACKING: Final = {
    "token_spike": "fewer than 6 of the 24 windows before had calls",
    "budget": "no budget was reported",
    "silence": "no call yet",
}


def limit_text(rule: Any) -> str:
    """The limit in words."""
    return _KINDS[rule.type].limit(limit(rule))


def text(rule: Any, found: Reading) -> str:
    """A reading in words, with its limit."""
    if (reason := missing(rule, found)) is not None:
        return reason
    said = _KINDS[rule.type].text.format(
        value=_KINDS[rule.type].shown(found.value),
        calls=f"{found.calls:,}",
        usual=f"{found.usual or 0:,.0f}",
        name=found.name,
        window=duration(rule.window),
    )
    return f"{said}; the limit is {limit_text(rule)}"


def share(value: float | None) -> str:
    """A share as percent, without needless decimals."""
    return f"{round(100 * (value or 0), 1):g}%"


def usd(value: float | None) -> str:
    """Money: cents from a dollar on, four digits below."""
    value = value or 0.0
    return f"${value:,.2f}" if value >= 1 else f"${value:.4g}"


def duration(seconds: float | None) -> str:
    """A length of time in its largest fitting unit."""
    seconds = seconds or 0.0
    for size, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or (seconds >= size and seconds % size == 0):
            return f"{round(seconds / size, 1):g} {name}"
    return f"{round(seconds, 1):g} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"


@dataclass(frozen=True)
class _Kind:
    """How a kind of rule speaks: of what it found, and of its limit."""

    text: str
    shown: Callable[[float | None], str]
    limit: Callable[[Any], str]


_KINDS: Final = {
    "error_rate": _Kind("{value} of {calls} calls failed in {window}", share, share),
    "p95": _Kind("duration p95 {value} of {calls} calls in {window}", duration, duration),
    "first_token": _Kind(
        "first token p95 {value} of {calls} calls in {window}", duration, duration
    ),
    "spend": _Kind("{value} in {window}", usd, usd),
    "token_spike": _Kind(
        "{calls} tokens in {window}, {value} times the usual {usual}",
        lambda value: f"{value:.1f}",
        lambda value: f"{value:g} times",
    ),
    "consecutive_errors": _Kind(
        "{value} calls failed in a row",
        lambda value: f"{value:,.0f}",
        lambda value: f"{value:,.0f}",
    ),
    "budget": _Kind("budget {name!r} has used {value}", share, share),
    "silence": _Kind("no call for {value}", duration, duration),
}
