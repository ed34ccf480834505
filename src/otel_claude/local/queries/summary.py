"""Totals, costs by a dimension, and everything over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_claude.local.queries.calls import SHORT, short
from otel_claude.local.queries.filters import (
    DIMENSIONS,
    Filters,
    Parameters,
    column,
    one_of,
    where,
)
from otel_claude.local.queries.sums import COUNTS, PERCENTILES, totals

if TYPE_CHECKING:
    from otel_claude.local.engine import Engine, Row
    from otel_claude.local.queries.period import Period

_FACETS: Final = ("model", "feature", "team", "tenant", "user", "session", "endpoint", "service",
                  "outcome", "error_category", "provider", "prompt")  # fmt: skip
OTHER: Final = "(other)"


def summary(engine: Engine, period: Period, filters: Filters) -> dict[str, Any]:
    """Totals of a period, those of the period before, and the calls that stand out."""
    parameters = Parameters()
    condition = where(period, filters, parameters)
    row = engine.rows(
        f"""SELECT {COUNTS}, {PERCENTILES},
            min(start_ns) AS first_ns, max(start_ns) AS last_ns,
            count(DISTINCT user_id) AS users, count(DISTINCT session_id) AS sessions,
            count(DISTINCT model) AS models
        FROM calls WHERE {condition}""",
        parameters.values,
    )[0]
    return {
        "totals": totals(row),
        "previous": _before(engine, period, filters),
        "first_ns": row["first_ns"],
        "last_ns": row["last_ns"],
        "users": row["users"],
        "sessions": row["sessions"],
        "models": row["models"],
        "outcomes": _counts(engine, "outcome", condition, parameters),
        "stop_reasons": _counts(engine, "stop_reason", condition, parameters),
        "slowest": _extreme(engine, "duration", condition, parameters),
        "most_expensive": _extreme(engine, "cost", condition, parameters),
    }


def _before(engine: Engine, period: Period, filters: Filters) -> dict[str, Any] | None:
    parameters = Parameters()
    condition = where(period.before, filters, parameters)
    sql = f"SELECT {COUNTS}, {PERCENTILES} FROM calls WHERE {condition}"
    row = engine.rows(sql, parameters.values)[0]
    return totals(row) if row["calls"] else None


def _counts(engine: Engine, name: str, condition: str, parameters: Parameters) -> dict[str, int]:
    rows = engine.rows(
        f"SELECT {name} AS key, count(*) AS calls FROM calls WHERE {condition} "
        f"AND {name} IS NOT NULL GROUP BY {name} ORDER BY calls DESC, key",
        parameters.values,
    )
    return {row["key"]: row["calls"] for row in rows}


def _extreme(
    engine: Engine, measure: str, condition: str, parameters: Parameters
) -> dict[str, Any] | None:
    rows = engine.rows(
        f"SELECT {SHORT} FROM calls WHERE {condition} AND {measure} IS NOT NULL "
        f"AND operation <> 'batch' ORDER BY {measure} DESC, start_ns LIMIT 1",
        parameters.values,
    )
    return short(rows[0]) if rows else None


def costs(
    engine: Engine, period: Period, filters: Filters, *, by: str = "model", limit: int = 20
) -> dict[str, Any]:
    """Calls, tokens and money by a dimension, the dearest first; the rest in one row.

    Raises:
        FilterError: there is no such dimension.
    """
    parameters = Parameters()
    condition = where(period, filters, parameters)
    key = column(by, parameters)
    rows = engine.rows(
        f"""SELECT {key} AS key, {COUNTS},
            CAST(coalesce(sum(cost_input), 0) AS DOUBLE) AS input_usd,
            CAST(coalesce(sum(cost_output), 0) AS DOUBLE) AS output_usd,
            CAST(coalesce(sum(cost_cache_read), 0) AS DOUBLE) AS cache_read_usd,
            CAST(coalesce(sum(cost_cache_write), 0) AS DOUBLE) AS cache_write_usd,
            CAST(coalesce(sum(cost_server_tools), 0) AS DOUBLE) AS server_tools_usd
        FROM calls WHERE {condition}
        GROUP BY key ORDER BY cost_usd DESC, calls DESC, key LIMIT {limit}""",
        parameters.values,
    )
    whole = engine.rows(
        f"SELECT {COUNTS}, count(DISTINCT {key}) AS keys FROM calls WHERE {condition}",
        parameters.values,
    )[0]
    total = whole["cost_usd"]
    # Times of those rows alone: there may be thousands of others.
    chosen = one_of(key, [row["key"] for row in rows], parameters)
    times = engine.rows(
        f"SELECT {key} AS key, {PERCENTILES} FROM calls WHERE {condition} AND {chosen} GROUP BY key",
        parameters.values,
    )
    of_key = {row["key"]: row for row in times}
    rows = [{**row, **of_key[row["key"]]} for row in rows if row["key"] in of_key]
    return {
        "by": by,
        "rows": [_cost_row(row, total) for row in rows],
        "total": totals(whole),
        "keys": whole["keys"],
    }


_PARTS: Final = ("input_usd", "output_usd", "cache_read_usd", "cache_write_usd", "server_tools_usd")


def _cost_row(row: Row, total: float) -> dict[str, Any]:
    return {
        "key": row["key"],
        "share": row["cost_usd"] / total if total else None,
        "components": {name: row[name] for name in _PARTS},
        **totals(row),
    }


def timeseries(
    engine: Engine,
    period: Period,
    filters: Filters,
    *,
    by: str | None = None,
    top: int = 6,
    step: int | None = None,
) -> dict[str, Any]:
    """Everything that is added up, over time; by a dimension: the dearest keys, others as one.

    Args:
        engine: where to ask.
        period: which time.
        filters: which calls.
        by: a dimension, or None for one series.
        top: how many keys get a series of their own.
        step: nanoseconds of one point; by default a round length for about 120 points.

    Raises:
        FilterError: there is no such dimension.
    """
    step = period.step if step is None else step
    parameters = Parameters()
    condition = where(period, filters, parameters)
    if by is None:
        key, order = "NULL", None
    else:
        dimension = column(by, parameters)
        ranked = engine.rows(
            f"SELECT {dimension} AS key, sum(cost) AS cost, count(*) AS calls FROM calls "
            f"WHERE {condition} AND {dimension} IS NOT NULL "
            f"GROUP BY key ORDER BY cost DESC NULLS LAST, calls DESC, key LIMIT {top}",
            parameters.values,
        )
        order = [row["key"] for row in ranked]
        kept = ", ".join(parameters.add(value) for value in order) or "NULL"
        key = (
            f"CASE WHEN {dimension} IN ({kept}) THEN {dimension} "
            f"WHEN {dimension} IS NULL THEN NULL ELSE '{OTHER}' END"
        )
    # Whole steps since the epoch, so that a refresh does not move the bars.
    rows = engine.rows(
        f"""SELECT start_ns - start_ns % {step} AS at_ns, {key} AS key, {COUNTS}, {PERCENTILES}
        FROM calls WHERE {condition} GROUP BY at_ns, key ORDER BY at_ns, key""",
        parameters.values,
    )
    return {
        "step_seconds": step / 1e9,
        "by": by,
        "keys": order,
        "points": [{"at_ns": row["at_ns"], "key": row["key"], **totals(row)} for row in rows],
    }


def facets(engine: Engine, period: Period, *, limit: int = 100) -> dict[str, list[str]]:
    """The values that each dimension has in a period, the most frequent first, and the tags."""
    parameters = Parameters()
    condition = where(period, Filters(), parameters)
    found = {}
    for name in _FACETS:
        key = DIMENSIONS[name]
        rows = engine.rows(
            f"SELECT {key} AS key, count(*) AS calls FROM calls WHERE {condition} "
            f"AND {key} IS NOT NULL GROUP BY key ORDER BY calls DESC, key LIMIT {limit}",
            parameters.values,
        )
        found[name] = [row["key"] for row in rows]
    tags = engine.rows(
        f"SELECT key, count(*) AS calls FROM (SELECT unnest(map_keys(tags)) AS key FROM calls "
        f"WHERE {condition}) AS said GROUP BY key ORDER BY calls DESC, key LIMIT {limit}",
        parameters.values,
    )
    found["tags"] = [row["key"] for row in tags]
    return found
