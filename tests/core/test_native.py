"""One span per call, whoever makes it: `replace` and `adopt`, and what a client was told."""

from __future__ import annotations

import asyncio

import anthropic
import pytest
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, use_span

from otel_claude import ClaudeInstrumentor, attribution, semconv
from tests.conftest import Telemetry

pytestmark = pytest.mark.skipif(
    not hasattr(anthropic._base_client.BaseClient, "open_telemetry"),
    reason="this SDK makes no spans of its own",
)

NATIVE = "com.anthropic.sdk.python"


@pytest.fixture
def traced(telemetry, api):
    """A client whose SDK makes its own spans, into the same exporter."""
    with anthropic.Anthropic(
        api_key="k", base_url=api.url, open_telemetry={"tracer_provider": telemetry.tracers}
    ) as client:
        yield client


def scopes(telemetry: Telemetry) -> list[str]:
    return [str(getattr(s.instrumentation_scope, "name", None)) for s in telemetry.spans]


def test_without_us_the_sdk_makes_its_span(telemetry, traced, ask):
    traced.messages.create(**ask())
    assert scopes(telemetry) == [NATIVE]


def test_replace_leaves_one_span_ours(telemetry, traced, api, ask):
    telemetry.instrument()
    traced.messages.create(**ask())
    for _ in traced.messages.create(**ask(), stream=True):
        pass
    assert scopes(telemetry) == [semconv.SCOPE] * 2
    for span, request in zip(telemetry.spans, api.requests, strict=True):
        assert request.headers["traceparent"].split("-")[2] == f"{span.context.span_id:016x}"


def test_adopt_leaves_one_span_the_sdks_with_our_attributes(telemetry, traced, api, ask):
    telemetry.instrument(native="adopt")
    with attribution(feature="search"):
        message = traced.messages.create(**ask())
        with traced.messages.stream(**ask()) as stream:
            final = stream.get_final_message()
    assert scopes(telemetry) == [NATIVE] * 2
    for span, answer in zip(telemetry.spans, (message, final), strict=True):
        said = span.attributes
        assert span.name == "anthropic.messages.create"
        assert span.status.status_code is StatusCode.OK, "its status stays its own"
        assert said[semconv.COST_TOTAL] > 0
        assert said[semconv.RESPONSE_FINISH_REASONS] == ("stop",)
        assert said[semconv.USAGE_OUTPUT_TOKENS] == answer.usage.output_tokens
        assert said[semconv.FEATURE] == "search"
        assert semconv.COST_INCOMPLETE not in said
    assert telemetry.total(semconv.M_REQUESTS, claude__outcome="completed") == 2
    (point,) = telemetry.metrics()[semconv.M_FIRST_CHUNK]
    assert point.count == 1


def test_adopt_reads_an_answer_once_and_counts_what_the_span_says(telemetry, traced, ask):
    telemetry.instrument(native="adopt")
    asked = ask("fallback=claude-opus-4-8,category=cyber", model="claude-fable-5")
    traced.beta.messages.create(**asked)
    assert telemetry.attributes[semconv.COST_TOTAL] == pytest.approx(
        telemetry.total(semconv.M_COST), abs=1e-12
    ), "the hop that declined is free"


def test_adopt_fills_in_failures_and_early_ends(telemetry, traced, ask):
    telemetry.instrument(native="adopt")
    with pytest.raises(anthropic.BadRequestError):
        traced.messages.create(**ask("status=400"))
    with traced.messages.create(**ask(), stream=True) as stream:
        next(stream)
    failed, left = telemetry.spans
    assert failed.attributes[semconv.ERROR_CATEGORY] == "invalid_request"
    assert left.attributes[semconv.OUTCOME] == "abandoned"
    assert scopes(telemetry) == [NATIVE] * 2
    assert telemetry.total(semconv.M_REQUESTS) == 2


def test_adopt_async(telemetry, api, ask):
    telemetry.instrument(native="adopt")

    async def run() -> None:
        async with anthropic.AsyncAnthropic(
            api_key="k", base_url=api.url, open_telemetry={"tracer_provider": telemetry.tracers}
        ) as client:
            await client.messages.create(**ask())
            async with client.messages.stream(**ask()) as stream:
                await stream.get_final_message()
            with pytest.raises(anthropic.BadRequestError):
                await client.messages.create(**ask("status=400"))

    asyncio.run(run())
    assert scopes(telemetry) == [NATIVE] * 3
    assert all(semconv.OUTCOME in (span.attributes or {}) for span in telemetry.spans)


def test_adopt_makes_our_span_where_the_sdk_makes_none(telemetry, api, ask):
    telemetry.instrument(native="adopt")
    with anthropic.Anthropic(api_key="k", base_url=api.url, open_telemetry=False) as client:
        client.messages.create(**ask())
    assert scopes(telemetry) == [semconv.SCOPE]


def test_strict_implies_replace(telemetry, traced, ask):
    telemetry.instrument(native="adopt", strict=True)
    traced.messages.create(**ask())
    assert scopes(telemetry) == [semconv.SCOPE]


def test_tracing_off_on_a_client_stops_only_the_sdks_span(telemetry, api, ask):
    telemetry.instrument()
    with anthropic.Anthropic(api_key="k", base_url=api.url, open_telemetry=False) as client:
        client.messages.create(**ask())
    assert scopes(telemetry) == [semconv.SCOPE]


def test_a_clients_provider_propagation_and_conversation_apply_to_our_span(telemetry, api, ask):
    other = Telemetry()
    telemetry.instrument()
    with anthropic.Anthropic(
        api_key="k",
        base_url=api.url,
        open_telemetry={
            "tracer_provider": other.tracers,
            "propagation": False,
            "conversation_id": "conv-1",
        },
    ) as client:
        client.messages.create(**ask())
    assert telemetry.spans == []
    assert other.attributes[semconv.CONVERSATION_ID] == "conv-1"
    assert scopes(other) == [semconv.SCOPE]
    assert "traceparent" not in api.requests[0].headers


def test_where_nobody_listens_the_sdk_prepares_no_span_that_would_be_nothing(
    monkeypatch, client, api, ask
):
    prepared = []

    def spy(cast_to, options, **kwargs):
        prepared.append(options.span_name)
        return send(cast_to, options, **kwargs)

    send = client._request
    monkeypatch.setattr(client, "_request", spy)
    ClaudeInstrumentor().instrument()  # no provider anywhere
    try:
        client.messages.create(**ask())
        with use_span(NonRecordingSpan(SpanContext(1, 2, is_remote=True))):
            client.messages.create(**ask())
    finally:
        ClaudeInstrumentor().uninstrument()
    idle, passing_on = prepared
    assert idle is None
    assert passing_on is not None
    first, second = (request.headers.get("traceparent") for request in api.requests)
    assert first is None
    assert second.split("-")[1:3] == [f"{1:032x}", f"{2:016x}"]


def test_a_clients_own_provider_stands_where_nobody_else_listens(telemetry, traced, ask):
    ClaudeInstrumentor().instrument()
    traced.messages.create(**ask())
    assert scopes(telemetry) == [NATIVE]
