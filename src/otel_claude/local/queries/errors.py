"""What went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_claude.local.queries.calls import SHORT, short
from otel_claude.local.queries.filters import FAILED, Filters, Parameters, where
from otel_claude.local.queries.period import Period  # noqa: TC001 - named in a docstring's type

if TYPE_CHECKING:
    from otel_claude.local.engine import Engine


def errors(engine: Engine, period: Period, filters: Filters, *, recent: int = 20) -> dict[str, Any]:
    """Failed calls by category, type and model, over time, and the latest of them."""
    parameters = Parameters()
    condition = where(period, filters, parameters)
    total = engine.rows(
        f"SELECT count(*) AS calls, count(*) FILTER (WHERE {FAILED}) AS errors, "
        "coalesce(sum(retries), 0) AS retries, count(*) FILTER (WHERE retries > 0) AS retried, "
        f"count(*) FILTER (WHERE retries > 0 AND error_type IS NULL) AS recovered "
        f"FROM calls WHERE {condition}",
        parameters.values,
    )[0]

    def grouped(name: str) -> list[dict[str, Any]]:
        return engine.rows(
            f"SELECT {name} AS key, count(*) AS errors, max(start_ns) AS last_ns FROM calls "
            f"WHERE {condition} AND {FAILED} GROUP BY key ORDER BY errors DESC, key LIMIT 50",
            parameters.values,
        )

    models = engine.rows(
        f"SELECT model AS key, count(*) AS calls, count(*) FILTER (WHERE {FAILED}) AS errors "
        f"FROM calls WHERE {condition} GROUP BY key ORDER BY errors DESC, calls DESC, key LIMIT 50",
        parameters.values,
    )
    step = period.step
    points = engine.rows(
        f"SELECT start_ns - start_ns % {step} AS at_ns, error_category AS category, "
        f"count(*) AS errors FROM calls WHERE {condition} AND {FAILED} "
        "GROUP BY at_ns, category ORDER BY at_ns, category",
        parameters.values,
    )
    latest = engine.rows(
        f"SELECT {SHORT} FROM calls WHERE {condition} AND {FAILED} "
        f"ORDER BY start_ns DESC, span_id LIMIT {int(recent)}",
        parameters.values,
    )
    return {
        **total,
        "error_rate": total["errors"] / total["calls"] if total["calls"] else None,
        "by_category": grouped("error_category"),
        "by_type": grouped("error_type"),
        "by_model": [
            {**row, "error_rate": row["errors"] / row["calls"]} for row in models if row["calls"]
        ],
        "step_seconds": step / 1e9,
        "points": points,
        "recent": [short(row) for row in latest],
    }
