"""Values of a dimension side by side, each figure with its interval and sample size."""

from __future__ import annotations

from dataclasses import asdict
from math import isclose
from typing import TYPE_CHECKING, Any, Final

from otel_claude import semconv
from otel_claude.local.analyses import intervals
from otel_claude.local.queries import verdicts
from otel_claude.local.queries.filters import FAILED, Filters, Parameters, column, one_of, where
from otel_claude.local.queries.sums import quantiles

if TYPE_CHECKING:
    from otel_claude.local.engine import Engine, Row
    from otel_claude.local.queries.period import Period

_TIMES: Final = ("duration", "first_token")
_SHARES: Final = {"p50": 0.5, "p95": 0.95}
# Per call, so that dear calls are not lost in their number; a batch is no single call.
_NUMBERS: Final = f"""count(*) AS calls, count(*) FILTER (WHERE {FAILED}) AS errors,
    count(cost) AS priced, avg(CAST(cost AS DOUBLE)) AS cost,
    stddev_samp(CAST(cost AS DOUBLE)) AS cost_deviation,
    avg(output_tokens) AS output_tokens, count(output_tokens) AS answered,
    stddev_samp(output_tokens) AS output_tokens_deviation,
    count(duration) AS duration_count, count(first_token) AS first_token_count"""


def compare(
    engine: Engine, period: Period, filters: Filters, *, by: str = "model", limit: int = 10
) -> dict[str, Any]:
    """Cost, times, errors and evaluations by a dimension; those with most calls first.

    Intervals are of 95 %. They are None for fewer than `intervals.LEAST` values.

    Args:
        engine: where to ask.
        period: which time.
        filters: which calls.
        by: a dimension.
        limit: values.

    Raises:
        FilterError: there is no such dimension.
    """
    parameters = Parameters()
    condition = where(period, filters, parameters) + " AND operation <> 'batch'"
    key = column(by, parameters)
    rows = engine.rows(
        f"SELECT {key} AS key, {_NUMBERS} FROM calls WHERE {condition} AND {key} IS NOT NULL "
        f"GROUP BY key ORDER BY calls DESC, key LIMIT {int(limit)}",
        parameters.values,
    )
    judged = verdicts.evaluations(engine, period, filters, by=by, recent=0)["evaluations"]
    enough = sum(row["calls"] >= intervals.LEAST for row in rows)
    return {
        "by": by,
        "reason": None if enough > 1 else _few(by, enough),
        "groups": [_group(engine, period, filters, by, row, judged) for row in rows],
    }


def _few(by: str, enough: int) -> str:
    return (
        f"not enough data: values of {by} with {intervals.LEAST} calls or more: {enough}, "
        "of the two that it takes"
    )


def _group(
    engine: Engine,
    period: Period,
    filters: Filters,
    by: str,
    row: Row,
    judged: list[dict[str, Any]],
) -> dict[str, Any]:
    calls = row["calls"]
    return {
        "key": row["key"],
        "calls": calls,
        "error_rate": _share(row["errors"], calls),
        "cost_usd": _mean(row["cost"], row["cost_deviation"], row["priced"]),
        "output_tokens": _mean(
            row["output_tokens"], row["output_tokens_deviation"], row["answered"]
        ),
        **_times(engine, period, filters, by, row),
        "acceptance": _acceptance(row["key"], judged),
        "evaluations": [
            {"name": one["name"], **_score(group["mean"], group["deviation"], group["scores"])}
            for one in judged
            for group in one["groups"]
            if group["key"] == row["key"]
        ],
    }


def _mean(mean: float | None, deviation: float | None, count: int) -> dict[str, Any]:
    interval = intervals.of_mean(mean, deviation, count)
    return {"value": mean, "interval": _said(interval), "count": count}


def _score(mean: float | None, deviation: float | None, count: int) -> dict[str, Any]:
    """Verdicts that only pass or fail are a share: fifty that passed do not make it sure."""
    found = _mean(mean, deviation, count)
    if mean is not None and count > 1 and deviation is not None:
        # Of zeros and ones, and of nothing else within 0 and 1, the deviation follows from the mean.
        spread = mean * (1 - mean) * count / (count - 1)
        if isclose(deviation * deviation, spread, abs_tol=1e-9):
            return _share(round(mean * count), count)
    return found


def _said(interval: intervals.Interval | None) -> dict[str, float] | None:
    return asdict(interval) if interval else None


def _acceptance(key: str, judged: list[dict[str, Any]]) -> dict[str, Any]:
    """The share of users' feedback that accepts an answer."""
    for one in judged:
        for group in one["groups"]:
            if one["name"] == semconv.FEEDBACK and group["key"] == key:
                return _share(group["accepted"], group["results"])
    return _share(0, 0)


def _share(count: int, total: int) -> dict[str, Any]:
    return {
        "value": count / total if total else None,
        "interval": _said(intervals.of_share(count, total)),
        "count": total,
    }


def _times(
    engine: Engine, period: Period, filters: Filters, by: str, row: Row
) -> dict[str, dict[str, Any]]:
    """Quantiles of one value's times: which ones bound their intervals depends on its calls."""
    parameters = Parameters()
    condition = where(period, filters, parameters) + " AND operation <> 'batch'"
    condition += " AND " + one_of(column(by, parameters), [row["key"]], parameters)
    wanted: dict[str, tuple[str, tuple[float, ...]]] = {}
    for measure in _TIMES:
        for name, share in _SHARES.items():
            bounds = intervals.levels(share, row[f"{measure}_count"])
            wanted[f"{measure}_{name}"] = (measure, (share, *(bounds or ())))
    selected = ", ".join(
        f"{quantiles(measure, levels)} AS {name}" for name, (measure, levels) in wanted.items()
    )
    found = engine.rows(f"SELECT {selected} FROM calls WHERE {condition}", parameters.values)[0]
    return {
        f"{name}_s": _quantile(found[name], row[f"{measure}_count"])
        for name, (measure, _) in wanted.items()
    }


def _quantile(values: list[float] | None, count: int) -> dict[str, Any]:
    if not values:
        return {"value": None, "interval": None, "count": count}
    value, *bounds = values
    interval = {"low": bounds[0], "high": bounds[1]} if bounds else None
    return {"value": value, "interval": interval, "count": count}
