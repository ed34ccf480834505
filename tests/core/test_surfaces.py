"""Tool runners, batches, managed agents, legacy completions: what is around plain calls."""

from __future__ import annotations

import asyncio
import logging
from decimal import Decimal
from typing import Any

import anthropic
import pytest
from anthropic import beta_async_tool, beta_tool
from opentelemetry.trace import SpanKind, StatusCode

from otel_claude import pricing, semconv
from otel_claude.call.batch import Seen

QUESTION: Any = {
    "model": "claude-haiku-4-5",
    "max_tokens": 200,
    "messages": [{"role": "user", "content": "What is the weather?"}],
}


@beta_tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"sunny in {city}"


@beta_tool
def broken(city: str) -> str:
    """A tool that fails."""
    raise ValueError(city)


@beta_async_tool
async def weather_later(city: str) -> str:
    """The weather of a city, later."""
    await asyncio.sleep(0)
    return f"sunny in {city}"


def untraced(api: Any, kind: Any = anthropic.Anthropic) -> Any:
    return kind(api_key="k", base_url=api.url, open_telemetry=False)


def by_name(telemetry: Any) -> dict[str, Any]:
    return {span.name: span for span in telemetry.spans}


def parents(telemetry: Any) -> dict[str, str | None]:
    names = {span.context.span_id: span.name for span in telemetry.spans}
    return {s.name: names.get(s.parent.span_id) if s.parent else None for s in telemetry.spans}


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_runner_is_one_agent_span_with_calls_and_tools_below(telemetry, api, stream):
    telemetry.instrument(semconv="both")
    with untraced(api) as client:
        runner = client.beta.messages.tool_runner(**QUESTION, tools=[weather], stream=stream)
        for item in runner:
            if stream:
                item.until_done()
    assert parents(telemetry) == {
        "invoke_agent": None,
        "chat claude-haiku-4-5": "invoke_agent",
        "execute_tool weather": "invoke_agent",
    }
    spans = by_name(telemetry)
    agent, tool = spans["invoke_agent"], spans["execute_tool weather"]
    assert agent.kind is tool.kind is SpanKind.INTERNAL
    calls = [span for span in telemetry.spans if span.name.startswith("chat")]
    assert len(calls) == 2
    assert agent.attributes[semconv.USAGE_INPUT_TOKENS] == sum(
        span.attributes[semconv.USAGE_INPUT_TOKENS] for span in calls
    )
    assert tool.attributes[semconv.TOOL_CALL_ID].startswith("toolu_")
    assert telemetry.total(semconv.M_REQUESTS) == 2
    metrics = telemetry.metrics()
    assert metrics[semconv.M_AGENT_CALLS][0].sum == 2
    assert metrics[semconv.M_AGENT_TOOLS][0].sum == 1


def test_a_tool_that_raises_is_an_error_and_the_loop_is_not(telemetry, api, caplog):
    telemetry.instrument()
    caplog.set_level(logging.CRITICAL, logger="anthropic")
    with untraced(api) as client:
        assert client.beta.messages.tool_runner(**QUESTION, tools=[broken]).until_done()
    spans = by_name(telemetry)
    assert spans["execute_tool broken"].status.status_code is StatusCode.ERROR
    assert spans["execute_tool broken"].attributes[semconv.ERROR_TYPE] == "ValueError"
    assert spans["invoke_agent"].status.status_code is StatusCode.UNSET


def test_an_asynchronous_tool_runner(telemetry, api):
    telemetry.instrument()

    async def run() -> None:
        async with untraced(api, anthropic.AsyncAnthropic) as client:
            await client.beta.messages.tool_runner(**QUESTION, tools=[weather_later]).until_done()

    asyncio.run(run())
    assert parents(telemetry)["execute_tool weather_later"] == "invoke_agent"


def test_the_applications_code_between_turns_keeps_its_own_context(telemetry, api):
    from opentelemetry import trace

    telemetry.instrument()
    with untraced(api) as client:
        for _ in client.beta.messages.tool_runner(**QUESTION, tools=[weather]):
            assert not trace.get_current_span().get_span_context().is_valid
            client.messages.count_tokens(model="claude-haiku-4-5", messages=QUESTION["messages"])
            break
    assert parents(telemetry)["count_tokens claude-haiku-4-5"] is None


def test_the_sdks_own_runner_spans_stand_and_ours_hang_below(telemetry, api):
    telemetry.instrument()
    with anthropic.Anthropic(
        api_key="k", base_url=api.url, open_telemetry={"tracer_provider": telemetry.tracers}
    ) as client:
        client.beta.messages.tool_runner(**QUESTION, tools=[weather]).until_done()
    found = parents(telemetry)
    assert found["chat claude-haiku-4-5"] == "anthropic.messages.tool_runner"
    assert "invoke_agent" not in found
    assert "anthropic.custom_tool_use weather" in found


def ended_batch(client: Any, size: int = 3) -> str:
    batch = client.messages.batches.create(
        requests=[{"custom_id": f"item-{n}", "params": QUESTION} for n in range(size)]
        + [{"custom_id": "x-errored", "params": QUESTION}]
    )
    while client.messages.batches.retrieve(batch.id).processing_status != "ended":
        pass
    return str(batch.id)


