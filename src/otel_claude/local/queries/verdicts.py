"""Evaluation results and budgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_claude import semconv
from otel_claude.local.queries.filters import Filters, Parameters, column, where

if TYPE_CHECKING:
    from otel_claude.local.engine import Engine, Row
    from otel_claude.local.queries.period import Period


def evaluations(
    engine: Engine, period: Period, filters: Filters, *, by: str = "model", recent: int = 20
) -> dict[str, Any]:
    """Evaluation results of the calls that are asked about, by evaluation and a dimension.

    Results that belong to no stored call count where nothing but the period is asked for.

    Raises:
        FilterError: there is no such dimension.
    """
    parameters = Parameters()
    start, end = parameters.add(period.start), parameters.add(period.end)
    key = column(by, parameters)
    # A call is judged after it began, maybe much later: its own time does not matter.
    scope = where(_since_ever(period), filters, parameters)
    asked = filters != Filters()
    # A call is found by its span or, where the result has none, by its message id.
    judged = f"""
        SELECT e.time_ns, e.name, e.score, e.label, e.explanation, e.error_type,
               coalesce(a.span_id, b.span_id) AS call_id, coalesce(a.key, b.key) AS key
        FROM evaluations AS e
        LEFT JOIN (SELECT span_id, {key} AS key FROM calls WHERE {scope}) AS a
            ON a.span_id = e.span_id
        LEFT JOIN (SELECT span_id, response_id, {key} AS key FROM calls WHERE {scope}) AS b
            ON b.response_id = e.response_id AND e.span_id IS NULL
        WHERE e.time_ns >= {start} AND e.time_ns < {end}
        {"AND (a.span_id IS NOT NULL OR b.span_id IS NOT NULL)" if asked else ""}
    """
    numbers = ("count(*) AS results, avg(score) AS mean, min(score) AS lowest, "
               "max(score) AS highest, stddev_samp(score) AS deviation, count(score) AS scores, "
               "count(error_type) AS errors, "
               f"count(*) FILTER (WHERE label = '{semconv.FEEDBACK_ACCEPT}') AS accepted")  # fmt: skip
    groups = engine.rows(
        f"SELECT name, key, {numbers} FROM ({judged}) AS j GROUP BY name, key ORDER BY name, key",
        parameters.values,
    )
    names = engine.rows(
        f"SELECT name, {numbers} FROM ({judged}) AS j GROUP BY name ORDER BY name",
        parameters.values,
    )
    labels = engine.rows(
        f"SELECT name, label, count(*) AS results FROM ({judged}) AS j "
        "WHERE label IS NOT NULL GROUP BY name, label ORDER BY name, results DESC, label",
        parameters.values,
    )
    step = period.step
    points = engine.rows(
        f"SELECT name, time_ns - time_ns % {step} AS at_ns, count(*) AS results, "
        f"avg(score) AS mean FROM ({judged}) AS j GROUP BY name, at_ns ORDER BY at_ns, name",
        parameters.values,
    )
    latest = engine.rows(
        f"SELECT time_ns, name, score, label, explanation, call_id FROM ({judged}) AS j "
        f"ORDER BY time_ns DESC, name, call_id LIMIT {int(recent)}",
        parameters.values,
    )
    return {
        "by": by,
        "evaluations": [
            {
                **row,
                "labels": {r["label"]: r["results"] for r in labels if r["name"] == row["name"]},
                "groups": [
                    {name: value for name, value in group.items() if name != "name"}
                    for group in groups
                    if group["name"] == row["name"]
                ],
            }
            for row in names
        ],
        "step_seconds": step / 1e9,
        "points": points,
        "recent": latest,
    }


def _since_ever(period: Period) -> Period:
    return type(period)(0, period.end)


_GAUGES: Final = {
    semconv.M_BUDGET_LIMIT: "limit",
    semconv.M_BUDGET_SPENT: "spent",
    semconv.M_BUDGET_RESERVED: "reserved",
}
_COUNTERS: Final = {
    semconv.M_BUDGET_REJECTIONS: "rejections",
    semconv.M_BUDGET_WARNINGS: "warnings",
    semconv.M_BUDGET_OVERRUNS: "overruns",
}
_OF_BUDGET: Final = ("budget", "budget_scope", "budget_window", "unit", "service", "series")


def budgets(engine: Engine, period: Period) -> dict[str, Any]:
    """Where each budget stands: the latest gauges that arrived in a period, and what it refused.

    A budget that is kept in one place and reported by many processes is there once for each
    service; the fullest comes first.
    """
    names = ", ".join(_OF_BUDGET)
    rows = engine.rows(
        f"""SELECT metric, delta, {names}, start_ns,
            max(time_ns) AS at_ns, arg_max(value, time_ns) AS last, sum(value) AS added
        FROM budget_points WHERE time_ns >= $start AND time_ns < $end
        GROUP BY metric, delta, {names}, start_ns""",
        {"start": period.start, "end": period.end},
    )
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: row["at_ns"]):
        key = tuple(row[name] for name in ("budget", "budget_scope", "service"))
        budget = found.setdefault(key, _budget_of(row))
        budget["at_ns"] = max(budget["at_ns"], row["at_ns"])
        if row["metric"] in _GAUGES:
            _take_gauge(budget, row)
        elif (counter := _COUNTERS.get(row["metric"])) is not None:
            # Each start is a process of its own: their counts add up.
            budget[counter] += int(row["added"] if row["delta"] else row["last"])
    return {"budgets": sorted(map(_finished, found.values()), key=_fullest_first)}


def _budget_of(row: Row) -> dict[str, Any]:
    return {
        "name": row["budget"],
        "scope": row["budget_scope"],
        "window": None,
        "unit": None,
        "service": row["service"],
        "at_ns": row["at_ns"],
        "keys": {},
        **dict.fromkeys(_COUNTERS.values(), 0),
    }


def _take_gauge(budget: dict[str, Any], row: Row) -> None:
    budget["window"] = row["budget_window"] or budget["window"]
    budget["unit"] = row["unit"] or budget["unit"]
    gauges = budget["keys"].setdefault(row["series"], {})
    gauges[_GAUGES[row["metric"]]] = row["last"]


def _finished(budget: dict[str, Any]) -> dict[str, Any]:
    """The fullest of a budget's keys stands for it."""
    keys = [_used(gauges) for gauges in budget.pop("keys").values()]
    keys.sort(key=lambda key: -(key["used"] or 0))
    fullest = keys[0] if keys else _used({})
    return {**budget, **fullest, "keys": len(keys)}


def _used(gauges: dict[str, float]) -> dict[str, Any]:
    limit, spent = gauges.get("limit"), gauges.get("spent")
    return {
        "limit": limit,
        "spent": spent,
        "reserved": gauges.get("reserved"),
        "used": spent / limit if limit and spent is not None else None,
    }


def _fullest_first(budget: dict[str, Any]) -> tuple[float, str]:
    return -(budget["used"] or 0), str(budget["name"])
