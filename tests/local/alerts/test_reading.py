"""What rules find in stored calls, by known answers."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from otel_claude.local.alerts import reading
from otel_claude.local.alerts.rules import Rule
from tests.local.analyses.stored import NOW, SECOND, store_of

FAILED = {"error_type": "overloaded_error", "outcome": "failed"}


def found(calls, *, began=0, **rule):
    """Value and text of a rule over these calls."""
    made: Any = TypeAdapter(Rule).validate_python({"name": "x", **rule})
    store = store_of(calls)
    try:
        got = reading.read(made, store, NOW, began=NOW - began * SECOND)
        known = reading.missing(made, got) is None
        return got.value if known else None, reading.text(made, got)
    finally:
        store.close()


def test_error_rate():
    calls = [{"ago": 100 + n, **(FAILED if n < 5 else {})} for n in range(20)]
    rule = {"type": "error_rate", "threshold": 0.1, "window": "5m"}
    assert found([*calls, {"ago": 1000, **FAILED}], **rule) == (
        0.25,
        "25% of 20 calls failed in 5 min; the limit is 10%",
    )
    assert found(calls[:9], **rule) == (None, "not enough data: 9 calls in 5 min, of 10")


def test_a_call_counts_when_it_ended():
    late = {"ago": 700, "duration": 690.0, **FAILED}  # a timeout of the SDK: ten minutes
    rule = {"type": "error_rate", "threshold": 0.1, "window": "1m", "min_calls": 1}
    assert found([late], **rule)[0] == 1.0
    assert found([{"ago": 62, "duration": 1.0, **FAILED}], **rule)[0] is None


def test_filters_narrow_down():
    calls: list[dict[str, Any]] = [
        {"ago": 10, "feature": "a", **FAILED},
        *({"ago": 10, "feature": "b"} for _ in "12"),
    ]
    rule = {"type": "error_rate", "threshold": 0.1, "min_calls": 1}
    assert found(calls, where={"feature": "a"}, **rule)[0] == 1.0
    assert found(calls, where={"feature": ["a", "b"]}, **rule)[0] == pytest.approx(1 / 3)


def test_percentiles():
    calls: list[dict[str, Any]] = [
        {"ago": 200, "duration": n / 10, "first_token": n / 100} for n in range(101)
    ]
    calls.append({"ago": 200, "duration": 1000.0, "operation": "batch"})
    assert found(calls, type="p95", threshold=5) == (
        pytest.approx(9.5),
        "duration p95 9.5 s of 101 calls in 15 min; the limit is 5 s",
    )
    value, text = found(calls, type="first_token", threshold="900ms")
    assert value == pytest.approx(0.95)
    assert text == "first token p95 950 ms of 101 calls in 15 min; the limit is 900 ms"
    plain = [{"ago": 10} for _ in range(50)]
    assert found(plain, type="first_token", threshold=1)[0] is None


def test_spend():
    calls = [{"ago": 60 * n, "cost": "0.5"} for n in range(1, 100)]
    assert found(calls, type="spend", threshold=10, window="1h") == (
        30.0,
        "$30.00 in 1 h; the limit is $10.00",
    )
    assert found([], type="spend", threshold=10, window="1h")[0] == 0.0


def test_token_spike():
    quiet = [{"ago": 950 + 900 * n, "input_tokens": 9_900, "output_tokens": 100} for n in range(10)]
    spike = {"ago": 30, "input_tokens": 44_000, "output_tokens": 1_000}
    assert found([*quiet, spike], type="token_spike") == (
        4.5,
        "45,000 tokens in 15 min, 4.5 times the usual 10,000; the limit is 3 times",
    )
    assert found([*quiet[:5], spike], type="token_spike") == (
        None,
        "not enough data: fewer than 6 of the 24 windows before had calls",
    )
    empty = [{**call, "input_tokens": None, "output_tokens": None} for call in quiet]
    assert found([*empty, spike], type="token_spike")[0] is None
    small = {**spike, "input_tokens": 5_000, "output_tokens": 0}
    assert found([*quiet, small], type="token_spike")[0] is None


def test_errors_in_a_row():
    calls: list[dict[str, Any]] = [
        {"ago": 10, **FAILED},
        {"ago": 20, **FAILED},
        # It began before the one that went well, and failed after it.
        {"ago": 400, "duration": 375.0, **FAILED},
        {"ago": 30, "duration": 1.0},
        {"ago": 40, **FAILED},
    ]
    rule = {"type": "consecutive_errors", "threshold": 3}
    assert found(calls, **rule) == (3, "3 calls failed in a row; the limit is 3")
    assert found(calls[3:], **rule)[0] == 0


def test_silence():
    rule = {"type": "silence", "window": "10m"}
    calls = [{"ago": 1201, "duration": 1.0}]
    assert found(calls, began=5000, **rule) == (1200.0, "no call for 20 min; the limit is 10 min")
    # Nobody listened before: calls may have been missed.
    assert found(calls, began=30, **rule)[0] == 30.0
    assert found([], began=5000, **rule) == (None, "not enough data: no call yet")


def test_budget():
    store = store_of([])
    try:
        with store.writing() as cursor:
            for name, metric, value in (
                ("team", "limit", 10.0),
                ("team", "spent", 9.0),
                ("all", "limit", 100.0),
                ("all", "spent", 20.0),
            ):
                cursor.execute(
                    "INSERT INTO budget_points (point_id, time_ns, start_ns, metric, value, budget,"
                    " budget_scope, unit, delta) VALUES (?, ?, ?, ?, ?, ?, 'global', 'usd', false)",
                    [f"{name}{metric}", NOW - SECOND, 0, f"claude.budget.{metric}", value, name],
                )
        rule: Any = TypeAdapter(Rule).validate_python({"name": "x", "type": "budget"})
        got = reading.read(rule, store, NOW, began=0)
        assert reading.text(rule, got) == "budget 'team' has used 90%; the limit is 80%"
        other: Any = TypeAdapter(Rule).validate_python(
            {"name": "x", "type": "budget", "budget": "all"}
        )
        assert reading.read(other, store, NOW, began=0).value == pytest.approx(0.2)
        late = reading.read(rule, store, NOW + 3600 * SECOND, began=0)
        assert reading.missing(rule, late) == "not enough data: no budget was reported"
    finally:
        store.close()
