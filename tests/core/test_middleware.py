"""Calls of clients with middleware: what a middleware sent was billed, whatever it makes of it."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from opentelemetry.trace import StatusCode

from otel_claude import attribution, semconv

pytestmark = pytest.mark.skipif(
    not hasattr(anthropic, "BetaRefusalFallbackMiddleware"), reason="this SDK has no middleware"
)


def client_with(api: Any, *middleware: Any, **more: Any) -> Any:
    return anthropic.Anthropic(api_key="k", base_url=api.url, middleware=middleware, **more)


def test_a_hop_that_refused_is_billed_where_answers_say_their_iterations(watched, api, ask):
    def refuse_first(request: Any, send: Any) -> Any:
        if request.json["model"] == "claude-fable-5-2":
            headers = {**dict(request.headers), "x-emulator-scenario": "refusal=bio,after=5"}
            request = request.copy(headers=headers)
        return send(request)

    fallback = anthropic.BetaRefusalFallbackMiddleware([{"model": "claude-opus-5-5"}])
    client = client_with(api, fallback, refuse_first)
    answer = client.beta.messages.create(**ask(model="claude-fable-5-2"))
    assert answer.usage.iterations, "the emulator says them, as the API does"
    first, second = (entry.usage for entry in api.ledger)
    said = watched.attributes
    assert said[semconv.USAGE_INPUT_TOKENS] == first["input_tokens"] + second["input_tokens"]
    assert said[semconv.USAGE_OUTPUT_TOKENS] == first["output_tokens"] + second["output_tokens"]
    models = {p.attributes[semconv.RESPONSE_MODEL] for p in watched.metrics()[semconv.M_TOKENS]}
    assert models == {"claude-fable-5-2", "claude-opus-5-5"}


def test_an_answer_that_a_middleware_throws_away_was_billed(watched, api, ask):
    def never_content(request: Any, send: Any) -> Any:
        send(request).parse()
        raise ValueError("not good enough")

    with pytest.raises(ValueError, match="not good enough"):
        client_with(api, never_content, max_retries=0).messages.create(**ask())
    (entry,) = api.ledger
    assert watched.span.status.status_code is StatusCode.ERROR
    assert watched.attributes[semconv.ERROR_TYPE] == "ValueError"
    assert watched.attributes[semconv.USAGE_OUTPUT_TOKENS] == entry.usage["output_tokens"]
    assert watched.total(semconv.M_COST) == watched.attributes[semconv.COST_TOTAL] > 0


@pytest.mark.parametrize("how", ["middleware", "raw"])
def test_adopted_spans_say_everything_of_raw_answers_and_of_clients_with_middleware(
    telemetry, api, ask, how
):
    telemetry.instrument(native="adopt", capture="span")
    middleware = [lambda request, send: send(request)] if how == "middleware" else []
    tracing: Any = {"tracer_provider": telemetry.tracers}
    client = client_with(api, *middleware, open_telemetry=tracing)
    messages = client.messages.with_raw_response if how == "raw" else client.messages
    with attribution(feature="search"):
        messages.create(**ask())
    said = telemetry.attributes
    assert telemetry.span.name == "anthropic.messages.create"
    assert said[semconv.FEATURE] == "search"
    assert said[semconv.COST_TOTAL] == telemetry.total(semconv.M_COST)
    assert said[semconv.OUTPUT_MESSAGES]
