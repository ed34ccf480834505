"""A program with otel-claude in it: real providers, the real SDK, the emulated API."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import anthropic
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_claude import ClaudeInstrumentor

from .telemetry import Telemetry, read

if TYPE_CHECKING:
    from types import TracebackType

    from otel_claude.testing import Emulator

MODEL = "claude-sonnet-5-5"


class Program:
    """Instrumented between `with` and its end; its clients talk to the emulator.

    Args:
        api: the emulator.
        **settings: of `ClaudeInstrumentor.instrument`.
    """

    def __init__(self, api: Emulator, **settings: Any) -> None:
        self.api = api
        self._settings = settings
        self._spans = InMemorySpanExporter()
        self._tracers = TracerProvider(shutdown_on_exit=False)
        self._tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self._reader = InMemoryMetricReader()
        self._meters = MeterProvider([self._reader], shutdown_on_exit=False)
        self._logs = InMemoryLogRecordExporter()
        self._loggers = LoggerProvider(shutdown_on_exit=False)
        self._loggers.add_log_record_processor(SimpleLogRecordProcessor(self._logs))

    def __enter__(self) -> Program:  # noqa: PYI034 - typing.Self is 3.11
        """Instrument."""
        ClaudeInstrumentor().instrument(
            tracer_provider=self._tracers,
            meter_provider=self._meters,
            logger_provider=self._loggers,
            **self._settings,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Uninstrument."""
        ClaudeInstrumentor().uninstrument()
        for provider in (self._tracers, self._meters, self._loggers):
            provider.shutdown()

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"api_key": "any", "base_url": self.api.url, "max_retries": 0}
        # SDKs with their own tracing use the global provider otherwise, which is not ours to set.
        if "open_telemetry" in inspect.signature(anthropic.Anthropic.__init__).parameters:
            options["open_telemetry"] = {"tracer_provider": self._tracers}
        return options

    def client(self) -> anthropic.Anthropic:
        """A client."""
        return anthropic.Anthropic(**self._options())

    def async_client(self) -> anthropic.AsyncAnthropic:
        """The same for asyncio."""
        return anthropic.AsyncAnthropic(**self._options())

    def telemetry(self) -> Telemetry:
        """Everything that was emitted so far."""
        return read(
            self._spans.get_finished_spans(),
            self._reader.get_metrics_data(),
            self._logs.get_finished_logs(),
        )
