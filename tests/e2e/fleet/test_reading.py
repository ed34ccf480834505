"""What is read of the exporter's tables: no day too many, nothing twice, and older tables too."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from otel_claude import semconv
from otel_claude.cli import history
from otel_claude.local import wire
from otel_claude.local.engine import coverage
from otel_claude.local.fleet.engine import ClickHouse
from otel_claude.local.fleet.place import place_of
from otel_claude.local.fleet.translate import translate
from otel_claude.local.queries import Filters, Period, calls, summary, verdicts
from tests.e2e.browser import made_up
from tests.e2e.fleet.conftest import DAY, SECOND, Both, Shim
from tests.e2e.fleet.test_same_answers import QUESTIONS

HOUR = 3600 * SECOND


class Explained:
    """Asks, and keeps how much of each table's parts was read for it."""

    def __init__(self, engine: ClickHouse) -> None:
        self.engine = engine
        self.read: list[tuple[str, int, int]] = []

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        said = parameters or {}
        plan = self.engine.native(
            "EXPLAIN indexes = 1 " + translate(sql, said, self.engine.bases), said
        )
        text = "\n".join(row["explain"] for row in plan)
        for read in re.split(r"ReadFromMergeTree", text)[1:]:
            parts = re.findall(r"Parts: (\d+)/(\d+)", read)
            if parts:
                self.read.append((sql, int(parts[-1][0]), int(parts[0][1])))
        return self.engine.rows(sql, parameters)

    def query(self, *_: Any, **__: Any) -> dict[str, Any]:
        raise NotImplementedError


# These look further back than the period that is asked about, as they say.
_FURTHER = ("forecast", "anomalies", "weekly", "evaluations", "compare", "token window")


@pytest.mark.parametrize("name", [n for n in QUESTIONS if not n.startswith(_FURTHER)])
def test_only_the_days_that_are_asked_about(both: Both, clickhouse: ClickHouse, name: str):
    both.shim.send("OPTIMIZE TABLE otel_traces FINAL", database="otel")  # one part a day
    noon = both.now - both.now % DAY - DAY // 2
    explained = Explained(clickhouse)
    QUESTIONS[name](explained, Period(noon - HOUR, noon + HOUR), Filters())
    assert explained.read
    for sql, read, there in explained.read:
        # Those of the period before may be of the day before.
        assert read <= 2, sql
        if "budget" not in sql:
            assert there >= 20, sql


def test_a_trace_is_found_without_reading_all_days(both: Both, clickhouse: ClickHouse):
    explained = Explained(clickhouse)
    span = both.spans[0]
    calls.trace(explained, span.trace_id)
    assert all(read <= 3 and there >= 20 for _, read, there in explained.read), explained.read


