"""What alert rules watch, each in one small query.

A call counts when it ended: one that ran into a timeout began long before anybody knew.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_claude.local.queries.filters import FAILED, Filters, Parameters, where
from otel_claude.local.queries.period import DAY, HOUR, SECOND, Period
from otel_claude.local.queries.sums import quantiles
from otel_claude.local.queries.verdicts import budgets

if TYPE_CHECKING:
    from otel_claude.local.engine import Engine, Row

_BEFORE: Final = 24  # windows that say what is usual
_KNOWN: Final = 6  # of them with calls, from which one can tell
_LONGEST: Final = 2 * HOUR  # that a call takes; it keeps the search short
_END: Final = f"start_ns + CAST(duration * {SECOND} AS BIGINT)"
_QUANTILES: Final = {"p95": ("duration", "operation <> 'batch'"), "first_token": ("first_token",)}


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found.

    Attributes:
        value: None where nothing can be said.
        calls: it is made of; for `token_spike` tokens.
        usual: what it is compared with, if anything.
        name: of what was found, if there are several.
    """

    value: float | None
    calls: int = 0
    usual: float | None = None
    name: str | None = None


def _ended(period: Period, filters: Filters, parameters: Parameters) -> str:
    """The condition that a call ended in a period."""
    begun = where(Period(period.start - _LONGEST, period.end), filters, parameters)
    start, end = parameters.add(period.start), parameters.add(period.end)
    return f"{begun} AND {_END} >= {start} AND {_END} < {end}"


def _one(engine: Engine, what: str, period: Period, filters: Filters) -> Row:
    parameters = Parameters()
    condition = _ended(period, filters, parameters)
    return engine.rows(f"SELECT {what} FROM calls WHERE {condition}", parameters.values)[0]


def error_rate(engine: Engine, period: Period, filters: Filters) -> Reading:
    """The share of calls that failed."""
    what = f"count(*) AS calls, count(*) FILTER (WHERE {FAILED}) AS errors"
    row = _one(engine, what, period, filters)
    return Reading(row["errors"] / row["calls"] if row["calls"] else None, row["calls"])


def slow(engine: Engine, period: Period, filters: Filters, measure: str) -> Reading:
    """The 95th percentile of durations (`p95`) or of times to `first_token`, seconds."""
    column, *conditions = _QUANTILES[measure]
    only = f"FILTER (WHERE {' AND '.join([*conditions, f'{column} IS NOT NULL'])})"
    what = f"count(*) {only} AS calls, {quantiles(column, (0.95,), only)} AS found"
    row = _one(engine, what, period, filters)
    return Reading(row["found"][0] if row["calls"] else None, row["calls"])


def spend(engine: Engine, period: Period, filters: Filters) -> Reading:
    """USD."""
    what = "count(*) AS calls, CAST(coalesce(sum(cost), 0) AS DOUBLE) AS usd"
    row = _one(engine, what, period, filters)
    return Reading(row["usd"], row["calls"])


def token_spike(engine: Engine, period: Period, filters: Filters) -> Reading:
    """Tokens, as a multiple of the median of the windows of the same length before."""
    length = period.end - period.start
    parameters = Parameters()
    whole = Period(period.start - _BEFORE * length, period.end)
    condition = _ended(whole, filters, parameters)
    ago = f"({parameters.add(period.end - 1)} - ({_END})) // {length}"
    rows = engine.rows(
        f"SELECT {ago} AS ago, coalesce(sum(input_tokens), 0) + coalesce(sum(output_tokens), 0) "
        f"AS tokens FROM calls WHERE {condition} GROUP BY ago",
        parameters.values,
    )
    by_window = {row["ago"]: row["tokens"] for row in rows}
    now = by_window.pop(0, 0)
    past = [tokens for tokens in by_window.values() if tokens]
    if len(past) < _KNOWN:
        return Reading(None, now)
    usual = statistics.median(past)
    return Reading(now / usual, now, usual)


def errors_in_a_row(engine: Engine, period: Period, filters: Filters) -> Reading:
    """Calls that failed after the last that did not."""
    what = f"count(*) AS calls, max({_END}) FILTER (WHERE error_type IS NULL) AS at_ns"
    row = _one(engine, what, period, filters)
    since = max(period.start, (row["at_ns"] or 0) + 1)
    last = _one(engine, f"count(*) FILTER (WHERE {FAILED}) AS failed",
                Period(since, period.end), filters)  # fmt: skip
    return Reading(last["failed"], row["calls"])


def fullest(engine: Engine, period: Period, name: str | None) -> Reading:
    """The share of the limit that the fullest budget has used."""
    found = budgets(engine, period)["budgets"]
    used = [one for one in found if name in (None, one["name"]) and one["used"] is not None]
    return Reading(used[0]["used"], len(used), None, used[0]["name"]) if used else Reading(None)


def silence(engine: Engine, now: int, filters: Filters, *, began: int) -> Reading:
    """Seconds since the last call ended, or since `began`, whatever is later.

    Args:
        engine: where to ask.
        now: nanoseconds since the epoch.
        filters: which calls.
        began: since when somebody has listened: before, calls may have been missed.
    """
    what = f"max({_END}) AS at_ns, count(*) AS calls"
    row = _one(engine, what, Period(now - 30 * DAY, now + SECOND), filters)
    if row["at_ns"] is None:
        return Reading(None)
    return Reading(max(0, now - max(row["at_ns"], began)) / SECOND, row["calls"])
