"""Whole hours, for what looks at patterns and at what breaks them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from otel_claude.local.analyses.anomalies import Hour, anomalies, reason
from otel_claude.local.analyses.forecast import Projection, forecast
from otel_claude.local.queries import calls as call_queries
from otel_claude.local.queries.filters import FAILED, Filters, Parameters, where
from otel_claude.local.queries.period import DAY, HOUR, SECOND, Period

if TYPE_CHECKING:
    from otel_claude.local.analyses.anomalies import Anomaly
    from otel_claude.local.engine import Engine, Row

_LEARNED = 28 * DAY
_STREAMS = 5  # of an hour, without which its first token means nothing
_EXPLAINED_BY = {
    "cost": "cost",
    "tokens_per_call": "input_tokens",
    "error_rate": "start",
    "first_token": "first_token",
    "calls": "cost",
}
"""Measure -> what the calls that explain it are sorted by."""


def hours(engine: Engine, period: Period, filters: Filters) -> list[Row]:
    """Hours with calls, the oldest first: `hour` (since the epoch), calls, USD, tokens, failures."""
    parameters = Parameters()
    condition = where(period, filters, parameters)
    return engine.rows(
        f"SELECT start_ns // {HOUR} AS hour, count(*) AS calls, "
        "CAST(coalesce(sum(cost), 0) AS DOUBLE) AS cost, "
        "coalesce(sum(input_tokens), 0) + coalesce(sum(output_tokens), 0) AS tokens, "
        f"count(*) FILTER (WHERE {FAILED}) AS errors, "
        "quantile_cont(first_token, 0.95) AS first_token, count(first_token) AS streams "
        f"FROM calls WHERE {condition} GROUP BY hour ORDER BY hour",
        parameters.values,
    )


def forecast_of(engine: Engine, filters: Filters, *, now: int) -> dict[str, Any]:
    """What the day and the month will have cost.

    Args:
        engine: where to ask.
        filters: which calls.
        now: nanoseconds since the epoch.
    """
    # The whole month, too, where it is longer than what is learned from.
    period = Period(now - _LEARNED - 5 * DAY, now + SECOND)
    spent = {row["hour"]: row["cost"] for row in hours(engine, period, filters)}
    found = forecast(spent, now / SECOND)
    return {
        "reason": found.reason,
        "hours": found.hours,
        "pattern": found.pattern,
        "burn_rate_usd": found.burn_rate,
        "profile_usd": list(found.profile),
        "day": _said(found.day),
        "month": _said(found.month),
    }


def _said(projection: Projection | None) -> dict[str, Any] | None:
    if projection is None:
        return None
    return {
        "from_ns": int(projection.start * SECOND),
        "to_ns": int(projection.end * SECOND),
        "spent_usd": projection.spent,
        "expected_usd": projection.expected,
        "low_usd": projection.low,
        "high_usd": projection.high,
    }


def anomalies_of(
    engine: Engine, period: Period, filters: Filters, *, limit: int = 50, explain: int = 3
) -> dict[str, Any]:
    """Hours of a period that differ from the four weeks before them, and the calls that explain them.

    Args:
        engine: where to ask.
        period: which hours to judge; the one under way now or at its end is left out.
        filters: which calls.
        limit: anomalies, the newest first.
        explain: calls for each.
    """
    end = min(period.end, time.time_ns())
    history = Period(period.start - _LEARNED, end - end % HOUR)
    series = [_hour(row) for row in hours(engine, history, filters)]
    found = anomalies(series, -(-period.start // HOUR))[:limit]
    return {
        "reason": reason(series),
        "anomalies": [_anomaly(engine, filters, one, explain) for one in found],
    }


def _hour(row: Row) -> Hour:
    calls = row["calls"]
    values = {
        "cost": row["cost"],
        "calls": float(calls),
        "tokens_per_call": row["tokens"] / calls,
        "error_rate": row["errors"] / calls,
    }
    if row["streams"] >= _STREAMS:
        values["first_token"] = row["first_token"]
    return Hour(row["hour"], calls, values)


def _anomaly(engine: Engine, filters: Filters, one: Anomaly, explain: int) -> dict[str, Any]:
    name = one.measure.name
    if name == "error_rate":
        filters = replace(filters, show=(*filters.show, "failed"))
    start = one.hour * HOUR
    page = call_queries.calls(
        engine,
        Period(start, start + HOUR),
        filters,
        sort=_EXPLAINED_BY[name],
        descending=True,
        limit=explain,
        offset=0,
    )
    return {
        "measure": name,
        "unit": one.measure.unit,
        "from_ns": start,
        "to_ns": start + HOUR,
        "value": one.value,
        "usual": one.usual,
        "deviations": one.deviations,
        "hours": one.hours,
        "calls": page["calls"],
    }
