"""Metrics that the demo does not make, sent by the real OpenTelemetry SDK under the names of `semconv`.

opentelemetry-instrument python feed.py SECONDS [SPENT]

SPENT is what a budget of $20 has spent. OTEL_* say where to and who from.

They are those of budgets, evaluations and the audit, of managed agents, of web frameworks, and of
Claude Code, which sends deltas.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from otel_claude import semconv
from otel_claude.semconv import Metric

SONNET = "claude-sonnet-5-5"
_MODEL = {semconv.REQUEST_MODEL: SONNET, semconv.RESPONSE_MODEL: SONNET}
_BUDGET = {semconv.BUDGET_NAME: "product", semconv.BUDGET_SCOPE: "team"}
_WINDOW = {**_BUDGET, semconv.BUDGET_WINDOW: "day", semconv.BUDGET_UNIT: "usd"}
_CHECK = {**_MODEL, semconv.EVALUATION_NAME: "faithful", semconv.FEATURE: "chat"}
_FEEDBACK = {**_MODEL, semconv.EVALUATION_NAME: semconv.FEEDBACK, semconv.FEATURE: "search"}
_PASS, _FAIL = {semconv.EVALUATION_LABEL: "pass"}, {semconv.EVALUATION_LABEL: "fail"}
_ACCEPT, _REJECT = {semconv.EVALUATION_LABEL: "accept"}, {semconv.EVALUATION_LABEL: "reject"}
_PERSON = {semconv.CODE_USER: "0f-account"}
_PERSON_MODEL = {**_PERSON, semconv.CODE_MODEL: "claude-opus-5-5"}

Labels = Mapping[str, Any]
GAUGES: dict[str, tuple[float, Labels]] = {
    semconv.M_BUDGET_LIMIT: (20, _WINDOW),
    semconv.M_BUDGET_SPENT: (13, _WINDOW),
    semconv.M_BUDGET_RESERVED: (0.1, _WINDOW),
}
APPLICATION: tuple[tuple[str, float, Labels], ...] = (
    (semconv.M_BUDGET_REJECTIONS, 1, _BUDGET),
    (semconv.M_BUDGET_WARNINGS, 1, _BUDGET),
    (semconv.M_BUDGET_OVERRUNS, 1, _BUDGET),
    (semconv.M_EVALUATIONS, 12, {**_CHECK, **_PASS}),
    (semconv.M_EVALUATIONS, 1, {**_CHECK, **_FAIL}),
    (semconv.M_EVALUATIONS, 4, {**_FEEDBACK, **_ACCEPT}),
    (semconv.M_EVALUATIONS, 1, {**_FEEDBACK, **_REJECT}),
    (semconv.M_EVALUATION_SCORE, 0.9, {**_CHECK, **_PASS}),
    (semconv.M_EVALUATION_SCORE, 0.4, {**_FEEDBACK, **_REJECT}),
    (semconv.M_EVALUATIONS_LOW, 1, _CHECK),
    (semconv.M_EVALUATIONS_DROPPED, 1, {semconv.DROP_REASON: "queue_full"}),
    (
        semconv.M_AUDIT_FINDINGS,
        1,
        {semconv.AUDIT_FINDING: "secret_in_prompt", semconv.AUDIT_SEVERITY: "high"},
    ),
    (semconv.M_SESSION_COST, 0.2, {semconv.PROVIDER_NAME: "anthropic"}),
    (
        semconv.M_SESSION_TOKENS,
        900,
        {semconv.PROVIDER_NAME: "anthropic", semconv.CLAUDE_TOKEN_TYPE: "output"},
    ),
    (semconv.M_FAULTS, 1, {semconv.FAULT_SITE: "span.end"}),
    (semconv.M_HTTP_SERVER_DURATION, 1.4, {semconv.HTTP_ROUTE: "/chat"}),
    (semconv.M_HTTP_SERVER_DURATION, 0.6, {semconv.HTTP_ROUTE: "/search"}),
)
CODE: tuple[tuple[str, float, Labels], ...] = (
    (semconv.M_CODE_SESSIONS, 1, _PERSON),
    (semconv.M_CODE_LINES, 40, {**_PERSON, semconv.CODE_TYPE: "added"}),
    (semconv.M_CODE_LINES, 15, {**_PERSON, semconv.CODE_TYPE: "removed"}),
    (semconv.M_CODE_PULL_REQUESTS, 1, _PERSON),
    (semconv.M_CODE_COMMITS, 2, _PERSON),
    (semconv.M_CODE_COST, 0.4, _PERSON_MODEL),
    (semconv.M_CODE_TOKENS, 700, {**_PERSON_MODEL, semconv.CODE_TYPE: "output"}),
    (semconv.M_CODE_TOKENS, 9_000, {**_PERSON_MODEL, semconv.CODE_TYPE: "cacheRead"}),
    (semconv.M_CODE_DECISIONS, 5, {**_PERSON, semconv.CODE_DECISION: "accept"}),
    (semconv.M_CODE_DECISIONS, 1, {**_PERSON, semconv.CODE_DECISION: "reject"}),
    (semconv.M_CODE_ACTIVE, 50, {**_PERSON, semconv.CODE_TYPE: "user"}),
    (semconv.M_CODE_ACTIVE, 90, {**_PERSON, semconv.CODE_TYPE: "cli"}),
)


def _provider(resource: Resource | None, *, delta: bool) -> MeterProvider:
    chosen = AggregationTemporality.DELTA if delta else AggregationTemporality.CUMULATIVE
    exporter = OTLPMetricExporter(preferred_temporality={Counter: chosen, Histogram: chosen})
    return MeterProvider([PeriodicExportingMetricReader(exporter)], resource or Resource.create())


def _adder(provider: MeterProvider, metric: Metric) -> Callable[[float, Labels], None]:
    meter = provider.get_meter("feed")
    if metric.instrument == "counter":
        return meter.create_counter(metric.name, metric.unit).add
    buckets = metric.buckets
    return meter.create_histogram(
        metric.name, metric.unit, explicit_bucket_boundaries_advisory=buckets
    ).record


def _gauge(provider: MeterProvider, name: str) -> None:
    value, labels = GAUGES[name]
    if name == semconv.M_BUDGET_SPENT and len(sys.argv) > 2:
        value = float(sys.argv[2])

    def read(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(value, dict(labels))]

    unit = semconv.METRICS[name].unit
    provider.get_meter("feed").create_observable_gauge(name, [read], unit)


def main() -> None:
    until = time.monotonic() + float(sys.argv[1])
    rng = Random(0)
    application = _provider(None, delta=False)
    code = _provider(Resource.create({"service.name": "claude-code"}), delta=True)
    known = {**semconv.METRICS, **semconv.READ}
    adders: list[tuple[Callable[[float, Labels], None], float, Labels]] = []
    for provider, points in ((application, APPLICATION), (code, CODE)):
        made: dict[str, Callable[[float, Labels], None]] = {}
        for name, value, labels in points:
            if name not in made:
                made[name] = _adder(provider, known[name])
            adders.append((made[name], value, labels))
    for name in GAUGES:
        _gauge(application, name)
    for add, value, labels in adders:
        add(value, labels)
    while time.monotonic() < until:
        time.sleep(1)
        for add, value, labels in adders:
            if rng.random() < 0.5:
                add(value, labels)
    for provider in (application, code):
        provider.shutdown()


if __name__ == "__main__":
    main()
