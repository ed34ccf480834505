"""What budgets tell: gauges, counters and events, within bounds."""

from __future__ import annotations

import subprocess
import sys

import pytest

from otel_claude import BudgetExceeded, ClaudeInstrumentor, attribution, semconv
from otel_claude.budgets import Budget
from tests.budgets.conftest import spent
from tests.conftest import Telemetry

GAUGES = (semconv.M_BUDGET_LIMIT, semconv.M_BUDGET_SPENT, semconv.M_BUDGET_RESERVED)


def points(telemetry, name, budget):
    found = telemetry.metrics().get(name, [])
    return [p for p in found if p.attributes[semconv.BUDGET_NAME] == budget]


def test_gauges_show_how_a_budget_stands(budgeted, client, ask):
    telemetry = budgeted(Budget("b", limit=2, window="day", timezone="Europe/Berlin"))
    assert [points(telemetry, name, "b")[0].value for name in GAUGES] == [2.0, 0.0, 0.0]
    client.messages.create(**ask())
    with client.messages.stream(**ask()) as stream:
        limit, settled, reserved = (points(telemetry, name, "b")[0] for name in GAUGES)
        assert (limit.value, settled.value) == (2.0, float(spent("b")))
        assert reserved.value > 0
        stream.until_done()
    assert dict(limit.attributes) == {
        semconv.BUDGET_NAME: "b",
        semconv.BUDGET_SCOPE: "everything",
        semconv.BUDGET_WINDOW: "day in Europe/Berlin",
        semconv.BUDGET_UNIT: "usd",
    }
    assert points(telemetry, semconv.M_BUDGET_RESERVED, "b")[0].value == 0


def test_per_key_budgets_show_the_fullest_twenty_and_no_key(budgeted, client, ask):
    telemetry = budgeted(Budget("u", scope="user", limit=1, window="day"))
    for number in range(25):
        with attribution(user=f"user-{number}"):
            client.messages.create(**ask(f"output_tokens={number + 1}"))
    found = points(telemetry, semconv.M_BUDGET_SPENT, "u")
    assert sorted(p.attributes[semconv.BUDGET_RANK] for p in found) == list(range(1, 21))
    assert "user-" not in str([dict(p.attributes) for p in found])
    ranked = sorted(found, key=lambda p: p.attributes[semconv.BUDGET_RANK])
    assert [p.value for p in ranked] == sorted((p.value for p in found), reverse=True)
    assert ranked[0].value == float(spent("u", "user-24"))


def test_a_rejection_is_counted_and_an_event_in_the_trace_of_its_span(budgeted, client, ask):
    telemetry = budgeted(Budget("u", scope="user", limit="0.000001", window="day"))
    with attribution(user="u-1"), pytest.raises(BudgetExceeded):
        client.messages.create(**ask())
    assert telemetry.total(semconv.M_BUDGET_REJECTIONS, claude__budget__name="u") == 1
    (record,) = [
        r.log_record
        for r in telemetry.log_exporter.get_finished_logs()
        if r.log_record.event_name == semconv.EVENT_BUDGET_REJECTED
    ]
    assert record.severity_text == "WARN"
    assert record.span_id == telemetry.span.context.span_id
    said = dict(record.attributes)
    assert said[semconv.BUDGET_KEY] == "u-1"
    assert said[semconv.BUDGET_REASON] == "limit"
    assert said[semconv.BUDGET_ESTIMATE] > said[semconv.BUDGET_LIMIT] == 0.000001
    (exception,) = [
        r.log_record
        for r in telemetry.log_exporter.get_finished_logs()
        if r.log_record.event_name == semconv.EVENT_EXCEPTION
    ]
    assert exception.attributes[semconv.EXCEPTION_TYPE].endswith("BudgetExceeded")


def test_strict_mode_enforces_and_tells_nothing_of_its_own(budgeted, client, ask):
    telemetry = budgeted(Budget("b", limit="0.000001", window="day"), strict=True)
    with pytest.raises(BudgetExceeded):
        client.messages.create(**ask())
    assert [name for name in telemetry.metrics() if name.startswith("claude.")] == []
    events = [r.log_record.event_name for r in telemetry.log_exporter.get_finished_logs()]
    assert events == [semconv.EVENT_EXCEPTION]


def test_gauges_end_with_the_instrumentation_and_come_back_with_it(telemetry: Telemetry):
    for limit in (1, 2):
        telemetry.instrument(budgets=[Budget("b", limit=limit)])
        assert points(telemetry, semconv.M_BUDGET_LIMIT, "b")[0].value == limit
        ClaudeInstrumentor().uninstrument()
        assert points(telemetry, semconv.M_BUDGET_LIMIT, "b") == []


def test_off_when_no_budget_is_configured(watched, client, ask):
    """No gate, no body kept, no module of budgets in use."""
    from otel_claude.capture import seams

    assert seams._active is not None
    assert seams._active.gates == ()
    assert len(seams._active.observers) == 1
    client.messages.create(**ask())
    assert not [name for name in watched.metrics() if name.startswith("claude.budget")]


def test_without_budgets_nothing_of_them_is_imported():
    program = (
        "import sys; from otel_claude import ClaudeInstrumentor;"
        "ClaudeInstrumentor().instrument();"
        "print([m for m in sys.modules if m.startswith(('otel_claude.budgets', 'redis', 'yaml'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
