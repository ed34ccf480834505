"""Cardinality: whatever users, models and gateways come up with, series and memory are bounded."""

from __future__ import annotations

import tracemalloc
from collections import Counter

import pytest

from otel_claude import attribution, semconv
from otel_claude._attribution import Attribution
from otel_claude.call.call import Call, Endpoint
from otel_claude.call.errors import Failure
from otel_claude.call.run import Run
from otel_claude.emit import counters
from otel_claude.emit.bill import Bill
from otel_claude.emit.instruments import instruments_of
from otel_claude.emit.metrics import Metrics
from otel_claude.emit.runs import Runs
from otel_claude.emit.words import LONGEST, Words
from otel_claude.settings import Settings
from tests.conftest import Telemetry

_HERE = Endpoint("anthropic", "anthropic", "api.test", 443, None)


def made(model="claude-haiku-4-5", endpoint=_HERE, **said):
    call = Call("chat", endpoint, model, ())
    call.response_model = "claude-haiku-4-5"
    call.usage.said = True
    call.usage.input_tokens = 10
    call.usage.output_tokens = 5
    call.status = 200
    call.stop_reason = "end_turn"
    call.attribution = Attribution(**said)
    return call


def record(metrics, call):
    metrics.start(call)
    call.finish("completed")
    metrics.leave(call)
    metrics.end(call, Bill(call, None))


def test_words_keep_the_first_and_what_was_let_in_stays():
    words = Words(2)
    assert [words.of("k", v) for v in "abcab"] == ["a", "b", "other", "a", "b"]
    assert words.of("another", "c") == "c"
    assert words.of_any("k", None) is None
    long = "x" * 10_000
    assert words.of("long", long) == long[:LONGEST]
    assert words.of("long", long + "y") == long[:LONGEST]


def test_through_the_sdk_known_values_keep_counting_and_nothing_is_lost(telemetry, client, ask):
    telemetry.instrument(metric_attribution=["user"], metric_label_values=10)
    for number in range(40):
        with attribution(user=f"u-{number}"):
            client.messages.create(**ask())
    for _ in range(3):
        with attribution(user="u-3"):
            client.messages.create(**ask())
    calls: Counter[str] = Counter()
    for point in telemetry.metrics()[semconv.M_REQUESTS]:
        calls[point.attributes[semconv.USER_ID]] += point.value
    assert len(calls) == 11
    assert calls["u-3"] == 4
    assert calls[semconv.OTHER] == 30
    users = {(span.attributes or {})[semconv.USER_ID] for span in telemetry.spans}
    assert len(users) == 40, "spans say it always"


def test_models_and_error_types_of_a_request_are_bounded(telemetry, api, client, ask):
    telemetry.instrument(metric_label_values=5)
    for number in range(12):
        client.messages.create(**ask(f"model=claude-odd-{number}", model=f"claude-new-{number}"))
    points = telemetry.metrics()[semconv.M_REQUESTS]
    asked = {point.attributes[semconv.REQUEST_MODEL] for point in points}
    answered = {point.attributes[semconv.RESPONSE_MODEL] for point in points}
    assert len(asked) == 6
    assert len(answered) == 6
    assert sum(point.value for point in points) == 12
    active = telemetry.metrics()[semconv.M_ACTIVE]
    assert len(active) == 6
    assert all(point.value == 0 for point in active)


def test_a_million_users_stay_within_the_bound(telemetry):
    """The real metrics, fed by hand: a million calls by HTTP would take half an hour."""
    limit, users = 50, 1_000_000
    settings = Settings(metric_attribution=("user",), metric_label_values=limit)
    metrics = Metrics(telemetry.meters, settings)
    instruments = instruments_of(telemetry.meters)
    call = made()
    call.finish("completed")
    bill = Bill(call, None)
    additions = counters.requests(call, bill, instruments.words)

    def count(first, last, every=1):
        for number in range(first, last):
            call.attribution = Attribution(user=f"user-{number}")
            labels = metrics._labels.of(call, call.response_model)
            metrics._labels.of_histogram(labels, call, bill, error=True)
            instruments.sums.add(labels, additions)
            if number % every == 0:
                metrics._record(call, bill, labels)

    count(0, 10_000)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    count(10_000, 20_000)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    count(20_000, users, every=100)
    assert len(instruments.sums._pending) == limit + 1
    assert grown < 10_000, f"{grown} bytes for 10,000 users"
    points = telemetry.metrics()
    assert len(points[semconv.M_REQUESTS]) == limit + 1
    assert sum(point.value for point in points[semconv.M_REQUESTS]) == users
    assert len(points[semconv.M_DURATION]) == limit + 1