def test_batch_results_are_counted_once_however_often_they_are_read(watched, api, client):
    batch_id = ended_batch(client)
    for _ in range(3):
        assert len(list(client.messages.batches.results(batch_id))) == 4
    created, first, *again = [span for span in watched.spans if span.name == "batch"]
    assert created.attributes[semconv.BATCH_REQUESTS] == 4
    assert created.attributes[semconv.BATCH_ID] == batch_id
    assert first.attributes[semconv.BATCH_COUNTED] == 3
    assert [span.attributes[semconv.BATCH_COUNTED] for span in again] == [0, 0]
    served = api.ledger.billed()
    assert watched.total(semconv.M_TOKENS, claude__token__type="output") == sum(
        entry.usage["output_tokens"] for entry in served
    )
    costs = [pricing.cost(entry.usage, entry.model, batch=True) for entry in served]
    expected = sum((c.total for c in costs if isinstance(c, pricing.Cost)), start=Decimal(0))
    assert watched.total(semconv.M_COST) == pytest.approx(float(expected), abs=1e-12)
    assert first.attributes[semconv.COST_TOTAL] == pytest.approx(float(expected), abs=1e-12)
    assert watched.total(semconv.M_REQUESTS, gen_ai__operation__name="batch") == 4


def test_batch_results_asynchronously_and_left_half_way(watched, api, client):
    batch_id = ended_batch(client)

    async def run() -> None:
        async with anthropic.AsyncAnthropic(api_key="k", base_url=api.url) as later:
            async for _ in await later.messages.batches.results(batch_id):
                break

    asyncio.run(run())
    import gc

    gc.collect()
    assert watched.spans[-1].attributes[semconv.BATCH_RESULTS] == 1


def test_the_memory_of_counted_results_is_bounded():
    seen = Seen(kept=10)
    for batch in range(10):
        for item in range(5):
            assert seen.is_new(f"b{batch}", f"i{item}")
    assert not seen.is_new("b9", "i0")
    assert seen.is_new("b0", "i0"), "the oldest batches are forgotten"


SESSION: Any = {
    "id": "sesn_1",
    "type": "session",
    "usage": {
        "input_tokens": 100,
        "output_tokens": 20,
        "cache_read_input_tokens": 7,
        "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 0},
        "list_cost": {"amount": "12.5", "currency": "USD"},
    },
}


def test_session_usage_is_what_is_new_never_added_twice(watched, monkeypatch):
    import httpx2

    from otel_claude.call.session import Sessions
    from otel_claude.capture import sessions

    monkeypatch.setattr(sessions, "_sessions", Sessions())
    answers = [SESSION, SESSION, {**SESSION, "usage": {**SESSION["usage"], "input_tokens": 150}}]

    def answer(_: Any) -> Any:
        return httpx2.Response(200, json=answers.pop(0))

    transport = httpx2.MockTransport(answer)
    client = anthropic.Anthropic(
        api_key="k", base_url="http://test", http_client=httpx2.Client(transport=transport)
    )
    for _ in range(3):
        client.beta.sessions.retrieve("sesn_1")
    assert watched.total(semconv.M_SESSION_TOKENS, claude__token__type="input") == 150
    assert watched.total(semconv.M_SESSION_TOKENS, claude__token__type="cache_write_5m") == 3
    assert watched.total(semconv.M_SESSION_COST) == pytest.approx(0.125)
    assert watched.spans == []


def answer_by_model(request: Any) -> Any:
    import json

    import httpx2

    model = json.loads(request.content)["model"]
    refused = model == "claude-fable-5-2"
    message: dict[str, Any] = {
        "id": f"msg_{model}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [] if refused else [{"type": "text", "text": "yes"}],
        "stop_reason": "refusal" if refused else "end_turn",
        "stop_details": {"type": "refusal", "category": "bio"} if refused else None,
        "usage": {"input_tokens": 1000, "output_tokens": 0 if refused else 500},
    }
    return httpx2.Response(200, json=message)


def test_both_hops_of_a_client_side_fallback_are_billed(watched):
    import httpx2

    middleware = anthropic.BetaRefusalFallbackMiddleware([{"model": "claude-opus-5-5"}])
    client = anthropic.Anthropic(
        api_key="k",
        base_url="http://test",
        middleware=[middleware],
        http_client=httpx2.Client(transport=httpx2.MockTransport(answer_by_model)),
    )
    asked: Any = {**QUESTION, "model": "claude-fable-5-2"}
    assert client.beta.messages.create(**asked).model == "claude-opus-5-5"
    (span,) = [span for span in watched.spans if span.name.startswith("chat")]
    assert span.attributes[semconv.USAGE_INPUT_TOKENS] == 2000
    # 1,000 refused prompt tokens (category bio is billed) at 8, then 1,000 at 4 and 500 at 20.
    assert span.attributes[semconv.COST_TOTAL] == pytest.approx(0.008 + 0.004 + 0.01, abs=1e-12)
    (declined,) = [
        point.value
        for point in watched.metrics()[semconv.M_COST]
        if point.attributes[semconv.RESPONSE_MODEL] == "claude-fable-5-2"
        and point.attributes[semconv.COST_COMPONENT] == "input"
    ]
    assert declined == pytest.approx(0.008, abs=1e-12)


def test_another_active_instrumentation_is_named_once(telemetry, client, ask, caplog):
    from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined] # skipped
        BaseInstrumentor,
    )

    class OtherInstrumentor(BaseInstrumentor):  # type: ignore[misc] # skipped by type checkers
        def instrumentation_dependencies(self):
            return ["anthropic >= 0.3"]

        def _uninstrument(self, **_: Any) -> None:
            pass

    telemetry.instrument()
    OtherInstrumentor().instrument(skip_dep_check=True)  # entry points load in any order
    try:
        for _ in range(2):
            client.messages.create(**ask())
    finally:
        OtherInstrumentor().uninstrument()
        OtherInstrumentor._instance = None
    (line,) = [r.getMessage() for r in caplog.records if r.name == "otel_claude"]
    assert "OtherInstrumentor" in line
    assert "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS" in line
