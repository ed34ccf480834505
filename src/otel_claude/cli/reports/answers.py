"""What a report is made from: answers of the analyses, as REST gives them, by name of its paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_claude.local.engine import coverage
from otel_claude.local.queries import (
    compare as compare_queries,
    hours,
    savings as savings_queries,
    state,
    summary as summary_queries,
    usage,
)
from otel_claude.local.queries.period import DAY, Period
from otel_claude.local.queries.sessions import sessions_of

if TYPE_CHECKING:
    from otel_claude.local.engine import Engine
    from otel_claude.local.queries.filters import Filters

Answers = dict[str, Any]

_ROWS: Final = 10  # of a table: a report is read, not searched
_BARS: Final = 48  # of a line over time
_STEPS: Final = tuple(s * 10**9 for s in (60, 300, 900, 3600, 4 * 3600, 86_400, 7 * 86_400))
_WEEK: Final = 7 * DAY


def report(engine: Engine, period: Period, filters: Filters) -> Answers:
    """Everything there is to say of a period.

    Args:
        engine: where to ask.
        period: which time; forecast, week and reliability are those of its end.
        filters: which calls.
    """
    now = period.end
    return {
        **_asked(engine, period, filters),
        "summary": summary_queries.summary(engine, period, filters),
        "timeseries": _over_time(engine, period, filters),
        "costs": summary_queries.costs(engine, period, filters, by="model", limit=_ROWS),
        "forecast": hours.forecast_of(engine, filters, now=now),
        "anomalies": hours.anomalies_of(engine, period, filters, limit=_ROWS),
        "weekly": state.weekly_of(engine, filters, now=now),
        **_advice(engine, period, filters),
        "reliability": state.reliability_of(engine, filters, now=now),
    }


def weekly(engine: Engine, end: int, filters: Filters) -> Answers:
    """Seven whole days against the seven before.

    Args:
        engine: where to ask.
        end: nanoseconds since the epoch; the week ends at the midnight (UTC) before it.
        filters: which calls.
    """
    end -= end % DAY
    period = Period(end - _WEEK, end)
    both = Period(end - 2 * _WEEK, end)
    return {
        **_asked(engine, period, filters),
        "weekly": state.weekly_of(engine, filters, now=end),
        "daily": usage.tokens_daily(engine, both, filters),
        "anomalies": hours.anomalies_of(engine, period, filters, limit=_ROWS),
        **_advice(engine, period, filters),
    }


def comparison(engine: Engine, period: Period, filters: Filters, by: str) -> Answers:
    """Values of a dimension side by side.

    Raises:
        FilterError: there is no such dimension.
    """
    found = compare_queries.compare(engine, period, filters, by=by)
    return {**_asked(engine, period, filters), "compare": found}


def _asked(engine: Engine, period: Period, filters: Filters) -> Answers:
    equal = {name: list(values) for name, values in filters.equal.items()}
    return {
        "from_ns": period.start,
        "to_ns": period.end,
        "filters": equal,
        "coverage": coverage(engine, period),
    }


def _advice(engine: Engine, period: Period, filters: Filters) -> Answers:
    return {
        "savings": savings_queries.savings_of(engine, period, filters),
        "cache_misses": state.misses_of(engine, period, filters),
        "sessions": sessions_of(engine, period, filters),
    }


def _over_time(engine: Engine, period: Period, filters: Filters) -> Answers:
    length = period.end - period.start
    step = next((s for s in _STEPS if length <= _BARS * s), _STEPS[-1])
    return summary_queries.timeseries(engine, period, filters, step=step)
