"""From received telemetry to numbers. Knows the names in `semconv`, and nothing of the workload."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otel_claude import semconv

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_claude.cli.received import Point, Received, Record, Span

CALLS_A_DAY = 10_000
DAYS = 30

_CHAT = "chat"


@dataclass
class Group:
    """Sums over calls, from their spans.

    Attributes:
        calls: number of calls, failed and interrupted ones included.
        errors: those of them that ended with an error.
        retries: attempts that failed and were repeated.
        input: prompt tokens, with those read from and written to the cache.
        output: output tokens; those of interrupted streams are not known.
        cache_read: prompt tokens that came from the cache.
        cache_write: prompt tokens that were written to the cache.
        cost: USD.
        incomplete: calls whose cost lacks something, such as the output of an interrupted stream.
        unpriced: calls that were billed but for which no price is known.
        first: seconds to the first token, of each call that streamed.
        duration: seconds, of each call.
    """

    calls: int = 0
    errors: int = 0
    retries: int = 0
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    incomplete: int = 0
    unpriced: int = 0
    costs: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    duration: list[float] = field(default_factory=list)

    def add(self, span: Span) -> None:
        """Count the span of a call."""
        said = span.attributes
        self.calls += 1
        self.errors += semconv.ERROR_TYPE in said
        self.retries += said.get(semconv.RETRIES, 0)
        self.input += said.get(semconv.USAGE_INPUT_TOKENS, 0)
        self.output += said.get(semconv.USAGE_OUTPUT_TOKENS, 0)
        self.cache_read += said.get(semconv.USAGE_CACHE_READ, 0)
        self.cache_write += said.get(semconv.USAGE_CACHE_WRITE, 0)
        self.incomplete += semconv.COST_INCOMPLETE in said
        self.unpriced += semconv.COST_UNAVAILABLE in said
        self.duration.append(span.seconds)
        if (cost := said.get(semconv.COST_TOTAL)) is not None:
            self.costs.append(cost)
        if (first := said.get(semconv.RESPONSE_TIME_TO_FIRST_CHUNK)) is not None:
            self.first.append(first)

    @property
    def cost(self) -> float:
        """USD; summed without losing digits."""
        return math.fsum(self.costs)

    def to_dict(self) -> dict[str, Any]:
        """The group as `--json` has it."""
        return {
            "calls": self.calls,
            "errors": self.errors,
            "retries": self.retries,
            "input_tokens": self.input,
            "output_tokens": self.output,
            "cache_read_tokens": self.cache_read,
            "cache_write_tokens": self.cache_write,
            "cost_usd": self.cost,
            "cost_incomplete_calls": self.incomplete,
            "unpriced_calls": self.unpriced,
            "time_to_first_token_seconds": _percentiles(self.first),
            "duration_seconds": _percentiles(self.duration),
        }


@dataclass
class Counted:
    """What the counters say, to be held against the spans.

    Attributes:
        requests: calls.
        tokens: billed tokens by type: input, cache_read, cache_write_5m, cache_write_1h, output.
        cost: USD.
        uncached: USD the same calls would have cost without caching.
    """

    requests: int
    tokens: dict[str, int]
    cost: float
    uncached: float

    @property
    def savings(self) -> float:
        """USD that caching saved."""
        return self.uncached - self.cost

    def to_dict(self) -> dict[str, Any]:
        """The counters as `--json` has them."""
        return {
            "requests": self.requests,
            "tokens": self.tokens,
            "cost_usd": self.cost,
            "uncached_usd": self.uncached,
            "cache_savings_usd": self.savings,
        }


@dataclass
class Report:
    """Everything the demo shows.

    Attributes:
        verdicts: evaluations by name and label, from their events.
        span: the span that is shown in full.
    """

    total: Group
    by_model: dict[str, Group]
    by_feature: dict[str, Group]
    counted: Counted
    verdicts: dict[str, dict[str, int]]
    span: Span | None
    spans: int
    points: int
    records: int

    @property
    def projected(self) -> float:
        """USD a month, for `CALLS_A_DAY` calls that cost on average what these cost."""
        if not self.total.calls:
            return 0.0
        return self.total.cost / self.total.calls * CALLS_A_DAY * DAYS

    def disagreements(self) -> list[str]:
        """Where the metrics say something else than the spans; empty is how it should be."""
        total, counted = self.total, self.counted
        tokens = counted.tokens
        prompt = sum(number for kind, number in tokens.items() if kind != "output")
        writes = sum(number for kind, number in tokens.items() if kind.startswith("cache_write"))
        rows: tuple[tuple[str, float, float], ...] = (
            ("calls", total.calls, counted.requests),
            ("input tokens", total.input, prompt),
            ("output tokens", total.output, tokens.get("output", 0)),
            ("cache reads", total.cache_read, tokens.get("cache_read", 0)),
            ("cache writes", total.cache_write, writes),
            ("USD", total.cost, counted.cost),
        )
        return [
            f"{what}: {spans} in spans, {metrics} in metrics"
            for what, spans, metrics in rows
            if abs(spans - metrics) > (1e-9 if what == "USD" else 0)
        ]


def report(received: Received) -> Report:
    """Work out everything from what was received."""
    calls = [span for span in received.spans if is_call(span)]
    total = Group()
    by_model: dict[str, Group] = {}
    by_feature: dict[str, Group] = {}
    for span in calls:
        model = str(span.attributes.get(semconv.REQUEST_MODEL, "?"))
        feature = str(span.attributes.get(semconv.FEATURE, "none"))
        for group in (
            total,
            by_model.setdefault(model, Group()),
            by_feature.setdefault(feature, Group()),
        ):
            group.add(span)
    return Report(
        total=total,
        by_model=_dearest_first(by_model),
        by_feature=_dearest_first(by_feature),
        counted=counted(received.points),
        verdicts=_verdicts(received.records),
        span=max(calls, key=_richness, default=None),
        spans=len(received.spans),
        points=len(received.points),
        records=len(received.records),
    )


def _verdicts(records: Iterable[Record]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {}
    for record in records:
        if record.name == semconv.EVENT_EVALUATION:
            said = record.attributes
            label = str(said.get(semconv.EVALUATION_LABEL, said.get(semconv.ERROR_TYPE)))
            found.setdefault(str(said.get(semconv.EVALUATION_NAME)), Counter())[label] += 1
    return {name: dict(sorted(found[name].items())) for name in sorted(found)}


def _richness(span: Span) -> tuple[int, int, int]:
    """How much a span has to show: attributes, then cached tokens; of equals the earliest wins."""
    return len(span.attributes), span.attributes.get(semconv.USAGE_CACHE_READ, 0), -span.start


def is_call(span: Span) -> bool:
    """Whether a span is that of a call, and ours."""
    own = span.scope == semconv.SCOPE
    return own and span.attributes.get(semconv.OPERATION_NAME) == _CHAT


def counted(points: Iterable[Point]) -> Counted:
    """Final values of the counters."""
    series = totals(points)
    return Counted(
        requests=int(_sum(series, semconv.M_REQUESTS)),
        tokens={
            kind: int(number)
            for kind, number in _by_label(
                series, semconv.M_TOKENS, semconv.CLAUDE_TOKEN_TYPE
            ).items()
        },
        cost=_sum(series, semconv.M_COST),
        uncached=_sum(series, semconv.M_COST_UNCACHED),
    )


Series = dict[tuple[str, frozenset[tuple[str, Any]]], float]


def totals(points: Iterable[Point]) -> Series:
    """What each series of a sum has come to: the last cumulative point, or all deltas added."""
    latest: dict[Any, int] = {}
    found: Series = {}
    for point in points:
        if point.kind != "sum" or point.scope != semconv.SCOPE:
            continue
        key = (point.name, frozenset(point.attributes.items()))
        if point.delta:
            found[key] = found.get(key, 0) + point.value
        elif point.time >= latest.get(key, 0):
            latest[key] = point.time
            found[key] = point.value
    return found


def _sum(series: Series, name: str) -> float:
    return math.fsum(value for (metric, _), value in series.items() if metric == name)


def _by_label(series: Series, name: str, label: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for (metric, attributes), value in series.items():
        if metric == name:
            kind = str(dict(attributes).get(label))
            found[kind] = found.get(kind, 0) + value
    return dict(sorted(found.items()))


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which that share of the values lies, interpolated; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _percentiles(values: Sequence[float]) -> dict[str, float | None]:
    return {"p50": percentile(values, 0.5), "p95": percentile(values, 0.95)}


def _dearest_first(groups: dict[str, Group]) -> dict[str, Group]:
    return dict(sorted(groups.items(), key=lambda item: (-item[1].cost, item[0])))
