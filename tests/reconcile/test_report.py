"""The comparison on plain data, without any server."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from otel_claude.reconcile import CannotCompareError, reconcile
from otel_claude.reconcile.bill import read as read_bill
from otel_claude.reconcile.recorded import read as read_calls

DAY = "2026-11-20"
TYPES = {
    "input": "uncached_input_tokens",
    "cache_read": "cache_read_input_tokens",
    "output": "output_tokens",
}
RATES = {"input": Decimal(2), "cache_read": Decimal("0.1"), "output": Decimal(10)}


def line(number: int, *, day: str = DAY, old: bool = False, **more: Any) -> str:
    """A log line of a call of 1,000 tokens in and 10 out, on Sonnet 5.5."""
    facts = {
        "time": f"{day}T12:00:00Z",
        "request_id": f"req_{number}",
        "operation": "chat",
        "model": "claude-sonnet-5-5",
        "input_tokens": 1000,
        "output_tokens": 10,
        "outcome": "completed",
        "status": 200,
        "cost_usd": 0.0021,
    }
    if not old:
        facts |= {
            "provider": "anthropic",
            "workspace_id": "wrkspc_a",
            "service_tier": "standard",
            "inference_geo": "global",
            "cost_input_usd": 0.002,
            "cost_output_usd": 0.0001,
        }
    return json.dumps({**facts, **more})


def bill(calls: int, *, day: str = DAY, factor: str = "1", **group: Any) -> dict[str, Any]:
    """A saved bill of so many of these calls."""
    base: dict[str, Any] = {
        "starting_at": f"{day}T00:00:00Z",
        "ending_at": f"{day[:8]}{int(day[8:]) + 1:02}T00:00:00Z",
        "group": {
            "model": "claude-sonnet-5-5",
            "workspace_id": "wrkspc_a",
            "service_tier": "standard",
            "speed": "standard",
            "inference_geo": "global",
            **group,
        },
    }
    counts = {"input": 1000 * calls, "cache_read": 0, "output": 10 * calls}
    usage: dict[str, Any] = {TYPES[name]: count for name, count in counts.items()}
    usage |= {"requests": calls, "cache_creation": {}, "server_tool_use": {}}
    costs = []
    for name, count in counts.items():
        cents = f"{count * RATES[name] / 10_000 * Decimal(factor):f}"
        money = {"amount": cents, "list_amount": cents, "currency": "USD", "requests": None}
        kind = {"cost_type": "tokens", "token_type": TYPES[name]}
        costs.append({**base, "group": {**base["group"], **kind}, "cost": money})
    return {"usage": [{"data": [{**base, "usage": usage}]}], "cost": [{"data": costs}]}


def joined(*bills: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        name: [page for one in bills for page in one[name]] for name in ("usage", "cost")
    } | more


def run(lines: Any, document: Any, **more: Any) -> Any:
    return reconcile(read_calls(lines), read_bill(document), **more)


@pytest.mark.parametrize("old", [False, True])
def test_agreement(old: bool) -> None:
    report = run([line(n, old=old) for n in range(3)], bill(3))
    assert report.verdict == "agrees"
    assert report.dimensions == (() if old else ("workspace", "tier", "speed", "geo"))
    assert bool(report.notes) == old
    (row,) = report.rows
    assert (row.requests.both, row.tokens.both) == (3, 3030)
    assert row.recorded_usd == row.billed_usd == Decimal("0.0063")


def test_lines_without_components_are_compared_in_total() -> None:
    report = run([line(1, old=True)], bill(1, factor="1.1"))
    (found,) = report.findings
    assert (found.kind, found.component) == ("rate", "total")
    assert found.usd == Decimal("0.00021")


def test_coverage_both_ways() -> None:
    report = run([line(1)], bill(3))
    (found,) = report.findings
    assert (found.kind, dict(found.counts)) == (
        "only_on_bill", {"requests": 2, "input": 2000, "output": 20},
    )  # fmt: skip
    assert found.usd == Decimal("0.0042") == report.total.by_coverage
    report = run([line(1), line(2)], bill(1))
    (found,) = report.findings
    assert (found.kind, found.counts["requests"]) == ("only_recorded", -1)


def test_tolerance() -> None:
    lines = [line(n) for n in range(1000)]
    assert run(lines, bill(1001)).verdict == "agrees"
    assert run(lines, bill(1001), tolerance=Decimal(0)).verdict == "differs"
    assert run(lines, bill(1000, factor="1.0009")).verdict == "agrees"
    assert run(lines, bill(1000, factor="1.0011")).verdict == "differs"


def test_midnight_is_no_difference() -> None:
    calls = [line(1, day="2026-11-19"), line(2, day="2026-11-19"), line(3)]
    report = run(calls, joined(bill(1, day="2026-11-19"), bill(2)))
    assert report.verdict == "agrees"
    assert any("midnight" in note for note in report.notes)
    report = run(calls, joined(bill(1, day="2026-11-19"), bill(3)))
    assert len(report.findings) == 2


def test_many_differences_are_compared_in_little_time() -> None:
    days = [f"2026-11-{day:02}" for day in range(1, 21)]
    calls = [
        line(n, day=day, workspace_id=f"w{n % 25}")
        for n, day in enumerate(day for day in days for _ in range(25))
    ]
    names = [f"w{number}" for number in range(25)]
    document = joined(*(bill(3, day=day, workspace_id=name) for day in days for name in names))
    began = time.process_time()
    assert len(run(calls, document).findings) == 500
    assert time.process_time() - began < 3


def test_other_workspaces_and_later_calls_are_outside() -> None:
    document = joined(bill(1), bill(5, workspace_id="wrkspc_b"))
    for page in document["usage"]:
        page["data_refreshed_at"] = f"{DAY}T18:00:00Z"
    late = line(2, time=f"{DAY}T18:00:01Z")
    report = run([line(1), late], document)
    assert report.verdict == "agrees"
    (other,) = report.outside
    assert (other.name, other.usd) == ("other_workspaces", Decimal("0.0105"))
    assert "wrkspc_b" in other.note
    assert any("refresh" in note for note in report.notes)


def test_calls_of_others_are_outside() -> None:
    calls = [
        line(1),
        line(2, provider="aws.bedrock"),
        line(3, server_address="x.services.ai.azure.com"),
        line(4, cost_incomplete=["billed_elsewhere"]),
        line(5, day="2026-11-18"),
        line(6, operation="count_tokens"),
        line(7, outcome="failed", status=529, input_tokens=None, output_tokens=None, cost_usd=None)
        .replace('"input_tokens": null, ', "")
        .replace('"output_tokens": null, ', ""),
    ]
    report = run(calls, bill(1))
    assert report.verdict == "agrees"
    assert [(item.name, item.calls) for item in report.outside] == [
        ("aws.bedrock", 1), ("billed_elsewhere", 1), ("foundry", 1),
    ]  # fmt: skip


def test_batches() -> None:
    several = [
        {"model": "claude-sonnet-5-5", "requests": 2, "tokens": {"input": 2000, "output": 20},
         "cost_usd": {"input": 0.004, "output": 0.0002}},
    ]  # fmt: skip
    span = line(1, operation="batch", model=None, service_tier="batch", inferences=several)
    document = bill(2, service_tier="batch")
    assert run([span], document).verdict == "agrees"
    results = [
        line(
            n,
            operation="batch",
            service_tier="batch",
            request_id=None,
            batch_id="b",
            custom_id=str(n),
        )
        for n in range(2)
    ]
    assert run([*results, results[0]], document).verdict == "agrees"
    total = line(2, operation="batch", model=None, batch_counted=2)
    report = run([line(1), total], joined(bill(1), document))
    (finding,) = report.findings
    assert finding.key.tier == "batch"
    assert (report.outside[0].name, report.outside[0].calls) == ("batch_results", 2)


def test_a_result_counts_on_the_day_of_its_batch() -> None:
    result = line(
        1,
        day="2026-11-25",
        operation="batch",
        service_tier="batch",
        custom_id="a",
        batch_created=f"{DAY}T09:00:00Z",
    )
    assert run([result], bill(1, service_tier="batch")).verdict == "agrees"


def test_averages_of_different_calls_are_no_rate() -> None:
    """A model priced by length: the missing call is a long one, of which others are recorded."""
    long: dict[str, Any] = {"cost_input_usd": 0.01, "cost_output_usd": 0.0005, "cost_usd": 0.0105}
    calls = [line(1), line(2, **long)]
    report = run(calls, joined(bill(1), bill(2, factor="5")))
    assert [found.kind for found in report.findings] == ["only_on_bill"]
    report = run(calls, joined(bill(1), bill(2, factor="7")))
    assert [(f.kind, f.certain) for f in report.findings] == [
        ("only_on_bill", True), ("rate", False), ("rate", False),
    ]  # fmt: skip


def test_what_cannot_be_compared() -> None:
    with pytest.raises(CannotCompareError, match="no call"):
        run([], bill(1))
    for document, why in (
        ({}, "usage report"),
        ({"usage": [], "cost": []}, "usage report"),
        ({"cost": bill(1)["cost"]}, "usage report"),
        (bill(1, model=None), "grouped by model"),
        ({"data": [{"usage": {"requests": "x", "output_tokens": 1}}]}, "grouped by model"),
    ):
        with pytest.raises(CannotCompareError, match=why):
            run([line(1)], document)
    ungrouped = bill(1)
    for row in ungrouped["cost"][0]["data"]:
        row["group"].update(cost_type=None, token_type=None)
    with pytest.raises(CannotCompareError, match="cost_type"):
        run([line(1)], ungrouped)
    wide = bill(1)
    wide["usage"][0]["data"][0]["ending_at"] = "2026-11-25T00:00:00Z"
    with pytest.raises(CannotCompareError, match="1d"):
        run([line(1)], wide)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1]", "null", "plain text", '{"operation": 1}', '{"operation": "chat"}',
     '{"operation": "chat", "model": "m", "time": "2026-11-20T00:00:00Z", "status": 200, "inferences": [{}]}',
     '{"resourceSpans": null}', '{"resourceSpans": [{"scopeSpans": [{"spans": [{}]}]}]}',
     '{"resourceMetrics": []}', '2026-11-20 INFO {"operation": "other"}'],
)  # fmt: skip
def test_odd_lines_do_no_harm(text: str) -> None:
    report = run([text, "INFO:otel_claude.calls:" + line(1)], bill(1))
    assert report.total.requests.both == 1


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.lists(st.booleans(), max_size=30))
@settings(max_examples=60, deadline=None)
def test_the_difference_is_the_sum_of_its_parts(ours: list[bool], theirs: list[bool]) -> None:
    """Of two days; whatever is missing where, and with another rate on one of them."""
    days = {False: "2026-11-17", True: DAY}
    calls = [line(n, day=days[day]) for n, day in enumerate(ours)]
    bills = [bill(theirs.count(day), day=name, factor="1.3" if day else "1")
             for day, name in days.items() if theirs.count(day)]  # fmt: skip
    report = run(calls, joined(*bills), days=("2026-11-16", DAY)) if bills else None
    if report is None:
        return
    total = report.total
    assert total.billed_usd - total.recorded_usd == (
        total.by_coverage + total.by_rate + total.by_doubt
    )
    assert sum((f.usd for f in report.findings), Decimal(0)) == pytest.approx(
        total.billed_usd - total.recorded_usd, abs=Decimal("1e-15")
    )
    both = sum(min(ours.count(day), theirs.count(day)) for day in days)
    assert total.requests.both == both
    assert bool(report.findings) == (
        any(ours.count(day) != theirs.count(day) for day in days)
        or bool(both and theirs.count(True) and ours.count(True))
    )
