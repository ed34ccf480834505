"""The floor: what the OpenTelemetry SDK's own primitives cost, and `pricing.cost` beside them."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

AT_START: Final[dict[str, Any]] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-sonnet-5",
    "server.address": "api.anthropic.com",
    "server.port": 443,
}
AT_END: Final[dict[str, Any]] = {
    f"gen_ai.benchmark.attribute_{n}": (n, f"value {n}", n / 7)[n % 3] for n in range(35)
}
LABELS: Final = {**AT_START, "gen_ai.response.model": "claude-sonnet-5"}
_USAGE: Final = {
    "input_tokens": 1200,
    "cache_creation_input_tokens": 300,
    "cache_read_input_tokens": 4000,
    "cache_creation": {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 350,
    "service_tier": "standard",
}

TITLES: Final = {
    "span": "span with 40 attributes, 5 at start and 35 in one call",
    "span_bare": "span without attributes",
    "histogram": "histogram.record, 6 labels",
    "histogram_exemplar": "histogram.record, 6 labels, in the context of a sampled span",
    "counter": "counter.add, 6 labels",
    "cost": "otel_claude.pricing.cost of a call with cache reads and writes",
}


class Floor:
    """Loops over one primitive each, on the providers that the process has."""

    def __init__(self) -> None:
        from opentelemetry import metrics, trace

        from otel_claude.call.usage import Usage
        from otel_claude.pricing import cost

        tracer = trace.get_tracer("benchmarks")
        meter = metrics.get_meter("benchmarks")
        histogram = meter.create_histogram("benchmarks.histogram", unit="s")
        counter = meter.create_counter("benchmarks.counter")
        kind = trace.SpanKind.CLIENT
        inside = trace.set_span_in_context(tracer.start_span("open", kind=kind))
        usage = Usage()
        usage.read(_USAGE)

        def span() -> None:
            made = tracer.start_span("chat claude", kind=kind, attributes=AT_START)
            made.set_attributes(AT_END)
            made.end()

        self._primitives: dict[str, Callable[[], object]] = {
            "span": span,
            "span_bare": lambda: tracer.start_span("chat claude", kind=kind).end(),
            "histogram": lambda: histogram.record(0.5, LABELS),
            "histogram_exemplar": lambda: histogram.record(0.5, LABELS, inside),
            "counter": lambda: counter.add(5, LABELS),
            "cost": lambda: cost(usage, "claude-sonnet-5", at=1.79e9),
        }

    def run(self, times: int) -> dict[str, float]:
        """CPU seconds of `times` of each, by the name of the primitive."""
        found = {}
        for name, primitive in self._primitives.items():
            gc.collect()
            before = time.process_time()
            for _ in range(times):
                primitive()
            found[name] = (time.process_time() - before) / times
        return found
