"""Who uses it, when, and how many tokens that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_claude.local.queries.filters import DIMENSIONS, FilterError, Filters, Parameters, where
from otel_claude.local.queries.period import DAY, HOUR, Period

if TYPE_CHECKING:
    from otel_claude.local.engine import Engine

_HOURS_A_WEEK: Final = 168
WINDOWS_BY: Final = {"user": "user_id", "account": "organization", "workspace": "workspace"}
"""Who a token window is about -> column."""
_TOKENS: Final = "coalesce(input_tokens, 0) + coalesce(output_tokens, 0)"


def usage(engine: Engine, period: Period, filters: Filters, *, limit: int = 20) -> dict[str, Any]:
    """Requests by user and feature, unique users a day, and when in the week (UTC) they come."""
    parameters = Parameters()
    condition = where(period, filters, parameters)

    def grouped(name: str) -> list[dict[str, Any]]:
        return engine.rows(
            f"SELECT {DIMENSIONS[name]} AS key, count(*) AS calls, sum({_TOKENS}) AS tokens, "
            "CAST(coalesce(sum(cost), 0) AS DOUBLE) AS cost_usd, "
            "count(DISTINCT session_id) AS sessions, max(start_ns) AS last_ns "
            f"FROM calls WHERE {condition} AND {DIMENSIONS[name]} IS NOT NULL "
            f"GROUP BY key ORDER BY calls DESC, key LIMIT {int(limit)}",
            parameters.values,
        )

    days = engine.rows(
        f"SELECT start_ns - start_ns % {DAY} AS day_ns, count(*) AS calls, "
        "count(DISTINCT user_id) AS users, count(DISTINCT session_id) AS sessions "
        f"FROM calls WHERE {condition} GROUP BY day_ns ORDER BY day_ns",
        parameters.values,
    )
    # The epoch began on a Thursday; 0 is Monday.
    hours = engine.rows(
        f"SELECT ((start_ns // {HOUR}) + 72) % {_HOURS_A_WEEK} AS hour, count(*) AS calls, "
        "CAST(coalesce(sum(cost), 0) AS DOUBLE) AS cost_usd "
        f"FROM calls WHERE {condition} GROUP BY hour ORDER BY hour",
        parameters.values,
    )
    return {
        "by_user": grouped("user"),
        "by_feature": grouped("feature"),
        "days": days,
        "hours": [
            {
                "weekday": row["hour"] // 24,
                "hour": row["hour"] % 24,
                "calls": row["calls"],
                "cost_usd": row["cost_usd"],
            }
            for row in hours
        ],
    }


def token_window(
    engine: Engine,
    filters: Filters,
    *,
    by: str = "user",
    hours: float = 5,
    limit: int | None = None,
    now: int,
    rows: int = 50,
) -> dict[str, Any]:
    """Tokens of the last hours by user or account, against a limit.

    Args:
        engine: where to ask.
        filters: which calls.
        by: one of `WINDOWS_BY`.
        hours: length of the window.
        limit: tokens that one may use in it; None where there is no limit.
        now: end of the window, nanoseconds since the epoch.
        rows: how many users or accounts, the fullest first.

    Raises:
        FilterError: by something else.
    """
    if by not in WINDOWS_BY:
        raise FilterError(f"by takes {', '.join(WINDOWS_BY)}, not {by!r}")
    period = Period.last(hours=hours, now=now)
    parameters = Parameters()
    condition = where(period, filters, parameters)
    found = engine.rows(
        f"SELECT {WINDOWS_BY[by]} AS key, count(*) AS calls, sum({_TOKENS}) AS tokens, "
        "coalesce(sum(input_tokens), 0) AS input_tokens, "
        "coalesce(sum(output_tokens), 0) AS output_tokens, "
        "CAST(coalesce(sum(cost), 0) AS DOUBLE) AS cost_usd, "
        f"min(start_ns) AS oldest_ns FROM calls WHERE {condition} "
        f"GROUP BY key ORDER BY tokens DESC, key LIMIT {int(rows)}",
        parameters.values,
    )
    length = period.end - period.start
    return {
        "by": by,
        "hours": hours,
        "limit_tokens": limit,
        "rows": [
            {
                **row,
                "used": row["tokens"] / limit if limit else None,
                "left_tokens": max(0, limit - row["tokens"]) if limit else None,
                # From then on tokens leave the window again.
                "eases_ns": row["oldest_ns"] + length,
            }
            for row in found
        ],
    }


def tokens_daily(engine: Engine, period: Period, filters: Filters) -> list[dict[str, Any]]:
    """Tokens and money of each UTC day; the kinds of tokens are disjoint."""
    parameters = Parameters()
    condition = where(period, filters, parameters)
    rows = engine.rows(
        f"SELECT start_ns - start_ns % {DAY} AS day_ns, count(*) AS calls, "
        "coalesce(sum(input_tokens), 0) AS prompt, "
        "coalesce(sum(cache_read_tokens), 0) AS cache_read, "
        "coalesce(sum(cache_write_tokens), 0) AS cache_write, "
        "coalesce(sum(output_tokens), 0) AS output, "
        "CAST(coalesce(sum(cost), 0) AS DOUBLE) AS cost_usd, "
        "CAST(coalesce(sum(coalesce(cost_uncached, cost)), 0) AS DOUBLE) AS uncached_usd "
        f"FROM calls WHERE {condition} GROUP BY day_ns ORDER BY day_ns",
        parameters.values,
    )
    return [
        {
            "day_ns": row["day_ns"],
            "calls": row["calls"],
            "uncached_input_tokens": max(0, row["prompt"] - row["cache_read"] - row["cache_write"]),
            "cache_read_tokens": row["cache_read"],
            "cache_write_tokens": row["cache_write"],
            "output_tokens": row["output"],
            "total_tokens": row["prompt"] + row["output"],
            "cost_usd": row["cost_usd"],
            "cache_savings_usd": row["uncached_usd"] - row["cost_usd"],
        }
        for row in rows
    ]
