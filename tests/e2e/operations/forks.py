"""A server that forks its workers, each of which sets OpenTelemetry up for itself, as documented.

python forks.py WORKERS
"""

from __future__ import annotations

import os
import sys

import anthropic
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from otel_claude import ClaudeInstrumentor


def worker(number: int) -> None:
    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    provider = MeterProvider([reader], Resource.create())
    ClaudeInstrumentor().instrument(meter_provider=provider)
    with anthropic.Anthropic(max_retries=0) as client:
        for _ in range(number + 2):
            client.messages.create(
                model="claude-haiku-4-5",
                max_tokens=500,
                messages=[{"role": "user", "content": "Hello"}],
            )
    provider.shutdown()


def main() -> None:
    children = []
    for number in range(int(sys.argv[1])):
        child = os.fork()
        if not child:
            worker(number)
            os._exit(0)
        children.append(child)
    for child in children:
        _, status = os.waitpid(child, 0)
        assert status == 0


if __name__ == "__main__":
    main()
