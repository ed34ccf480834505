"""How long calls take, how fast they begin and how fast they write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_claude.local.queries.filters import Filters, Parameters, column, where
from otel_claude.local.queries.sums import quantiles, spread

if TYPE_CHECKING:
    from otel_claude.local.engine import Engine, Row
    from otel_claude.local.queries.period import Period

_SHARES: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_SLOW: Final = {"p5": 0.05, "p50": 0.5}
_RATE: Final = "output_tokens / nullif(duration - first_token, 0)"
# Ten to a decade, as the eye reads a logarithmic axis: 1 ms to 1,000 s.
_PER_DECADE: Final = 10
_TIMED: Final = "operation <> 'batch' AND duration IS NOT NULL"


def latency(
    engine: Engine, period: Period, filters: Filters, *, by: str = "model", limit: int = 20
) -> dict[str, Any]:
    """Percentiles and distributions of duration and first token (seconds), and tokens a second.

    Raises:
        FilterError: there is no such dimension.
    """
    parameters = Parameters()
    condition = f"{where(period, filters, parameters)} AND {_TIMED}"
    key = column(by, parameters)
    columns = ", ".join((*_percentiles("duration"), *_percentiles("first_token"), *_rates()))
    counted = f"count(*) AS calls, count(first_token) AS streams, {columns}"
    total = engine.rows(f"SELECT {counted} FROM calls WHERE {condition}", parameters.values)[0]
    groups = engine.rows(
        f"SELECT {key} AS key, {counted} FROM calls WHERE {condition} "
        f"GROUP BY key ORDER BY calls DESC, key LIMIT {limit}",
        parameters.values,
    )
    return {
        "by": by,
        "total": _group(total),
        "groups": [{"key": row["key"], **_group(row)} for row in groups],
        "by_context": _by_context(engine, condition, parameters, counted),
        "duration_histogram": _histogram(engine, "duration", condition, parameters),
        "first_token_histogram": _histogram(engine, "first_token", condition, parameters),
    }


def _percentiles(measure: str) -> list[str]:
    listed = quantiles(measure, _SHARES.values())
    return [
        f"{listed} AS {measure}_q",
        f"avg({measure}) AS {measure}_mean",
        f"max({measure}) AS {measure}_max",
    ]


def _rates() -> list[str]:
    """Tokens a second after the first; of streams that were read to their end."""
    condition = "FILTER (WHERE duration - first_token > 0.001)"
    return [f"{quantiles(_RATE, _SLOW.values(), condition)} AS rate_q"]


def _group(row: Row) -> dict[str, Any]:
    def times(measure: str) -> dict[str, float | None]:
        said = {name: row[f"{measure}_{name}"] for name in ("mean", "max")}
        return {**spread(row[f"{measure}_q"], _SHARES), **said}

    return {
        "calls": row["calls"],
        "streams": row["streams"],
        "duration": times("duration"),
        "first_token": times("first_token"),
        "output_tokens_per_second": spread(row["rate_q"], _SLOW),
    }


_CONTEXTS: Final = ("small", "medium", "large", "xlarge")


def _by_context(
    engine: Engine, condition: str, parameters: Parameters, counted: str
) -> list[dict[str, Any]]:
    rows = engine.rows(
        f"SELECT context_bucket AS key, {counted} FROM calls WHERE {condition} "
        "AND context_bucket IS NOT NULL GROUP BY key",
        parameters.values,
    )
    order = {name: place for place, name in enumerate(_CONTEXTS)}
    rows.sort(key=lambda row: order.get(row["key"], len(order)))
    return [{"key": row["key"], **_group(row)} for row in rows]


def _histogram(
    engine: Engine, measure: str, condition: str, parameters: Parameters
) -> list[dict[str, Any]]:
    """How many calls between two times, in seconds; empty stretches inside are there with 0."""
    rows = engine.rows(
        f"SELECT CAST(floor(log10(greatest({measure}, 0.001)) * {_PER_DECADE}) AS BIGINT) AS slot, "
        f"count(*) AS calls FROM calls WHERE {condition} AND {measure} IS NOT NULL "
        "GROUP BY slot ORDER BY slot",
        parameters.values,
    )
    if not rows:
        return []
    counts = {row["slot"]: row["calls"] for row in rows}
    return [
        {
            "from_s": 10 ** (slot / _PER_DECADE),
            "to_s": 10 ** ((slot + 1) / _PER_DECADE),
            "calls": counts.get(slot, 0),
        }
        for slot in range(min(counts), max(counts) + 1)
    ]
