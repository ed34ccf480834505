"""From telemetry to numbers."""

from __future__ import annotations

import pytest

pytest.importorskip("opentelemetry.proto")

from otel_claude import semconv
from otel_claude.cli import aggregate
from otel_claude.cli.received import Point, Received, Span


def span(scope: str = semconv.SCOPE, seconds: float = 1.0, **more: object) -> Span:
    said = {
        semconv.OPERATION_NAME: "chat",
        semconv.REQUEST_MODEL: "claude-haiku-5-5",
        semconv.FEATURE: "search",
    }
    names = {
        "input": semconv.USAGE_INPUT_TOKENS,
        "output": semconv.USAGE_OUTPUT_TOKENS,
        "cost": semconv.COST_TOTAL,
        "error": semconv.ERROR_TYPE,
        "operation": semconv.OPERATION_NAME,
    }
    attributes = {**said, **{names[key]: value for key, value in more.items()}}
    return Span(
        "chat", "a", "b", "", "client", "unset", 0, int(seconds * 1e9), scope, attributes, {}
    )


def point(value: float, time: int, *, delta: bool = False, **labels: str) -> Point:
    return Point(semconv.M_REQUESTS, "", "sum", delta, 0, time, value, semconv.SCOPE, dict(labels))


def test_sums_the_spans_of_calls_alone() -> None:
    found = aggregate.report(
        Received(
            spans=[
                span(input=10, output=2, cost=0.1),
                span(input=5, output=1, cost=0.2),
                span(error="rate_limit_error"),
                span("com.anthropic.claude-platform", input=10),
                span(operation="count_tokens"),
            ]
        )
    )
    total = found.total
    assert (total.calls, total.errors, total.input, total.output) == (3, 1, 15, 3)
    assert total.cost == pytest.approx(0.3, abs=1e-15)
    assert found.spans == 5
    assert list(found.by_model) == ["claude-haiku-5-5"]
    assert found.projected == pytest.approx(0.3 / 3 * 300_000)


def test_nothing_received() -> None:
    found = aggregate.report(Received())
    assert (found.total.calls, found.projected, found.span) == (0, 0.0, None)
    assert found.disagreements() == []


def test_the_last_cumulative_point_counts() -> None:
    points = [point(3, 1), point(5, 2), point(4, 2, model="x"), point(1, 1, model="x")]
    assert aggregate.counted(points).requests == 9


def test_deltas_add_up() -> None:
    assert aggregate.counted([point(3, 1, delta=True), point(5, 2, delta=True)]).requests == 8


def test_disagreements_are_named() -> None:
    found = aggregate.report(Received(spans=[span()], points=[point(2, 1)]))
    assert found.disagreements() == ["calls: 1 in spans, 2 in metrics"]


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, None), ([3.0], 0.95, 3.0), ([1.0, 2.0, 9.0], 0.5, 2.0), ([0.0, 10.0], 0.95, 9.5)],
)
def test_percentile(values: list[float], share: float, expected: float | None) -> None:
    assert aggregate.percentile(values, share) == expected
