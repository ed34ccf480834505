"""Run under the launcher by the doctor: makes one call to the emulator, prints its spans."""

from __future__ import annotations

import json
from typing import Any, Final

from otel_claude import semconv

_MODEL: Final = "claude-sonnet-4-5"


def main() -> None:
    """Print one JSON line: whether an SDK is active, and the spans of one call."""
    import anthropic
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from otel_claude.testing import Emulator

    provider = trace.get_tracer_provider()
    spans = InMemorySpanExporter()
    if active := isinstance(provider, TracerProvider):
        provider.add_span_processor(SimpleSpanProcessor(spans))
    with Emulator() as api:
        client = anthropic.Anthropic(api_key="none", base_url=api.url, max_retries=0)
        client.messages.create(
            model=_MODEL, max_tokens=16, messages=[{"role": "user", "content": "How are you?"}]
        )
    rows = [_row(span) for span in spans.get_finished_spans()]
    print(json.dumps({"sdk": active, "spans": rows}), flush=True)  # noqa: T201 - its one answer


def _row(span: Any) -> dict[str, Any]:
    said = span.attributes or {}
    return {
        "scope": span.instrumentation_scope.name,
        "tokens": said.get(semconv.USAGE_OUTPUT_TOKENS),
        "cost": said.get(semconv.COST_TOTAL),
    }


if __name__ == "__main__":
    main()
