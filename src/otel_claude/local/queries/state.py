"""How it goes: the last quarter of an hour, the last week, and why caches missed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from otel_claude.local.analyses import intervals
from otel_claude.local.analyses.changes import changes, share
from otel_claude.local.analyses.misses import misses
from otel_claude.local.queries import summary as summary_queries
from otel_claude.local.queries.filters import FAILED, Filters, Parameters, column, where
from otel_claude.local.queries.period import DAY, SECOND, Period
from otel_claude.local.queries.sums import COUNTS, PERCENTILES, totals
from otel_claude.local.queries.watched import errors_in_a_row

if TYPE_CHECKING:
    from otel_claude.local.engine import Engine

QUARTER: Final = 900 * SECOND
WEEK: Final = 7 * DAY
_LEAST: Final = 10  # calls in a quarter of an hour
_BROKEN: Final = 0.5  # success rate below which it is down
_WELL: Final = 0.95
_DIMENSIONS: Final = ("model", "feature", "team", "user")
_COMPARED: Final = ("calls", "cost_usd", "total_tokens", "success_rate", "cache_hit_rate")


def reliability_of(engine: Engine, filters: Filters, *, now: int) -> dict[str, Any]:
    """Success, errors and times of the last 15 minutes.

    Args:
        engine: where to ask.
        filters: which calls.
        now: nanoseconds since the epoch.
    """
    parameters = Parameters()
    period = Period(now - QUARTER, now + SECOND)
    condition = where(period, filters, parameters)
    sums = totals(
        engine.rows(
            f"SELECT {COUNTS}, {PERCENTILES} FROM calls WHERE {condition}", parameters.values
        )[0]
    )
    by_category = engine.rows(
        f"SELECT error_category AS category, count(*) AS errors FROM calls WHERE {condition} "
        f"AND {FAILED} GROUP BY category ORDER BY errors DESC, category",
        parameters.values,
    )
    calls, errors = sums["calls"], sums["errors"]
    sure = intervals.of_share(calls - errors, calls)
    few = calls < _LEAST
    return {
        "from_ns": period.start,
        "to_ns": period.end,
        "reason": f"not enough data: {calls} calls in 15 minutes, of {_LEAST}" if few else None,
        "state": None if few else _state(sums["success_rate"]),
        "totals": sums,
        "success_interval": asdict(sure) if sure else None,
        "errors_in_a_row": errors_in_a_row(engine, period, filters).value,
        "by_category": by_category,
    }


def _state(success: float) -> str:
    if success >= _WELL:
        return "well"
    return "degraded" if success >= _BROKEN else "down"


def weekly_of(engine: Engine, filters: Filters, *, now: int) -> dict[str, Any]:
    """The last seven days against the seven before, and what changed most.

    Args:
        engine: where to ask.
        filters: which calls.
        now: nanoseconds since the epoch.
    """
    period = Period(now - WEEK, now)
    found = summary_queries.summary(engine, period, filters)
    before = found["previous"]
    known = engine.rows("SELECT min(start_ns) AS first_ns FROM calls")[0]["first_ns"]
    whole = known is not None and known <= period.before.start + DAY
    reason = None
    if not whole:
        days = 0 if known is None else (now - known) / DAY
        reason = f"not enough data: {days:.1f} days are known, of 14"
    elif before is None:
        reason = "not enough data: there is no such call in the week before"
    compared = before if whole else None
    return {
        "from_ns": period.start,
        "to_ns": period.end,
        "reason": reason,
        "totals": found["totals"],
        "before": compared,
        "change": {
            name: share(found["totals"][name], (compared or {}).get(name)) for name in _COMPARED
        },
        "changes": {
            name: [
                {"key": one.key, "now_usd": one.now, "before_usd": one.before, "by_usd": one.by}
                for one in changes(
                    _costs(engine, period, filters, name),
                    _costs(engine, period.before, filters, name),
                )
            ]
            for name in _DIMENSIONS
        }
        if compared
        else {},
    }


def _costs(engine: Engine, period: Period, filters: Filters, by: str) -> dict[str | None, float]:
    parameters = Parameters()
    condition = where(period, filters, parameters)
    rows = engine.rows(
        f"SELECT {column(by, parameters)} AS key, CAST(coalesce(sum(cost), 0) AS DOUBLE) AS usd "
        f"FROM calls WHERE {condition} GROUP BY key",
        parameters.values,
    )
    return {row["key"]: row["usd"] for row in rows}


def misses_of(engine: Engine, period: Period, filters: Filters) -> dict[str, Any]:
    """Why prompt caches missed, in dollars, the dearest first.

    Args:
        engine: where to ask.
        period: which time; prices are those of its end.
        filters: which calls.
    """
    parameters = Parameters()
    condition = where(period, filters, parameters)
    rows = engine.rows(
        "SELECT cache_miss_reason AS cause, model, count(*) AS calls, "
        "coalesce(sum(cache_missed_tokens), 0) AS tokens, "
        # least() passes over NULL: a call that says no missed tokens has written none of them.
        "coalesce(sum(least(coalesce(cache_missed_tokens, 0), coalesce(cache_write_tokens, 0))), 0)"
        " AS written "
        f"FROM calls WHERE {condition} AND cache_miss_reason IS NOT NULL AND model IS NOT NULL "
        "GROUP BY cause, model",
        parameters.values,
    )
    found = [asdict(one) for one in misses(rows, period.end / SECOND)]
    reason = None if found else "not enough data: no response says why its prompt cache missed"
    return {"reason": reason, "misses": found}
