"""Every question has the same answer on both engines."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from otel_claude.local.columns import BY_ATTRIBUTE
from otel_claude.local.engine import Engine
from otel_claude.local.queries import (
    DIMENSIONS,
    KINDS,
    Filters,
    Period,
    calls,
    compare,
    errors,
    hours,
    latency,
    savings,
    state,
    summary,
    usage,
    verdicts,
)
from otel_claude.local.queries.sessions import sessions_of
from tests.e2e.browser import made_up
from tests.e2e.fleet.conftest import DAY, SECOND, Both

Question = Callable[[Engine, Period, Filters], Any]


def _in_seconds(found: dict[str, Any]) -> dict[str, Any]:
    """Budgets without the parts of a second that the exporter's tables of metrics do not have."""
    return {"budgets": [{**one, "at_ns": one["at_ns"] // SECOND} for one in found["budgets"]]}


QUESTIONS: dict[str, Question] = {
    "summary": summary.summary,
    "costs": summary.costs,
    "costs by feature": lambda e, p, f: summary.costs(e, p, f, by="feature", limit=3),
    "costs by tag": lambda e, p, f: summary.costs(e, p, f, by="tag.plan"),
    "timeseries": summary.timeseries,
    "timeseries by team": lambda e, p, f: summary.timeseries(e, p, f, by="team", top=2),
    "facets": lambda e, p, _: summary.facets(e, p),
    "calls": lambda e, p, f: calls.calls(e, p, f, limit=200),
    "latency": latency.latency,
    "latency by context": lambda e, p, f: latency.latency(e, p, f, by="context"),
    "errors": errors.errors,
    "usage": usage.usage,
    "token window": lambda e, p, f: usage.token_window(e, f, hours=200, limit=10**6, now=p.end),
    "token window of accounts": lambda e, p, f: usage.token_window(e, f, by="account", now=p.end),
    "tokens daily": usage.tokens_daily,
    "evaluations": verdicts.evaluations,
    "budgets": lambda e, p, _: _in_seconds(verdicts.budgets(e, p)),
    "hours": hours.hours,
    "forecast": lambda e, p, f: hours.forecast_of(e, f, now=p.end),
    "anomalies": hours.anomalies_of,
    "savings": savings.savings_of,
    "cache misses": state.misses_of,
    "weekly": lambda e, p, f: state.weekly_of(e, f, now=p.end),
    "reliability": lambda e, p, f: state.reliability_of(e, f, now=p.end),
    "compare": compare.compare,
    "compare by feature": lambda e, p, f: compare.compare(e, p, f, by="feature"),
    "sessions": sessions_of,
}

FILTERS: dict[str, Filters] = {
    "everything": Filters(),
    "slow ones of a model, or of none": Filters(
        {"model": ("claude-sonnet-5-5", "-")}, show=("slow",), min_cost=1e-7, min_duration=0.2
    ),
}


def same(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Where two answers differ. Counts are exact; money is to 1e-9 USD, what is measured to 1e-9."""
    if isinstance(one, float) and isinstance(other, int | float):
        if not math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9):
            yield f"{path}: {one!r} {other!r}"
    elif isinstance(one, Mapping) and isinstance(other, Mapping):
        if list(one) != list(other):
            yield f"{path}: {list(one)} {list(other)}"
        for name in one.keys() & other.keys():
            yield from same(one[name], other[name], f"{path}.{name}")
    elif isinstance(one, Sequence) and not isinstance(one, str):
        if not isinstance(other, Sequence) or len(one) != len(other):
            yield f"{path}: {one!r} {other!r}"
            return
        for place, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from same(left, right, f"{path}[{place}]")
    elif one != other or type(one) is not type(other):
        yield f"{path}: {one!r} {other!r}"


@pytest.mark.parametrize("filters", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_every_question(both: Both, clickhouse, question: Question, filters: Filters):
    period = Period(both.now - 14 * DAY, both.now)
    here, there = (question(one, period, filters) for one in (both.duckdb.store, clickhouse))
    assert list(same(here, there)) == []


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters({"tag.plan": ('it\'s \\ "pro"\n%',)}), 1),
        (Filters({"feature": ("a'b\\'c", "-"), "session": ("Ω 🦀\t",)}), 1),
        (Filters({"user": ("'; DROP TABLE calls; --",)}), 0),
    ],
    ids=["tag", "text", "hostile"],
)
def test_texts_of_all_kinds(both: Both, clickhouse, filters: Filters, found: int):
    period = Period(both.now - 14 * DAY, both.now)
    here, there = (calls.calls(one, period, filters) for one in (both.duckdb.store, clickhouse))
    assert list(same(here, there)) == []
    assert here["total"] == found


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_calls(both: Both, clickhouse, kind: str):
    period = Period(both.now - 14 * DAY, both.now)
    here, there = (
        calls.calls(one, period, Filters(show=(kind,)), limit=100)
        for one in (both.duckdb.store, clickhouse)
    )
    assert list(same(here, there)) == []
    assert here["total"]


@pytest.mark.parametrize("sort", calls.SORTS)
def test_orders(both: Both, clickhouse, sort: str):
    period = Period(both.now - 14 * DAY, both.now)
    for descending in (True, False):
        here, there = (
            calls.calls(
                one, period, Filters(), sort=sort, descending=descending, limit=50, offset=7
            )
            for one in (both.duckdb.store, clickhouse)
        )
        assert list(same(here, there)) == []


@pytest.mark.parametrize("name", DIMENSIONS)
def test_dimensions(both: Both, clickhouse, name: str):
    period = Period(both.now - 14 * DAY, both.now)
    here, there = (
        summary.costs(one, period, Filters(), by=name, limit=1000)
        for one in (both.duckdb.store, clickhouse)
    )
    assert list(same(here, there)) == []


def test_a_period_without_calls(both: Both, clickhouse):
    period = Period(both.now - 400 * DAY, both.now - 390 * DAY)
    for name, question in QUESTIONS.items():
        here, there = (question(one, period, Filters()) for one in (both.duckdb.store, clickhouse))
        assert list(same(here, there)) == [], name


def test_whole_calls(both: Both, clickhouse):
    """All columns, tags, attributes, content, events, verdicts and the tree of the trace."""
    period = Period(both.now - 14 * DAY, both.now)
    rows = next(calls.pages(both.duckdb.store, period, Filters(), limit=6))
    rows += calls.calls(both.duckdb.store, period, Filters(), sort="cost", limit=6)["calls"]
    asked = [(row.get("span_id") or row["id"], row["trace_id"]) for row in rows]
    asked += [(span.span_id, span.trace_id) for span in made_up.conversation(0)[2:]]
    for ids in asked:
        here, there = (calls.call(one, *ids) for one in (both.duckdb.store, clickhouse))
        assert list(same(here, there)) == []
        assert here


def test_all_pages(both: Both, clickhouse):
    period = Period(0, 2**63 - 1)
    here, there = (
        [row for page in calls.pages(one, period, Filters()) for row in page]
        for one in (both.duckdb.store, clickhouse)
    )
    for row in (*here, *there):
        row.pop("received_ns")  # the exporter does not keep it
        said = json.loads(row["attributes"])
        # What is no count there stays here with the attributes.
        row["attributes"] = {name: said[name] for name in said if name not in BY_ATTRIBUTE}
    assert len(here) > 1_000
    assert list(same(here, there)) == []
