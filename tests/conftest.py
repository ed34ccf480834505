"""Real providers with in-memory exporters, and the emulator, for any test that asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import anthropic
import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

from otel_claude import ClaudeInstrumentor, _faults
from otel_claude.testing import Emulator

_E2E = ("tests/matrix/", "tests/e2e/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs more than this machine's Python."""
    for item in items:
        if any(folder in item.path.as_posix() for folder in _E2E):
            item.add_marker(pytest.mark.e2e)


@dataclass
class Telemetry:
    """What the OpenTelemetry SDK got, and how to instrument into it."""

    sampler: Sampler = field(default_factory=lambda: ALWAYS_ON)

    def __post_init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider(sampler=self.sampler)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])
        self.log_exporter = InMemoryLogRecordExporter()
        self.loggers = LoggerProvider()
        self.loggers.add_log_record_processor(SimpleLogRecordProcessor(self.log_exporter))

    def instrument(self, **options: Any) -> None:
        ClaudeInstrumentor().instrument(
            tracer_provider=self.tracers,
            meter_provider=self.meters,
            logger_provider=self.loggers,
            **options,
        )

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    @property
    def span(self) -> ReadableSpan:
        (span,) = self.spans
        return span

    @property
    def attributes(self) -> dict[str, Any]:
        return dict(self.span.attributes or {})

    def metrics(self) -> dict[str, list[Any]]:
        """Name -> data points, of everything collected now."""
        data = self.reader.get_metrics_data()
        return {
            metric.name: list(metric.data.data_points)
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def total(self, name: str, **labels: Any) -> float:
        """Sum of a counter over the points that have these labels (`_` stands for a dot)."""
        wanted = {key.replace("__", "."): value for key, value in labels.items()}
        return float(
            sum(
                point.value
                for point in self.metrics().get(name, [])
                if wanted.items() <= dict(point.attributes).items()
            )
        )

    def clear(self) -> None:
        self.exporter.clear()


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """Providers to instrument into; `telemetry.instrument(...)` switches it on."""
    made = Telemetry()
    yield made
    _switch_off()


@pytest.fixture
def watched(telemetry: Telemetry) -> Iterator[Telemetry]:
    """Instrumented with default settings. No fault of ours may happen unless a test injects it."""
    _faults.drain()
    telemetry.instrument()
    yield telemetry
    assert _faults.drain() == {}


def _switch_off() -> None:
    instrumentor = ClaudeInstrumentor()
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()


@pytest.fixture
def api() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def client(api: Emulator) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key="sk-ant-test", base_url=api.url) as sdk:
        yield sdk


@pytest.fixture
def ask() -> Any:
    """Arguments of a plain call; a scenario of the emulator and further arguments can be given."""

    def arguments(scenario: str = "", **more: Any) -> dict[str, Any]:
        found: dict[str, Any] = {
            "model": "claude-sonnet-5-5",
            "max_tokens": 64,
            "messages": [{"role": "user", "content": "Hello"}],
        }
        if scenario:
            found["extra_headers"] = {"x-emulator-scenario": scenario}
        return {**found, **more}

    return arguments
