"""The real OpenTelemetry SDK with the real OTLP/HTTP exporter, as an application has it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

if TYPE_CHECKING:
    from collections.abc import Iterator

_EVERY = 2_000  # milliseconds between metric exports: short, so that several add up
_QUEUE = 65_536  # spans; the default of 2,048 may overflow where calls take no time


@dataclass(frozen=True)
class Pipeline:
    """The three providers. They are passed on explicitly: the global ones can be set only once."""

    tracer_provider: TracerProvider
    meter_provider: MeterProvider
    logger_provider: LoggerProvider

    def shutdown(self) -> None:
        """Send all that is left, and stop."""
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()
        self.logger_provider.shutdown()


def start(url: str) -> Pipeline:
    """Providers that export to an OTLP/HTTP receiver.

    Args:
        url: base address of the receiver.
    """
    resource = Resource.create({"service.name": "otel-claude-demo"})
    tracers = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
    spans = OTLPSpanExporter(endpoint=f"{url}/v1/traces", session=_session())
    tracers.add_span_processor(BatchSpanProcessor(spans, max_queue_size=_QUEUE))
    metrics = OTLPMetricExporter(endpoint=f"{url}/v1/metrics", session=_session())
    reader = PeriodicExportingMetricReader(metrics, export_interval_millis=_EVERY)
    meters = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    loggers = LoggerProvider(resource=resource, shutdown_on_exit=False)
    logs = OTLPLogExporter(endpoint=f"{url}/v1/logs", session=_session())
    loggers.add_log_record_processor(BatchLogRecordProcessor(logs))
    return Pipeline(tracers, meters, loggers)


def _session() -> requests.Session:
    """A connection pool for one exporter, past any proxy: that does not know our loopback."""
    session = requests.Session()
    session.trust_env = False
    return session


@contextmanager
def closed_world(*, offline: bool) -> Iterator[None]:
    """Hide variables of the environment that would change what is shown; they come back after.

    Samplers and limits (`OTEL_*`) and our own settings (`OTEL_CLAUDE_*`) always.

    Args:
        offline: also the settings and credentials of the Anthropic SDK, and any proxy, which does
            not know our loopback.
    """
    before = dict(os.environ)
    hidden = ("OTEL_", "ANTHROPIC_") if offline else ("OTEL_",)
    for name in before:
        if name.startswith(hidden):
            del os.environ[name]
    if offline:
        os.environ["no_proxy"] = os.environ["NO_PROXY"] = "*"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
