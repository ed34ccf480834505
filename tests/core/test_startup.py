"""Enabling imports what every call needs, nothing else; what only some calls need comes with them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# What is imported in any instrumented program, so that the rest is ours.
_PROGRAM = """
import json, sys
import anthropic, wrapt, opentelemetry.metrics, opentelemetry.trace
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
tracers, meters = TracerProvider(), MeterProvider([reader])
tracers.add_span_processor(SimpleSpanProcessor(spans))
opentelemetry.trace.set_tracer_provider(tracers)
opentelemetry.metrics.set_meter_provider(meters)
known, found = set(sys.modules), []
def note():
    found.append(sorted(set(sys.modules) - known))
    known.update(sys.modules)
from otel_claude import ClaudeInstrumentor
note()
ClaudeInstrumentor().instrument(**json.loads(sys.argv[2]))
note()
client = anthropic.Anthropic(api_key="k", base_url=sys.argv[1], max_retries=0)
ask = {"model": "claude-sonnet-5", "max_tokens": 16}
ask["messages"] = [{"role": "user", "content": "hi"}]
exec(sys.argv[3])
note()
reader.get_metrics_data()
print(json.dumps([found, len(spans.get_finished_spans())]))
"""

_IMPORTED = {
    "otel_claude",
    "otel_claude._sigterm",
    "otel_claude.instrumentor",
    "otel_claude.settings",
}
_ENABLED = {
    "otel_claude._attribution",
    "otel_claude._characters",
    "otel_claude._faults",
    "otel_claude._sources",
    "otel_claude.call",
    "otel_claude.call.call",
    "otel_claude.call.fork",
    "otel_claude.call.garbage",
    "otel_claude.call.usage",
    "otel_claude.capture",
    "otel_claude.capture.endpoint",
    "otel_claude.capture.native",
    "otel_claude.capture.patch",
    "otel_claude.capture.request",
    "otel_claude.capture.response",
    "otel_claude.capture.seams",
    "otel_claude.capture.watch",
    "otel_claude.emit",
    "otel_claude.emit.bill",
    "otel_claude.emit.counters",
    "otel_claude.emit.instruments",
    "otel_claude.emit.labels",
    "otel_claude.emit.limits",
    "otel_claude.emit.metrics",
    "otel_claude.emit.notice",
    "otel_claude.emit.recorder",
    "otel_claude.emit.spans",
    "otel_claude.emit.sums",
    "otel_claude.emit.words",
    "otel_claude.pricing",
    "otel_claude.pricing.book",
    "otel_claude.pricing.cost",
    "otel_claude.pricing.models",
    "otel_claude.pricing.plans",
    "otel_claude.pricing.prices",
    "otel_claude.pricing.reasons",
    "otel_claude.pricing.result",
    "otel_claude.semconv",
}
_NOT_OURS = {"gc"}
"""Built into Python, so as good as imported."""


def modules(
    api, code: str = "client.messages.create(**ask)", **options: object
) -> tuple[set[str], set[str], set[str]]:
    """What importing, enabling and `code` import in a fresh process; it makes one call."""
    command = [sys.executable, "-c", _PROGRAM, api.url, json.dumps(options), code]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    (imported, enabled, called), spans = json.loads(run.stdout)
    assert spans == 1
    return set(imported), set(enabled), set(called)


def ours(names: set[str]) -> set[str]:
    return {name for name in names if name.partition(".")[0] == "otel_claude"}


def test_enabling_imports_what_every_call_needs_and_a_plain_call_no_more(api):
    imported, enabled, called = modules(api)
    assert imported == _IMPORTED
    assert enabled - _NOT_OURS == _ENABLED
    assert ours(called) == set()


@pytest.mark.parametrize(
    ("code", "more"),
    [
        (
            "list(client.messages.create(**ask, stream=True))",
            {"otel_claude.capture.stream", "otel_claude.capture.tee"},
        ),
        (
            "try: client.messages.create(**{**ask, 'max_tokens': -1})\n"
            "except anthropic.BadRequestError: pass",
            {"otel_claude.call.errors", "otel_claude.capture.failure"},
        ),
    ],
    ids=["stream", "failure"],
)
def test_what_only_some_calls_need_comes_with_the_first_of_them(api, code, more):
    imported, enabled, called = modules(api, code)
    assert (imported, enabled - _NOT_OURS) == (_IMPORTED, _ENABLED)
    assert ours(called) >= more


def test_options_import_what_they_need_when_they_are_enabled(api):
    _, enabled, called = modules(
        api, log_calls=True, summary=True, hash_key="0123456789abcdef", baggage_keys="tenant"
    )
    assert ours(enabled) - _ENABLED == {
        "otel_claude._baggage",
        "otel_claude._pseudonym",
        "otel_claude.emit.lines",
        "otel_claude.emit.recent",
    }
    assert ours(called) == set()