@pytest.fixture
def make(shim: Shim, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Makes a database with some tables, and an engine over it."""
    made: list[ClickHouse] = []
    name = "made_" + re.sub(r"\W+", "_", request.node.name)

    def database(*tables: str, **columns: tuple[str, ...]) -> tuple[str, Any]:
        shim.create(name, tables)
        for table, gone in columns.items():
            for column in gone:
                shim.send(f"ALTER TABLE {table} DROP COLUMN {column}", database=name)

        def engine() -> ClickHouse:
            made.append(ClickHouse(place_of(shim.url(name))))
            return made[-1]

        return name, engine

    yield database
    for engine in made:
        engine.close()


NOW = 1_795_000_000 * SECOND
TODAY = Period(NOW - DAY, NOW)


def test_what_the_exporter_sent_twice_counts_once(shim: Shim, make):
    name, engine = make("otel_traces", "otel_logs")
    spans = [made_up.call(number, NOW - HOUR + number) for number in range(40)]
    for _ in range(2):
        for message in history.messages(spans):
            shim.insert(name, "traces", message)
        insert_json(shim, name, "logs", made_up.evaluations(spans, every=10))
    found = summary.summary(engine(), TODAY, Filters())["totals"]
    usd = sum(span.attributes[semconv.COST_TOTAL] for span in spans)
    assert (found["calls"], found["cost_usd"]) == (40, pytest.approx(usd, abs=1e-12))
    judged = verdicts.evaluations(engine(), TODAY, Filters())["evaluations"]
    assert [one["results"] for one in judged] == [4, 4, 4]


def insert_json(shim: Shim, database: str, signal: str, document: Any) -> None:
    message = wire.parse(signal, wire.JSON, json.dumps(document).encode())
    shim.insert(database, signal, message)


def test_traces_alone_are_enough(shim: Shim, make):
    name, engine = make("otel_traces")
    for message in history.messages([made_up.call(1, NOW - HOUR)]):
        shim.insert(name, "traces", message)
    for question in QUESTIONS.values():
        question(engine(), TODAY, Filters())
    assert summary.summary(engine(), TODAY, Filters())["totals"]["calls"] == 1
    assert calls.call(engine(), f"{1:016x}", f"{1:032x}") is not None


def test_tables_of_an_older_exporter(shim: Shim, make):
    """Without the column of the events' names, which the attribute has too."""
    name, engine = make("otel_traces", "otel_logs", otel_logs=("EventName",))
    spans = [made_up.call(1, NOW - HOUR)]
    document = made_up.evaluations(spans, every=1)
    for record in document["resourceLogs"][0]["scopeLogs"][0]["logRecords"]:
        event = {"stringValue": record.pop("eventName")}
        record["attributes"].append({"key": semconv.EVENT_NAME, "value": event})
    rows = document["resourceLogs"][0]
    assert rows
    insert_json(shim, name, "logs", document)
    found = verdicts.evaluations(engine(), TODAY, Filters())["evaluations"]
    assert [one["results"] for one in found] == [1, 1, 1]


def _counted(calls_: int, *, began: int, at: int, delta: bool = False) -> dict[str, Any]:
    """A point of the counter of calls."""
    attributes = [{"key": semconv.OPERATION_NAME, "value": {"stringValue": "chat"}}]
    point = {"timeUnixNano": str(at), "startTimeUnixNano": str(began), "asInt": str(calls_),
             "attributes": attributes}  # fmt: skip
    kind = {"aggregationTemporality": 1 if delta else 2, "isMonotonic": True, "dataPoints": [point]}
    metrics = [{"name": semconv.M_REQUESTS, "sum": kind}]
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    return {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": metrics}]}]}


def _sent(shim: Shim, name: str, number: int, state: str = "") -> None:
    for message in history.messages(made_up.call(n, NOW - HOUR + n) for n in range(number)):
        for group in message.resource_spans:
            for scoped in group.scope_spans:
                for span in scoped.spans:
                    span.trace_state = state
        shim.insert(name, "traces", message)


def test_metrics_say_how_much_was_sampled_away(shim: Shim, make):
    name, engine = make("otel_traces", "otel_metrics_sum")
    _sent(shim, name, 30)
    # One process from before the day, one that began in it, one with deltas; another day's apart.
    for point in (
        _counted(1_000, began=NOW - 3 * DAY, at=NOW - 20 * HOUR),
        _counted(1_100, began=NOW - 3 * DAY, at=NOW - HOUR),
        _counted(140, began=NOW - 5 * HOUR, at=NOW - 2 * HOUR),
        _counted(150, began=NOW - 5 * HOUR, at=NOW - HOUR),
        _counted(20, began=NOW - 3 * HOUR, at=NOW - 2 * HOUR, delta=True),
        _counted(30, began=NOW - 2 * HOUR, at=NOW - HOUR, delta=True),
        _counted(5_000, began=NOW - 9 * DAY, at=NOW - 8 * DAY),
    ):
        insert_json(shim, name, "metrics", point)
    found = coverage(engine(), TODAY)
    assert (found["calls"], found["counted"], found["basis"]) == (30, 300, "metrics")
    assert found["share"] == pytest.approx(0.1)
    assert found["note"]
    assert found["note"].startswith("These are 10% of the calls: 30 of the 300")


def test_nothing_is_said_where_all_is_there(shim: Shim, make):
    name, engine = make("otel_traces", "otel_metrics_sum")
    _sent(shim, name, 30)
    insert_json(shim, name, "metrics", _counted(30, began=NOW - 2 * HOUR, at=NOW - HOUR // 2))
    found = coverage(engine(), TODAY)
    assert (found["share"], found["note"]) == (1.0, None)


@pytest.mark.parametrize(
    ("state", "share"),
    [("ot=th:c", 0.25), ("x=1,ot=rv:123abc;th:fd70a3d70a3d7", 0.01), ("ot=th:0", 1.0)],
)
def test_a_threshold_says_it_without_metrics(shim: Shim, make, state: str, share: float):
    name, engine = make("otel_traces")
    _sent(shim, name, 50, state)
    found = coverage(engine(), TODAY)
    assert (found["calls"], found["basis"]) == (50, "threshold")
    assert found["share"] == pytest.approx(share, rel=1e-6)
    said = None if share == 1 else f"These are about {share:.0%} of the calls"
    assert (found["note"] or "").startswith(said or "")
    assert (found["note"] is None) == (said is None)


def test_what_is_not_known_is_said(shim: Shim, make):
    name, engine = make("otel_traces", "otel_metrics_sum")
    _sent(shim, name, 30)
    insert_json(shim, name, "metrics", _counted(3, began=NOW - 2 * HOUR, at=NOW - HOUR))
    found = coverage(engine(), TODAY)
    assert (found["share"], found["basis"]) == (None, None)
    assert found["note"]
    assert "not known" in found["note"]
    nothing = coverage(engine(), Period(NOW - 9 * DAY, NOW - 8 * DAY))
    assert nothing["note"] is None