@pytest.mark.parametrize("readers", [1, 2])
def test_all_labels_at_once_stay_within_the_bound(readers, monkeypatch):
    from otel_claude.emit import labels

    monkeypatch.setattr(labels, "_SETS", 100)
    telemetry = Telemetry()
    settings = Settings(metric_label_values=20)
    metrics = Metrics(telemetry.meters, settings)
    for number in range(3000):
        where = Endpoint("anthropic", "anthropic", f"host-{number}", number, None)
        call = made(
            f"model-{number % 97}",
            where,
            team=f"t{number % 83}",
            feature=f"f{number % 89}",
            tenant=f"n{number % 71}",
        )
        call.response_model = f"model-{number % 101}"
        record(metrics, call)
        if readers == 2 and number % 500 == 0:
            telemetry.metrics()
    assert len(metrics._labels._sets) <= 2 * 100 + 1
    own = [labels for labels in metrics._labels._sets if not {*labels[-1]} <= {None, semconv.OTHER}]
    assert len(own) <= 100
    points = telemetry.metrics()
    assert len(points[semconv.M_REQUESTS]) <= 2 * 100 + 1
    assert sum(point.value for point in points[semconv.M_REQUESTS]) == 3000
    assert sum(point.value for point in points[semconv.M_ACTIVE]) == 0
    for kind, count in (("input", 10), ("output", 5)):
        values = [
            point.value
            for point in points[semconv.M_TOKENS]
            if point.attributes[semconv.CLAUDE_TOKEN_TYPE] == kind
        ]
        assert sum(values) == 3000 * count


def test_answers_that_a_gateway_invents_are_bounded(telemetry):
    metrics = Metrics(telemetry.meters, Settings(metric_label_values=5))
    for number in range(50):
        call = made()
        call.stop_reason = f"reason-{number}"
        call.usage.service_tier = f"tier-{number}"
        call.response_headers = {
            "anthropic-workspace-id": f"w-{number}",
            "anthropic-organization-id": "o",
        }
        call.raw_headers = {b"anthropic-ratelimit-requests-limit": b"50"}
        record(metrics, call)
    points = telemetry.metrics()
    for metric, label in (
        (semconv.M_REQUESTS, semconv.FINISH_REASON),
        (semconv.M_REQUESTS, semconv.RESPONSE_SERVICE_TIER),
        (semconv.M_RATELIMIT_LIMIT, semconv.WORKSPACE_ID),
    ):
        assert len({point.attributes[label] for point in points[metric]}) == 6, label


def test_tools_are_bounded(telemetry):
    instruments = instruments_of(telemetry.meters)
    instruments.words.limit = 5
    runs = Runs(telemetry.tracers.get_tracer("t"), instruments, strict=False)
    for number in range(50):
        run = Run("execute_tool", (), name=f"tool-{number}")
        runs.start(run)
        runs.end(run)
    assert len(telemetry.metrics()[semconv.M_TOOL_DURATION]) == 6


def test_errors_that_a_gateway_invents_are_bounded(telemetry):
    metrics = Metrics(telemetry.meters, Settings(metric_label_values=5))
    for number in range(50):
        call = made()
        call.retried_errors = [f"retried-{number}"]
        metrics.start(call)
        call.finish("failed", Failure(f"error-{number}", "unknown"))
        metrics.leave(call)
        metrics.end(call, Bill(call, None))
    points = telemetry.metrics()
    assert len(points[semconv.M_REQUESTS]) <= 6
    assert len(points[semconv.M_DURATION]) <= 6
    assert len(points[semconv.M_RETRIES]) <= 6
