"""A call becomes one span and one set of metric points, with what the API said."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from otel_claude import attribution, semconv
from tests.conftest import Telemetry


def test_create_is_one_span_with_what_the_api_said(watched, api, client, ask):
    message = client.messages.create(**ask(stop_sequences=["END"], service_tier="auto"))

    span, said = watched.span, watched.attributes
    assert span.name == "chat claude-sonnet-5-5"
    assert span.kind is SpanKind.CLIENT
    assert span.status.status_code is StatusCode.UNSET
    assert said[semconv.RESPONSE_ID] == message.id
    assert said[semconv.REQUEST_ID] == message._request_id
    assert said[semconv.USAGE_INPUT_TOKENS] == message.usage.input_tokens
    assert said[semconv.USAGE_OUTPUT_TOKENS] == message.usage.output_tokens
    assert said[semconv.OUTCOME] == "completed"
    assert said[semconv.SERVER_PORT] == int(api.url.rsplit(":", 1)[1])
    assert said[semconv.HTTP_BODY_SIZE] == len(api.requests[0].body)
    assert "END" not in str(said), "stop sequences are content"


@pytest.mark.parametrize(
    ("how", "events"), [("raw", True), ("text_stream", True), ("final", True), ("until_done", True)]
)
def test_streams_have_first_token_however_they_are_read(watched, client, ask, how, events):
    if how == "raw":
        for _ in client.messages.create(**ask(), stream=True):
            pass
    else:
        with client.messages.stream(**ask()) as stream:
            if how == "text_stream":
                assert "".join(stream.text_stream)
            elif how == "final":
                stream.get_final_message()
            else:
                stream.until_done()
    said = watched.attributes
    assert said[semconv.OUTCOME] == "completed"
    assert 0 < said[semconv.TIME_TO_FIRST_EVENT] <= said[semconv.RESPONSE_TIME_TO_FIRST_CHUNK]
    assert said[semconv.STREAM_EVENTS] > 5
    assert said[semconv.REQUEST_STREAM] is True
    assert len(watched.metrics()[semconv.M_FIRST_CHUNK]) == 1


def test_an_interrupted_stream_never_reports_the_placeholder(watched, client, ask):
    with client.messages.create(**ask(), stream=True) as stream:
        next(stream)
    said = watched.attributes
    assert said[semconv.OUTCOME] == "abandoned"
    assert semconv.USAGE_OUTPUT_TOKENS not in said
    assert said[semconv.USAGE_INPUT_TOKENS] > 0
    assert "aborted_stream" in said[semconv.COST_INCOMPLETE]
    assert watched.span.status.status_code is StatusCode.UNSET
    assert watched.total(semconv.M_TOKENS, claude__token__type="output") == 0


@pytest.mark.parametrize(
    ("scenario", "error_type", "category", "status"),
    [
        ("status=400", "invalid_request_error", "invalid_request", 400),
        ("status=401", "authentication_error", "auth_error", 401),
        ("status=429", "rate_limit_error", "rate_limit", 429),
        ("status=529", "overloaded_error", "overloaded", 529),
        ("status=500", "api_error", "server_error", 500),
    ],
)
def test_errors_speak_the_apis_words(watched, client, ask, scenario, error_type, category, status):
    client = client.with_options(max_retries=0)
    with pytest.raises(anthropic.APIStatusError):
        client.messages.create(**ask(scenario))
    said = watched.attributes
    assert watched.span.status.status_code is StatusCode.ERROR
    assert watched.span.status.description is None, "messages are content"
    assert said[semconv.ERROR_TYPE] == error_type
    assert said[semconv.ERROR_CATEGORY] == category
    assert said[semconv.HTTP_STATUS] == status
    assert said[semconv.RESPONSE_FINISH_REASONS] == ("error",)
    assert semconv.COST_TOTAL not in said
    assert semconv.COST_UNAVAILABLE not in said, "an error is not an unpriced call"
    assert watched.total(semconv.M_REQUESTS, error__type=error_type, claude__outcome="failed") == 1
    (record,) = watched.log_exporter.get_finished_logs()
    assert record.log_record.event_name == semconv.EVENT_EXCEPTION
    assert record.log_record.attributes[semconv.EXCEPTION_TYPE].startswith("anthropic.")


@pytest.mark.parametrize(
    ("scenario", "outcome", "error_type"),
    [
        ("error=overloaded_error,after=4", "failed", "overloaded_error"),
        ("cut=5", "truncated", "api_error"),
        ("drop=5", "failed", "connection_error"),
    ],
)
def test_streams_that_go_wrong(watched, client, ask, scenario, outcome, error_type):
    raised = None
    try:
        for _ in client.messages.create(**ask(scenario), stream=True):
            pass
    except Exception as error:
        raised = error
    assert (raised is None) == (outcome == "truncated")
    said = watched.attributes
    assert said[semconv.OUTCOME] == outcome
    assert said[semconv.ERROR_TYPE] == error_type
    assert watched.span.status.status_code is StatusCode.ERROR


def test_retries_are_one_call_and_are_counted(watched, api, client, ask):
    client.messages.create(**ask("fail=2*529,retry-after-ms=1"))
    assert len(api.requests) == 3
    assert watched.attributes[semconv.RETRIES] == 2
    assert watched.total(semconv.M_RETRIES, error__type="overloaded_error") == 2
    assert watched.total(semconv.M_REQUESTS, claude__retried=True) == 1
    sent = {request.headers["traceparent"] for request in api.requests}
    assert len(sent) == 1, "all attempts belong to one span"


def test_a_parse_error_after_a_200_keeps_the_billed_tokens(watched, client, ask):
    from pydantic import BaseModel, ValidationError

    class Answer(BaseModel):
        number: int

    with pytest.raises(ValidationError):
        client.messages.parse(**ask("text=nonsense"), output_format=Answer)
    said = watched.attributes
    assert said[semconv.OUTCOME] == "failed"
    assert said[semconv.USAGE_OUTPUT_TOKENS] > 0
    assert said[semconv.COST_TOTAL] > 0


def test_the_traceparent_on_the_wire_is_that_of_the_one_span(watched, api, client, ask):
    client.messages.create(**ask())
    context = watched.span.context
    assert context is not None
    _, trace_id, span_id, _ = api.requests[0].headers["traceparent"].split("-")
    assert (int(trace_id, 16), int(span_id, 16)) == (context.trace_id, context.span_id)
    assert "baggage" not in api.requests[0].headers


def test_spans_have_the_right_parent_and_leak_no_context(watched, client, ask):
    tracer = watched.tracers.get_tracer("app")
    with tracer.start_as_current_span("work") as work:
        client.messages.create(**ask())
        assert trace.get_current_span() is work
        stream = client.messages.create(**ask(), stream=True)
        assert trace.get_current_span() is work
        for _ in stream:
            client.messages.create(**ask())
            break
        stream.close()
    calls = [span for span in watched.spans if span.name.startswith("chat")]
    assert len(calls) == 3
    assert {span.parent.span_id for span in calls} == {work.get_span_context().span_id}


def test_sampling_off_drops_spans_and_keeps_metrics(api, client, ask):
    from otel_claude import ClaudeInstrumentor

    telemetry = Telemetry(sampler=ALWAYS_OFF)
    telemetry.instrument()
    try:
        message = client.messages.create(**ask())
        for _ in client.messages.create(**ask(), stream=True):
            pass
    finally:
        ClaudeInstrumentor().uninstrument()
    assert telemetry.spans == []
    assert telemetry.total(semconv.M_REQUESTS) == 2
    assert telemetry.total(semconv.M_TOKENS, claude__token__type="output") == sum(
        entry.usage["output_tokens"] for entry in api.ledger
    )
    assert message.usage.output_tokens > 0


def test_suppression_records_nothing_and_drops_the_sdks_own_span(watched, api, ask):
    trace_options: Any = {"tracer_provider": watched.tracers}
    with anthropic.Anthropic(api_key="k", base_url=api.url, open_telemetry=trace_options) as client:
        with suppress_instrumentation():
            assert client.messages.create(**ask()).content
        assert watched.spans == []
        assert watched.metrics().get(semconv.M_REQUESTS) is None
        client.messages.create(**ask())
    assert [span.name for span in watched.spans] == ["chat claude-sonnet-5-5"]


def test_attribution_is_on_spans_and_on_metrics_by_allow_list(watched, client, ask):
    with (
        attribution(user="u1", feature="search", team="core"),
        attribution(session="s", plan="pro"),
    ):
        client.messages.create(**ask())
    said = watched.attributes
    assert said[semconv.USER_ID] == "u1"
    assert said[semconv.SESSION_ID] == said[semconv.CONVERSATION_ID] == "s"
    assert said[semconv.TAG_PREFIX + "plan"] == "pro"
    (point,) = watched.metrics()[semconv.M_REQUESTS]
    assert point.attributes[semconv.FEATURE] == "search"
    assert semconv.USER_ID not in point.attributes
    client.messages.create(**ask())
    assert semconv.USER_ID not in (watched.spans[-1].attributes or {}), "it ends with its block"


def test_async_calls_streams_and_cancellation(watched, api, ask):
    async def run() -> None:
        async with anthropic.AsyncAnthropic(api_key="k", base_url=api.url) as client:
            await client.messages.create(**ask())
            async with client.messages.stream(**ask()) as stream:
                assert [text async for text in stream.text_stream]
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.messages.create(**ask("late_headers=2")), 0.1)

    asyncio.run(run())
    outcomes = [span.attributes[semconv.OUTCOME] for span in watched.spans]
    assert outcomes == ["completed", "completed", "cancelled"]
    assert watched.spans[2].status.status_code is StatusCode.UNSET


def test_count_tokens_has_a_span_and_neither_tokens_nor_cost(watched, client):
    counted = client.messages.count_tokens(
        model="claude-haiku-4-5", messages=[{"role": "user", "content": "Hello"}]
    )
    assert watched.span.name == "count_tokens claude-haiku-4-5"
    assert watched.attributes[semconv.COUNTED_INPUT_TOKENS] == counted.input_tokens
    assert semconv.M_TOKENS not in watched.metrics()
    assert semconv.COST_UNAVAILABLE not in watched.attributes


def test_an_unknown_model_has_no_cost_a_reason_and_one_warning(watched, client, ask, caplog):
    for _ in range(3):
        client.messages.create(**ask("model=claude-opus-5-6"))
    assert semconv.COST_TOTAL not in (watched.spans[0].attributes or {})
    assert watched.spans[0].attributes[semconv.COST_UNAVAILABLE] == "unknown_model"
    assert watched.total(semconv.M_COST_UNPRICED) == 3
    assert [r for r in caplog.records if "claude-opus-5-6" in r.getMessage()].__len__() == 1


def test_messages_given_as_a_generator_reach_the_api_whole(watched, api, client, ask):
    messages = ({"role": "user", "content": text} for text in ("a",))
    client.messages.create(**ask(messages=messages))
    assert len(api.requests[0].json["messages"]) == 1
    assert watched.attributes[semconv.REQUEST_MESSAGES] == 1


@pytest.mark.parametrize("kind", ["usage_missing", "usage_null", "usage_types", "event", "block"])
@pytest.mark.parametrize("stream", [False, True])
def test_odd_responses_never_disturb(watched, client, ask, kind, stream, caplog):
    arguments = ask(f"malformed={kind}")
    if stream:
        for _ in client.messages.create(**arguments, stream=True):
            pass
    else:
        client.messages.create(**arguments)
    assert watched.attributes[semconv.OUTCOME] == "completed"
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_exemplars_lead_from_a_latency_to_its_call(watched, client, ask):
    client.messages.create(**ask())
    (span,) = watched.spans
    points = watched.metrics()
    (exemplar,) = points[semconv.M_DURATION][0].exemplars
    assert (exemplar.trace_id, exemplar.span_id) == (span.context.trace_id, span.context.span_id)
    assert [list(point.exemplars) for point in points[semconv.M_TOKEN_USAGE]] == [[], []]


@pytest.mark.parametrize(("tokens", "full"), [(159_000, None), (161_000, True)])
def test_a_prompt_that_nearly_fills_the_context_is_counted_so(watched, client, ask, tokens, full):
    client.messages.create(**ask(f"input_tokens={tokens}", model="claude-haiku-4-5"))
    (point,) = watched.metrics()[semconv.M_REQUESTS]
    assert point.attributes.get(semconv.CONTEXT_NEARLY_FULL) is full
    assert (watched.attributes[semconv.CONTEXT_UTILIZATION] > 0.8) is bool(full)
