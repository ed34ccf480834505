"""Comparisons of groups whose truth is known, and how often intervals hold it."""

# mypy: disable-error-code="union-attr,operator,var-annotated"
# None where there should be a value fails the test, too.

from __future__ import annotations

import random
import statistics

import pytest

from otel_claude.local.analyses import intervals
from otel_claude.local.queries.compare import compare
from otel_claude.local.queries.filters import FilterError, Filters
from tests.local.analyses.stored import DAY_BEFORE, NOW, store_of


def test_shares_of_textbook_cases():
    found = intervals.of_share(10, 100)
    assert (found.low, found.high) == (
        pytest.approx(0.0552, abs=1e-4),
        pytest.approx(0.1744, abs=1e-4),
    )
    assert intervals.of_share(0, 20).low == 0
    assert intervals.of_share(20, 20).high == 1
    assert intervals.of_share(0, 0) is None


@pytest.mark.parametrize(
    ("count", "quantile"), [(5, 2.776), (10, 2.262), (31, 2.042), (1001, 1.962)]
)
def test_means_use_student_s_t(count, quantile):
    found = intervals.of_mean(10.0, 2.0, count)
    assert (found.high - 10) * count**0.5 / 2 == pytest.approx(quantile, abs=0.01)


def test_too_few_for_an_interval():
    assert intervals.of_mean(1.0, 0.1, 4) is None
    assert intervals.of_mean(None, None, 10) is None
    assert intervals.levels(0.5, 4) is None


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng = random.Random(5)
    mean = median = 0
    for _ in range(400):
        values = sorted(rng.lognormvariate(0, 0.5) for _ in range(60))
        found = intervals.of_mean(statistics.fmean(values), statistics.stdev(values), 60)
        mean += found.low <= 1.1331 <= found.high  # exp(0.5 ** 2 / 2)
        low, high = (values[round(level * 59)] for level in intervals.levels(0.5, 60))
        median += low <= 1 <= high
    assert 0.90 <= mean / 400 <= 0.98
    assert 0.90 <= median / 400 <= 0.98


def made():
    rng = random.Random(8)
    return [
        {
            "ago": 60 + n,
            "model": name,
            "tags": {"variant": name.upper()},
            "cost": cost * rng.uniform(0.5, 1.5),
            "duration": seconds * rng.lognormvariate(0, 0.3),
            "first_token": 0.2 * seconds * rng.lognormvariate(0, 0.3),
            "error_type": "api_error" if rng.random() < failing else None,
        }
        for name, cost, seconds, failing in (("a", 0.01, 1.0, 0.0), ("b", 0.03, 2.0, 0.2))
        for n in range(300)
    ]


@pytest.mark.parametrize("by", ["model", "tag.variant"])
def test_groups_of_the_store(by):
    store = store_of(made())
    with store.writing() as cursor:
        for n in range(10):
            cursor.execute(
                "INSERT INTO evaluations (time_ns, event_id, name, score, span_id) "
                "VALUES (?, ?, 'useful', ?, ?)",
                [NOW - 1, str(n), float(n < 7), f"{n:016x}"],
            )
        for n, kind in enumerate(["accept"] * 6 + ["reject", "edit"]):
            cursor.execute(
                "INSERT INTO evaluations (time_ns, event_id, name, label, span_id) "
                "VALUES (?, ?, 'feedback', ?, ?)",
                [NOW - 1, f"f{n}", kind, f"{300 + n:016x}"],
            )
    found = compare(store, DAY_BEFORE, Filters(), by=by)
    store.close()
    assert found["reason"] is None
    a, b = sorted(found["groups"], key=lambda group: group["key"])
    for group, cost, seconds, failing in ((a, 0.01, 1.0, 0.0), (b, 0.03, 2.0, 0.2)):
        assert group["calls"] == 300
        for figure, truth in (
            ("cost_usd", cost), ("duration_p50_s", seconds), ("first_token_p50_s", 0.2 * seconds),
            ("error_rate", failing),
        ):  # fmt: skip
            interval = group[figure]["interval"]
            assert interval["low"] <= group[figure]["value"] <= interval["high"]
            assert interval["low"] * 0.99 <= truth <= interval["high"] * 1.01, figure
        assert group["duration_p95_s"]["value"] > group["duration_p50_s"]["value"]
    assert a["cost_usd"]["interval"]["high"] < b["cost_usd"]["interval"]["low"]
    (scored,) = a["evaluations"]
    assert (scored["name"], scored["value"], scored["count"]) == ("useful", 0.7, 10)
    share = intervals.of_share(7, 10)
    assert scored["interval"] == {"low": share.low, "high": share.high}
    assert a["acceptance"] == {"value": None, "interval": None, "count": 0}
    assert (b["acceptance"]["value"], b["acceptance"]["count"]) == (0.75, 8)
    wilson = {"low": pytest.approx(0.409, abs=1e-3), "high": pytest.approx(0.929, abs=1e-3)}
    assert b["acceptance"]["interval"] == wilson


@pytest.mark.parametrize(
    ("scores", "low", "high"),
    [
        ([1.0] * 50, 0.929, 1.0),  # a share: they may still fail now and then
        ([0.0] * 10, 0.0, 0.278),
        ([1.0, 0.0] * 10, 0.299, 0.701),
        ([0.4, 0.6] * 10, 0.452, 0.548),  # a mean
        ([0.5] * 20, 0.5, 0.5),
    ],
)
def test_verdicts_that_pass_or_fail_are_a_share(scores, low, high):
    store = store_of([{"ago": 60 + n} for n in range(len(scores))])
    with store.writing() as cursor:
        for n, score in enumerate(scores):
            cursor.execute(
                "INSERT INTO evaluations (time_ns, event_id, name, score, span_id) "
                "VALUES (?, ?, 'complete', ?, ?)",
                [NOW - 1, str(n), score, f"{n:016x}"],
            )
    (group,) = compare(store, DAY_BEFORE, Filters())["groups"]
    store.close()
    interval = group["evaluations"][0]["interval"]
    assert interval == {
        "low": pytest.approx(low, abs=2e-3), "high": pytest.approx(high, abs=2e-3),
    }  # fmt: skip


@pytest.mark.parametrize("counts", [(), (100,), (100, 4)])
def test_nothing_to_compare(counts):
    store = store_of(
        [{"ago": 60, "model": f"m{n}"} for n, count in enumerate(counts) for _ in range(count)]
    )
    found = compare(store, DAY_BEFORE, Filters())
    store.close()
    assert found["reason"].startswith("not enough data")
    assert [group["calls"] for group in found["groups"]] == list(counts)
    if len(counts) == 2:
        assert found["groups"][1]["cost_usd"]["interval"] is None


def test_a_batch_is_no_call():
    batch = {"operation": "batch", "cost": 90.0, "duration": 9000.0}
    store = store_of([{"ago": 60 + n, "cost": 0.1, **(batch if n > 5 else {})} for n in range(9)])
    (group,) = compare(store, DAY_BEFORE, Filters())["groups"]
    store.close()
    assert (group["calls"], group["cost_usd"]["value"]) == (6, pytest.approx(0.1))


def test_no_such_dimension():
    store = store_of([])
    with pytest.raises(FilterError):
        compare(store, DAY_BEFORE, Filters(), by="colour")
    store.close()
