# It runs under six versions of the SDK, whose types differ.
# mypy: ignore-errors
"""What is around plain calls, under whichever SDK this runs with: prints one JSON object.

Run by `test_surfaces.py` in the environment of each SDK version.
"""

import asyncio
import json
import logging
import warnings

import anthropic
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_claude import ClaudeInstrumentor, _faults
from otel_claude.testing import Emulator

logging.getLogger("anthropic").setLevel(logging.CRITICAL)
warnings.simplefilter("ignore")

exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
tracers = TracerProvider()
tracers.add_span_processor(SimpleSpanProcessor(exporter))
meters = MeterProvider([reader])
ClaudeInstrumentor().instrument(tracer_provider=tracers, meter_provider=meters)

QUESTION = {
    "model": "claude-haiku-4-5",
    "max_tokens": 200,
    "messages": [{"role": "user", "content": "What is the weather?"}],
}
TRACED = hasattr(anthropic._base_client.BaseClient, "open_telemetry")
found = {"sdk": anthropic.__version__, "traced": TRACED}


def tree() -> list:
    """(span, parent, status, error type) of every span, and forget them."""
    spans = exporter.get_finished_spans()
    names = {span.context.span_id: span.name for span in spans}
    exporter.clear()
    return sorted(
        [
            span.name,
            names.get(span.parent.span_id, "") if span.parent else "",
            span.status.status_code.name,
            span.attributes.get("error.type", ""),
        ]
        for span in spans
    )


def runners(api: Emulator) -> None:
    from anthropic import beta_async_tool, beta_tool

    @beta_tool
    def weather(city: str) -> str:
        """The weather of a city."""
        return city

    @beta_tool
    def broken(city: str) -> str:
        """A tool that fails."""
        raise ValueError(city)

    @beta_async_tool
    async def later(city: str) -> str:
        """The weather of a city."""
        return city

    for off in (False, True) if TRACED else (False,):
        options = {"open_telemetry": False} if off else {}
        if TRACED and not off:
            options = {"open_telemetry": {"tracer_provider": tracers}}
        key = "native" if TRACED and not off else "own"
        client = anthropic.Anthropic(api_key="k", base_url=api.url, **options)
        client.beta.messages.tool_runner(**QUESTION, tools=[weather]).until_done()
        found[f"runner {key}"] = tree()
        for stream in client.beta.messages.tool_runner(**QUESTION, tools=[broken], stream=True):
            stream.until_done()
        found[f"streaming runner {key}"] = tree()
        client.close()

        async def run(options: dict = options) -> None:
            async with anthropic.AsyncAnthropic(
                api_key="k", base_url=api.url, **options
            ) as later_client:
                runner = later_client.beta.messages.tool_runner(**QUESTION, tools=[later])
                await runner.until_done()

        asyncio.run(run())
        found[f"async runner {key}"] = tree()


def batches(client: anthropic.Anthropic, api: Emulator) -> None:
    api.reset()
    batch = client.messages.batches.create(
        requests=[{"custom_id": f"i{n}", "params": QUESTION} for n in range(3)]
    )
    while client.messages.batches.retrieve(batch.id).processing_status != "ended":
        pass
    for _ in range(2):
        assert len(list(client.messages.batches.results(batch.id))) == 3
    spans = [s for s in exporter.get_finished_spans() if s.name == "batch"]
    exporter.clear()
    found["batch counted"] = [span.attributes.get("claude.batch.counted") for span in spans]
    found["batch tokens"] = [
        spans[1].attributes["gen_ai.usage.output_tokens"],
        sum(entry.usage["output_tokens"] for entry in api.ledger.billed()),
    ]


def completions(client: anthropic.Anthropic) -> None:
    asked = {
        "model": "claude-2.1",
        "max_tokens_to_sample": 20,
        "prompt": "\n\nHuman: Hello\n\nAssistant:",
    }
    client.completions.create(**asked)
    for _ in client.completions.create(**asked, stream=True):
        pass
    spans = exporter.get_finished_spans()
    exporter.clear()
    found["completions"] = [
        [s.name, s.attributes["claude.outcome"], s.attributes["claude.cost.unavailable_reason"]]
        for s in spans
    ]
    found["completions first token"] = (
        spans[1].attributes.get("gen_ai.response.time_to_first_chunk", 0) > 0
    )


with Emulator() as api:
    with anthropic.Anthropic(api_key="k", base_url=api.url) as client:
        batches(client, api)
        if hasattr(client, "completions"):
            completions(client)
    if hasattr(anthropic, "beta_tool"):
        runners(api)

points = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
found["active"] = sum(
    point.value
    for metric in points
    if metric.name == "claude.client.active_requests"
    for point in metric.data.data_points
)
found["faults"] = _faults.drain()
print(json.dumps(found))
