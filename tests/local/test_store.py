"""The file: older and newer versions, who may open it, what is deleted when, what a row holds."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import duckdb
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.traffic import Traffic
from otel_claude import semconv
from otel_claude.local import columns, retention, schema
from otel_claude.local.queries import Filters, Period, calls, summary, verdicts
from otel_claude.local.retention import Retention
from otel_claude.local.rows import SCHEMAS, budgets_of, events_of, spans_of
from otel_claude.local.store import Store, StoreError
from otel_claude.local.writer import Writer
from tests.local.conftest import traffic

DAY = 86_400 * 10**9


@pytest.fixture
def store(tmp_path):
    made = Store(str(tmp_path / "calls.duckdb"))
    yield made
    made.close()


def keep(store, *batches):
    writer = Writer(store)
    for batch in batches:
        writer.submit(batch).result(30)
    writer.close()


def batches(sent: Traffic):
    for body in sent.requests():
        yield spans_of(ExportTraceServiceRequest.FromString(body), len(body))


def count(store, table="calls"):
    return store.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"]


def test_the_tables_have_the_columns_that_are_written(store):
    for table, batch in SCHEMAS.items():
        described = store.rows(f"DESCRIBE {table}")
        assert sorted(batch.names) == sorted(row["column_name"] for row in described)
    kinds = {row["column_name"]: row["column_type"] for row in store.rows("DESCRIBE calls")}
    assert {c.name: c.kind for c in columns.CALLS}.items() <= kinds.items()


def test_an_older_file_is_brought_up_to_date_and_keeps_its_calls(tmp_path):
    path = str(tmp_path / "old.duckdb")
    first = Store(path)
    keep(first, *batches(traffic(5)))
    first.close()
    with duckdb.connect(path) as old:  # as an otel-claude wrote it that knew less
        old.execute("ALTER TABLE calls DROP COLUMN web_searches")
    with pytest.raises(duckdb.BinderException), duckdb.connect(path) as old:
        old.execute("SELECT web_searches FROM calls")
    for read_only in (True, False):
        newer = Store(path, read_only=read_only)
        assert newer.rows("SELECT count(*) AS n, count(web_searches) AS w FROM calls") == [
            {"n": 5, "w": 0}
        ]
        newer.close()


def test_steps_run_once_and_in_order(tmp_path, monkeypatch):
    path = str(tmp_path / "calls.duckdb")
    Store(path).close()
    monkeypatch.setattr(
        schema, "MIGRATIONS", (*schema.MIGRATIONS, "CREATE TABLE added AS SELECT 1 AS x")
    )
    for _ in range(2):
        store = Store(path)
        assert store.rows("SELECT x FROM added") == [{"x": 1}]
        assert store.rows("SELECT version FROM schema_version ORDER BY version") == [
            {"version": 1},
            {"version": 2},
        ]
        store.close()


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = str(tmp_path / "calls.duckdb")
    Store(path).close()
    before = schema.MIGRATIONS
    monkeypatch.setattr(
        schema, "MIGRATIONS", (*before, "CREATE TABLE half (x INT); SELECT nothing")
    )
    with pytest.raises(duckdb.Error):
        Store(path)
    monkeypatch.setattr(schema, "MIGRATIONS", before)
    store = Store(path)
    assert "half" not in {row["name"] for row in store.rows("SHOW TABLES")}
    store.close()


def test_a_newer_file_is_refused_with_a_word(tmp_path):
    path = str(tmp_path / "new.duckdb")
    Store(path).close()
    with duckdb.connect(path) as newer:
        newer.execute("INSERT INTO schema_version VALUES (99)")
    for read_only in (True, False):
        with pytest.raises(StoreError, match="upgrade otel-claude"):
            Store(path, read_only=read_only)


def test_another_file_is_refused_with_a_word(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("hello " * 5000)
    with pytest.raises(StoreError, match="notes"):
        Store(str(path))
    assert path.read_text() == "hello " * 5000


def test_two_processes_on_one_file(tmp_path, store):
    code = f"from otel_claude.local.store import Store; Store({store.path!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "BusyError" in done.stderr
    assert "is in use by" in done.stderr
    assert "--db FILE" in done.stderr


def test_readers_do_not_keep_each_other_out(tmp_path):
    path = str(tmp_path / "calls.duckdb")
    store = Store(path)
    keep(store, *batches(traffic(5)))
    store.close()
    code = (
        "from otel_claude.local.store import Store\n"
        f"print(Store({path!r}, read_only=True).rows('SELECT count(*) AS n FROM calls'))"
    )
    here = Store(path, read_only=True)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "[{'n': 5}]", done.stderr
    here.close()


def test_a_missing_file_is_not_made_by_asking(tmp_path):
    path = tmp_path / "none.duckdb"
    with pytest.raises(StoreError, match="otel-claude up"):
        Store(str(path), read_only=True)
    assert not path.exists()


def test_what_is_too_old_is_deleted(store):
    now = time.time_ns()
    keep(store, *batches(Traffic(100, now - 10 * DAY, 10 * 86_400)))
    keep(store, *batches(Traffic(7, now - 40 * DAY, 3600, seed=1)))
    assert retention.apply(store, Retention(days=30, size=None), now) == 7
    assert count(store) == 100
    assert retention.apply(store, Retention(days=None, size=None), now) == 0
    assert retention.apply(store, Retention(days=5, size=None), now) == pytest.approx(50, abs=1)


def test_the_oldest_go_where_the_file_is_too_large(store):
    sent = Traffic(20_000, time.time_ns() - DAY, 3600)
    keep(store, *batches(sent))
    store.checkpoint()
    full = store.used()
    newest = store.rows("SELECT max(start_ns) AS at FROM calls")
    limit = full * 7 // 10
    gone = retention.apply(store, Retention(days=None, size=limit))
    assert 0 < gone < 20_000
    assert store.used() <= limit
    assert count(store) == 20_000 - gone
    assert retention.apply(store, Retention(days=None, size=limit)) == 0
    assert store.rows("SELECT max(start_ns) AS at FROM calls") == newest
    keep(store, *batches(Traffic(1000, time.time_ns(), 60, seed=2)))
    assert store.size() < 2 * full, "the room is used again"


def test_sums_of_money_are_exact_to_the_last_digit(store):
    message = ExportTraceServiceRequest.FromString(next(traffic(512).requests()))
    spans = message.resource_spans[0].scope_spans[0].spans
    for span in spans:
        del span.attributes[:]
        say(span, semconv.OPERATION_NAME, "chat")
        say(span, semconv.COST_TOTAL, 0.000000000003)
    say(spans[0], semconv.COST_TOTAL, 1234.0)
    keep(store, spans_of(message, 1))
    (row,) = store.rows("SELECT CAST(sum(cost) AS VARCHAR) AS usd FROM calls")
    assert row["usd"] == "1234.000000001533"


def say(item, name, value):
    pair = item.attributes.add()
    pair.key = name
    field = {str: "string_value", int: "int_value", float: "double_value"}[type(value)]
    setattr(pair.value, field, value)


def one_span(scope, **attributes):
    message = ExportTraceServiceRequest()
    scoped = message.resource_spans.add().scope_spans.add()
    scoped.scope.name = scope
    span = scoped.spans.add(
        trace_id=b"\x01" * 16, span_id=b"\x02" * 8, start_time_unix_nano=time.time_ns(), name="x"
    )
    for name, value in attributes.items():
        say(span, name.replace("__", "."), value)
    return message, span


OP = semconv.OPERATION_NAME.replace(".", "__")


@pytest.mark.parametrize(
    ("scope", "attributes", "table"),
    [
        (semconv.SCOPE, {OP: "chat"}, "calls"),
        (semconv.SCOPE, {OP: "batch"}, "calls"),
        (semconv.SCOPE, {OP: "execute_tool"}, "spans"),
        (semconv.SCOPE, {OP: "invoke_agent"}, "spans"),
        (semconv.SCOPE, {}, "spans"),
        # `adopt`: ours on the SDK's span.
        ("anthropic", {OP: "chat", "claude__outcome": "completed"}, "calls"),
        # Others' spans of the same calls are in trees, never in sums.
        ("anthropic", {OP: "chat"}, "spans"),
        ("com.anthropic.claude-platform", {OP: "chat"}, "spans"),
        ("opentelemetry.instrumentation.anthropic", {OP: "chat"}, "spans"),
    ],
)
def test_which_spans_are_calls(store, scope, attributes, table):
    message, _ = one_span(scope, **attributes)
    keep(store, spans_of(message, 1))
    other = {"calls": "spans", "spans": "calls"}[table]
    assert (count(store, table), count(store, other)) == (1, 0)


def test_strict_mode_says_no_outcome_but_its_status_does(store):
    message, span = one_span(semconv.SCOPE, **{OP: "chat"})
    span.status.code = 2
    say(span, semconv.USAGE_CACHE_CREATION, 7)
    keep(store, spans_of(message, 1))
    found = store.rows("SELECT outcome, cache_write_tokens AS written FROM calls")
    assert found == [{"outcome": "failed", "written": 7}]


def test_a_negative_cost_is_none_but_can_be_seen(store):
    message, span = one_span(semconv.SCOPE, **{OP: "chat"})
    say(span, semconv.COST_TOTAL, -7.0)
    keep(store, spans_of(message, 1))
    ((cost, attributes),) = (
        row.values() for row in store.rows("SELECT cost, attributes FROM calls")
    )
    assert cost is None
    assert json.loads(attributes) == {semconv.COST_TOTAL: -7.0}


def test_a_trace_is_a_tree_whatever_its_spans_say(store):
    message = ExportTraceServiceRequest()
    scoped = message.resource_spans.add().scope_spans.add()
    scoped.scope.name = "any"
    tree = {1: 0, 2: 1, 3: 1, 4: 3, 5: 9, 6: 7, 7: 6, 8: 8}  # 5: orphan; 6, 7: circle; 8: itself
    for span, parent in tree.items():
        scoped.spans.add(
            trace_id=b"\x01" * 16,
            span_id=bytes([span]) * 8,
            parent_span_id=bytes([parent]) * 8 if parent else b"",
            start_time_unix_nano=10**18 + span,
            name=str(span),
        )
    keep(store, spans_of(message, 1))
    found = [(node["name"], node["depth"]) for node in calls.trace(store, "01" * 16)]
    assert found == [("1", 0), ("2", 1), ("3", 1), ("4", 2), ("5", 0), ("8", 0), ("6", 0), ("7", 1)]


def log_record(message, name, at, span=b"", **attributes):
    record = message.resource_logs.add().scope_logs.add().log_records.add()
    record.time_unix_nano = at
    record.span_id = span
    record.trace_id = b"\x01" * 16 if span else b""
    say(record, semconv.EVENT_NAME, name)
    for key, value in attributes.items():
        say(record, key.replace("__", "."), value)


def test_evaluations_find_their_calls_by_span_or_message(store):
    now = time.time_ns()
    message, span = one_span(semconv.SCOPE, **{OP: "chat"})
    say(span, semconv.REQUEST_MODEL, "m-1")
    say(span, semconv.RESPONSE_ID, "msg_1")
    logs = ExportLogsServiceRequest()
    common = {"gen_ai__evaluation__name": "helpful", "gen_ai__evaluation__score__label": "good"}
    log_record(logs, semconv.EVENT_EVALUATION, now, b"\x02" * 8,
               gen_ai__evaluation__score__value=1.0, **common)  # fmt: skip
    log_record(logs, semconv.EVENT_EVALUATION, now + 1,
               gen_ai__response__id="msg_1", gen_ai__evaluation__score__value=0.5, **common)  # fmt: skip
    log_record(logs, semconv.EVENT_EVALUATION, now + 2, gen_ai__evaluation__score__value=0.0,
               **common)  # fmt: skip
    for _ in range(2):  # sent again: still three
        keep(store, spans_of(message, 1), events_of(logs, 1))
    period = Period.last(hours=1)
    (found,) = verdicts.evaluations(store, period, Filters())["evaluations"]
    assert (found["results"], found["mean"], found["labels"]) == (3, 0.5, {"good": 3})
    assert {g["key"]: g["mean"] for g in found["groups"]} == {"m-1": 0.75, None: 0.0}
    (found,) = verdicts.evaluations(store, period, Filters({"model": ("m-1",)}))["evaluations"]
    assert found["results"] == 2
    for asked in (Filters(search="msg_1"), Filters(min_duration=0.0)):
        (found,) = verdicts.evaluations(store, period, asked)["evaluations"]
        assert found["results"] == 2, "the third belongs to no call"
    page: Any = calls.call(store, "02" * 8)
    assert [verdict["score"] for verdict in page["evaluations"]] == [1.0, 0.5]
    assert page["events"] == []


def gauge(message, metric_name, value, at, **labels):
    metric = message.resource_metrics.add().scope_metrics.add().metrics.add()
    metric.name = metric_name
    point = metric.gauge.data_points.add(time_unix_nano=at, as_double=value)
    for key, said in labels.items():
        say(point, f"claude.budget.{key}", said)


def counter(message, metric_name, value, at, start, *, delta, **labels):
    metric = message.resource_metrics.add().scope_metrics.add().metrics.add()
    metric.name = metric_name
    metric.sum.aggregation_temporality = 1 if delta else 2
    point = metric.sum.data_points.add(time_unix_nano=at, start_time_unix_nano=start, as_int=value)
    for key, said in labels.items():
        say(point, f"claude.budget.{key}", said)


def test_budgets_show_their_latest_state(store):
    now = time.time_ns()
    said = {"name": "team-a", "scope": "team", "window": "day", "unit": "usd"}
    message = ExportMetricsServiceRequest()
    gauge(message, semconv.M_BUDGET_LIMIT, 10.0, now, **said)
    gauge(message, semconv.M_BUDGET_SPENT, 2.0, now, **said)
    gauge(message, semconv.M_BUDGET_SPENT, 9.0, now + 5, **said)
    gauge(message, semconv.M_BUDGET_SPENT, 4.0, now + 3, **said)
    counts = {"name": "team-a", "scope": "team"}
    for at, value in ((1, 1), (2, 3)):  # a process that counts from its start
        counter(
            message, semconv.M_BUDGET_REJECTIONS, value, now + at, now - 9, delta=False, **counts
        )
    counter(message, semconv.M_BUDGET_REJECTIONS, 5, now + 1, now - 7, delta=False, **counts)
    for at in (1, 2):
        counter(message, semconv.M_BUDGET_WARNINGS, 2, now + at, now + at - 1, delta=True, **counts)
    gauge(message, "something.else", 1.0, now)
    for _ in range(2):
        keep(store, budgets_of(message, 1))
    (found,) = verdicts.budgets(store, Period.last(hours=1))["budgets"]
    assert (found["limit"], found["spent"], found["used"]) == (10.0, 9.0, 0.9)
    assert (found["window"], found["unit"], found["keys"]) == ("day", "usd", 1)
    assert (found["rejections"], found["warnings"], found["overruns"]) == (8, 4, 0)


def test_nothing_stored_has_answers_too(store):
    found = summary.summary(store, Period.last(hours=1), Filters())
    assert found["totals"]["calls"] == 0
    assert found["totals"]["success_rate"] is None
    assert found["slowest"] is None
