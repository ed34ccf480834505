"""What is measured: the plain SDK, otel-claude in its modes, and the other packages.

A subject is data, and one function that turns it on. The functions run in the subject's own
process and environment, so they import what they need when they are called.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_NATIVE_OFF: Final = {"ANTHROPIC_OPEN_TELEMETRY": "false"}
_CONTENT: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


class NotAvailableError(Exception):
    """This subject cannot be measured here; the message says why."""


class Providers:
    """The OpenTelemetry SDK as an application sets it up, with exporters that send nothing.

    Args:
        sampled: whether spans are sampled.
        standing_by: make processor and reader, but leave it to others to make the providers.
    """

    def __init__(self, *, sampled: bool = True, standing_by: bool = False) -> None:
        from opentelemetry import metrics, trace
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import (
            MetricExporter,
            MetricExportResult,
            PeriodicExportingMetricReader,
        )
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import (
            BatchSpanProcessor,
            SpanExporter,
            SpanExportResult,
        )
        from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

        outer = self
        self.exported_spans = 0
        self.last_span: Any = None
        self.metric_names: set[str] = set()

        class Spans(SpanExporter):
            def export(self, spans: Sequence[Any]) -> SpanExportResult:
                outer.exported_spans += len(spans)
                outer.last_span = spans[-1] if spans else None
                return SpanExportResult.SUCCESS

        class Metrics(MetricExporter):
            def export(
                self,
                metrics_data: Any,
                timeout_millis: float = 10_000,  # noqa: ARG002
                **_kwargs: Any,
            ) -> MetricExportResult:
                for resource in metrics_data.resource_metrics:
                    for scope in resource.scope_metrics:
                        outer.metric_names.update(metric.name for metric in scope.metrics)
                return MetricExportResult.SUCCESS

            def force_flush(self, timeout_millis: float = 10_000) -> bool:  # noqa: ARG002
                return True

            def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
                pass

        self.tracers = TracerProvider(sampler=ALWAYS_ON if sampled else ALWAYS_OFF)
        self.processor = BatchSpanProcessor(Spans())
        self.reader = PeriodicExportingMetricReader(Metrics(), export_interval_millis=600_000)
        if not standing_by:
            self.tracers.add_span_processor(self.processor)
            self.meters = MeterProvider([self.reader])
            trace.set_tracer_provider(self.tracers)
            metrics.set_meter_provider(self.meters)

    def flush(self) -> None:
        """Export everything that was recorded so far."""
        self.processor.force_flush()
        self.reader.force_flush()


def _plain() -> None:
    return None


def _by_hand() -> Providers:
    """One span with as many attributes as ours, and three points of histograms: nothing is read."""
    import anthropic
    from opentelemetry import context, metrics, trace

    from benchmarks.floor import AT_END, AT_START, LABELS

    providers = Providers()
    tracer = trace.get_tracer("benchmarks")
    meter = metrics.get_meter("benchmarks")
    duration = meter.create_histogram("benchmarks.duration", unit="s")
    tokens = meter.create_histogram("benchmarks.tokens")
    told = dict(list(AT_END.items())[:31])
    kinds = [{**LABELS, "gen_ai.token.type": kind} for kind in ("input", "output")]
    sync, asynchronous = anthropic._base_client.SyncAPIClient, anthropic._base_client.AsyncAPIClient
    send, send_async = sync.request, asynchronous.request

    @contextmanager
    def measured() -> Iterator[None]:
        span = tracer.start_span("chat claude", kind=trace.SpanKind.CLIENT, attributes=AT_START)
        inside = trace.set_span_in_context(span)
        token = context.attach(inside)
        try:
            yield
        finally:
            context.detach(token)
            duration.record(0.5, LABELS, inside)
            for labels in kinds:
                tokens.record(350, labels)
            span.set_attributes(told)
            span.end()

    def request(*given: Any, **named: Any) -> Any:
        with measured():
            return send(*given, **named)

    async def request_async(*given: Any, **named: Any) -> Any:
        with measured():
            return await send_async(*given, **named)

    sync.request = request  # type: ignore[method-assign] # as ours is
    asynchronous.request = request_async  # type: ignore[method-assign] # the same
    return providers


def _native() -> Providers:
    return Providers()


def _claude(**options: Any) -> Providers:
    providers = Providers()
    _instrument(**options)
    return providers


def _instrument(**options: Any) -> None:
    from otel_claude import ClaudeInstrumentor

    ClaudeInstrumentor().instrument(**options)


def _unsampled() -> Providers:
    providers = Providers(sampled=False)
    _instrument()
    return providers


def _genai() -> Providers:
    return _peer("opentelemetry.instrumentation.genai.anthropic")


def _traceloop() -> Providers:
    return _peer("opentelemetry.instrumentation.anthropic")


def _openinference() -> Providers:
    return _peer("openinference.instrumentation.anthropic")


def _peer(module: str) -> Providers:
    providers = Providers()
    import_module(module).AnthropicInstrumentor().instrument()
    return providers


def _logfire() -> Providers:
    logfire = import_module("logfire")
    providers = Providers(standing_by=True)  # Logfire makes the providers; ours hang into them
    logfire.configure(
        send_to_logfire=False,
        console=False,
        inspect_arguments=False,
        additional_span_processors=[providers.processor],
        metrics=logfire.MetricsOptions(additional_readers=[providers.reader]),
    )
    logfire.instrument_anthropic()
    return providers


@dataclass(frozen=True)
class Subject:
    """One thing that is measured.

    Attributes:
        name: short, for commands and JSON.
        title: for people.
        turn_on: run in the subject's process before the first call.
        distribution: the package that an environment of its own is made for; None runs in the
            environment of the benchmark.
        environ: what its process has in its environment.
        claude: whether it is a mode of otel-claude.
        enable: the program that turns it on where no providers are set up, to time it; empty
            where that is not measured.
    """

    name: str
    title: str
    turn_on: Callable[[], Any]
    distribution: str | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    claude: bool = False
    enable: str = ""


PLAIN: Final = Subject("plain", "plain SDK", _plain, environ=_NATIVE_OFF)
BY_HAND: Final = Subject(
    "by-hand", "the same span and points, by hand", _by_hand, environ=_NATIVE_OFF
)
DEFAULT: Final = Subject(
    "otel-claude",
    "otel-claude",
    lambda: _claude(),
    claude=True,
    enable="from otel_claude import ClaudeInstrumentor; ClaudeInstrumentor().instrument()",
)

SUBJECTS: Final = (
    PLAIN,
    Subject("native", "the SDK's own tracing", _native),
    Subject("native-no-sdk", "the SDK's own tracing, no OTel SDK set up", _plain),
    BY_HAND,
    DEFAULT,
    Subject(
        "otel-claude-content",
        "otel-claude, content on",
        _claude,
        environ={_CONTENT: "SPAN_ONLY"},
        claude=True,
    ),
    Subject(
        "otel-claude-strict",
        "otel-claude, strict",
        lambda: _claude(strict=True),
        claude=True,
    ),
    Subject(
        "otel-claude-adopt",
        "otel-claude, adopt",
        lambda: _claude(native="adopt"),
        claude=True,
    ),
    Subject(
        "otel-claude-unsampled",
        "otel-claude, sampled out",
        _unsampled,
        claude=True,
    ),
    Subject(
        "otel-claude-no-sdk",
        "otel-claude, no OTel SDK set up",
        lambda: _instrument(),
        environ=_NATIVE_OFF,
        claude=True,
    ),
    Subject(
        "genai",
        "OpenTelemetry GenAI",
        _genai,
        "opentelemetry-instrumentation-genai-anthropic",
        _NATIVE_OFF,
        enable="from opentelemetry.instrumentation.genai.anthropic import AnthropicInstrumentor"
        "; AnthropicInstrumentor().instrument()",
    ),
    Subject(
        "traceloop",
        "Traceloop",
        _traceloop,
        "opentelemetry-instrumentation-anthropic",
        {**_NATIVE_OFF, "TRACELOOP_TRACE_CONTENT": "false"},
        enable="from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor"
        "; AnthropicInstrumentor().instrument()",
    ),
    Subject(
        "openinference",
        "OpenInference",
        _openinference,
        "openinference-instrumentation-anthropic",
        {
            **_NATIVE_OFF,
            "OPENINFERENCE_HIDE_INPUTS": "true",
            "OPENINFERENCE_HIDE_OUTPUTS": "true",
        },
        enable="from openinference.instrumentation.anthropic import AnthropicInstrumentor"
        "; AnthropicInstrumentor().instrument()",
    ),
    Subject(
        "logfire",
        "Logfire",
        _logfire,
        "logfire",
        _NATIVE_OFF,
        enable="import logfire; logfire.configure(send_to_logfire=False, console=False)"
        "; logfire.instrument_anthropic()",
    ),
)

BY_NAME: Final = {subject.name: subject for subject in SUBJECTS}


def environment_of(subject: Subject) -> dict[str, str]:
    """The environment variables of a subject's process: the parent's without any of telemetry."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OTEL_", "ANTHROPIC_", "TRACELOOP_", "OPENINFERENCE_", "LOGFIRE_"))
    }
    return {**kept, **subject.environ, "PYTHONHASHSEED": "0"}
