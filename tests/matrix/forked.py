"""Forks after `instrument()`, as gunicorn does, and prints what parent and child recorded.

python -m tests.matrix.forked
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from typing import Any

import anthropic
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_claude import ClaudeInstrumentor, semconv
from otel_claude.testing import Emulator
from tests.matrix.load import ASK

spans, reader = InMemorySpanExporter(), InMemoryMetricReader()


def _client(url: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="k", base_url=url)


def _recorded() -> dict[str, Any]:
    data = reader.get_metrics_data()
    totals: dict[str, float] = {}
    for resource in data.resource_metrics if data else []:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    value = point.value if hasattr(point, "value") else point.count
                    totals[metric.name] = totals.get(metric.name, 0) + value
    return {
        "spans": [span.attributes[semconv.OUTCOME] for span in spans.get_finished_spans()],  # type: ignore[index] # ours have attributes
        "requests": totals.get(semconv.M_REQUESTS, 0),
        "durations": totals.get(semconv.M_DURATION, 0),
        "tokens": totals.get(semconv.M_TOKENS, 0),
        "active": totals.get(semconv.M_ACTIVE, 0),
        "faults": totals.get(semconv.M_FAULTS, 0),
    }


def main() -> None:
    """Three calls and an open stream before the fork; two calls in the child; one after it."""
    # A process with threads, the emulator's, is forked on purpose.
    warnings.simplefilter("ignore", DeprecationWarning)
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    ClaudeInstrumentor().instrument(tracer_provider=tracers, meter_provider=MeterProvider([reader]))
    with Emulator() as api:
        client = _client(api.url)
        for _ in range(3):
            client.messages.create(**ASK)
        opened = client.messages.create(**ASK, stream=True)
        next(opened)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            spans.clear()
            own = _client(api.url)
            for _ in range(2):
                own.messages.create(**ASK)
            # The parent's stream dies here too, as it does when a worker ends.
            opened.__dict__.clear()
            del opened
            os.write(writing, json.dumps(_recorded()).encode())
            os._exit(0)
        os.waitpid(child, 0)
        of_child = json.loads(os.read(reading, 65536))
        for _ in opened:
            pass
        client.messages.create(**ASK)
        json.dump({"parent": _recorded(), "child": of_child}, sys.stdout)


if __name__ == "__main__":
    main()
