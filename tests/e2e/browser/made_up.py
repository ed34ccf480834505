"""What the demo's calls do not bring: verdicts, budgets, captured content; as OTLP in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from otel_claude import semconv
from otel_claude.cli.received import Span
from otel_claude.pricing import PRICE_BOOK_VERSION

_SERVICE = {"attributes": [{"key": semconv.SERVICE_NAME, "value": {"stringValue": "shop"}}]}
_SCOPE = {"name": semconv.SCOPE}

# Evaluation -> mean score; from 0.5 on it passes.
EVALUATIONS = {"answers_the_question": 0.9, "polite": 0.96, "grounded": 0.72}
# Name, scope, window, unit, limit, spent.
BUDGETS = (
    ("company", "everything", "month", "usd", 500.0, 212.4),
    ("support-team", "team", "day", "usd", 12.0, 10.8),
    ("search", "feature", "day", "tokens", 2_000_000, 640_000),
    ("trial-users", "user", "5 hours", "tokens", 50_000, 50_000),
)


def _pairs(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    def value(said: Any) -> dict[str, Any]:
        if isinstance(said, int):
            return {"intValue": str(said)}
        return {"doubleValue": said} if isinstance(said, float) else {"stringValue": said}

    return [{"key": key, "value": value(said)} for key, said in attributes.items()]


def evaluations(spans: Sequence[Span], *, every: int = 4, seed: int = 0) -> dict[str, Any]:
    """Verdicts on every fourth call that completed, a little after it ended. For `/v1/logs`."""
    rng = Random(seed)
    records = [
        _verdict(span, name, min(1.0, max(0.0, rng.gauss(mean, 0.12))))
        for span in _completed(spans)[::every]
        for name, mean in EVALUATIONS.items()
    ]
    scoped = [{"scope": _SCOPE, "logRecords": records}]
    return {"resourceLogs": [{"resource": _SERVICE, "scopeLogs": scoped}]}


def _completed(spans: Sequence[Span]) -> list[Span]:
    return [span for span in spans if span.attributes.get(semconv.OUTCOME) == "completed"]


def _verdict(span: Span, name: str, score: float) -> dict[str, Any]:
    good = score >= 0.5
    attributes = {
        semconv.EVALUATION_NAME: name,
        semconv.EVALUATION_SCORE: score,
        semconv.EVALUATION_LABEL: "pass" if good else "fail",
        semconv.EVALUATION_EXPLANATION: "As asked." if good else "Names an order nobody asked for.",
    }
    return {
        "timeUnixNano": str(span.end + 2_000_000_000),
        "severityText": "INFO",
        "eventName": semconv.EVENT_EVALUATION,
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "attributes": _pairs(attributes),
    }


def budgets(at: int) -> dict[str, Any]:
    """Where four budgets stand at an instant. For `/v1/metrics`."""
    gauges: dict[str, list[Any]] = {}
    for name, scope, window, unit, limit, spent in BUDGETS:
        labels = {
            semconv.BUDGET_NAME: name,
            semconv.BUDGET_SCOPE: scope,
            semconv.BUDGET_WINDOW: window,
            semconv.BUDGET_UNIT: unit,
        }
        for metric, value in (
            (semconv.M_BUDGET_LIMIT, limit),
            (semconv.M_BUDGET_SPENT, spent),
            (semconv.M_BUDGET_RESERVED, spent / 100),
        ):
            point = {
                "timeUnixNano": str(at),
                "startTimeUnixNano": str(at - 10**12),
                "asDouble": float(value),
                "attributes": _pairs(labels),
            }
            gauges.setdefault(metric, []).append(point)
    metrics = [{"name": name, "gauge": {"dataPoints": points}} for name, points in gauges.items()]
    metrics.append({"name": semconv.M_BUDGET_REJECTIONS, "sum": _rejections(at)})
    scoped = [{"scope": _SCOPE, "metrics": metrics}]
    return {"resourceMetrics": [{"resource": _SERVICE, "scopeMetrics": scoped}]}


def _rejections(at: int) -> dict[str, Any]:
    name, scope, *_ = BUDGETS[-1]
    point = {
        "timeUnixNano": str(at),
        "startTimeUnixNano": str(at - 10**12),
        "asInt": "7",
        "attributes": _pairs({semconv.BUDGET_NAME: name, semconv.BUDGET_SCOPE: scope}),
    }
    return {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [point]}


def call(number: int, at: int, **attributes: Any) -> Span:
    """One call that took 1.5 seconds; `__` in a name stands for a dot."""
    said = {name.replace("__", "."): value for name, value in attributes.items()}
    model = said.pop("model", "claude-sonnet-5-5")
    return Span(
        name=f"chat {model}",
        trace_id=f"{number:032x}",
        span_id=f"{number:016x}",
        parent_id="",
        kind="client",
        status="error" if semconv.ERROR_TYPE in said else "unset",
        start=at,
        end=at + 1_500_000_000,
        scope=semconv.SCOPE,
        attributes={
            semconv.OPERATION_NAME: "chat",
            semconv.PROVIDER_NAME: "anthropic",
            semconv.REQUEST_MODEL: model,
            semconv.OUTCOME: "completed",
            semconv.STOP_REASON: "end_turn",
            semconv.USAGE_INPUT_TOKENS: 1_000,
            semconv.USAGE_OUTPUT_TOKENS: 100,
            semconv.COST_TOTAL: 0.003,
            semconv.COST_INPUT: 0.002,
            semconv.COST_OUTPUT: 0.001,
            semconv.COST_BASIS: "list",
            semconv.COST_PRICE_BOOK: PRICE_BOOK_VERSION,
            **said,
        },
        resource={semconv.SERVICE_NAME: "shop"},
    )


def more(now: int) -> list[Span]:
    """What the demo's calls do not show: content, sessions, and what happened just now."""
    said = conversation(now - 3600 * 10**9)
    return [*said, *sessions(now - 2 * 3600 * 10**9), *quarter_of_an_hour(now)]


def sessions(at: int) -> list[Span]:
    """Two sessions of an hour: one that runs in a loop and loses its cache, one as they should be."""
    return [
        call(
            0x5000 + 100 * index + turn,
            at + turn * 120 * 10**9,
            session__id=name,
            gen_ai__usage__input_tokens=first + growth * turn,
            **(_LOST if growth and turn % 3 == 2 else {}),
        )
        for index, (name, first, growth) in enumerate(
            (("assistant-7", 2_000, 1_500), ("assistant-8", 3_000, 0))
        )
        for turn in range(24)
    ]


_LOST = {
    semconv.CACHE_MISS_REASON: "messages_changed",
    semconv.CACHE_MISSED_TOKENS: 8_000,
    semconv.USAGE_CACHE_WRITE: 8_000,
    semconv.USAGE_CACHE_5M: 8_000,
}


def quarter_of_an_hour(at: int) -> list[Span]:
    """Calls up to an instant, the last three of which failed."""
    failed = {
        semconv.ERROR_TYPE: "overloaded_error",
        semconv.ERROR_CATEGORY: "overloaded",
        semconv.OUTCOME: "failed",
    }
    return [
        call(0x6000 + number, at - (number * 30 + 20) * 10**9, **(failed if number < 3 else {}))
        for number in range(24)
    ]


def conversation(at: int) -> list[Span]:
    """A call with captured content, under a span of its own application and beside a tool."""
    talk = call(
        0xC0,
        at,
        **{
            semconv.FEATURE: "support-agent",
            semconv.SYSTEM_INSTRUCTIONS: json.dumps(
                [{"type": "text", "content": "You answer customers of a shop. Be brief."}]
            ),
            semconv.INPUT_MESSAGES: json.dumps(
                [
                    _message("user", {"type": "text", "content": "Where is my order 4711?"}),
                    _message(
                        "assistant",
                        {
                            "type": "tool_call",
                            "id": "toolu_1",
                            "name": "find_order",
                            "arguments": {"order_id": "4711"},
                        },
                    ),
                    _message(
                        "user",
                        {
                            "type": "tool_call_response",
                            "id": "toolu_1",
                            "response": "Sent on Monday with the post, tracking 00340.",
                        },
                    ),
                ]
            ),
            semconv.OUTPUT_MESSAGES: content("", "It left on Monday. The post has it: 00340."),
        },
    )
    root = replace(
        talk,
        name="POST /support",
        span_id=f"{0xC1:016x}",
        kind="server",
        start=at - 40_000_000,
        end=talk.end + 25_000_000,
        scope="shop",
        attributes={"http.route": "/support"},
    )
    tool = replace(
        root,
        name="execute_tool find_order",
        span_id=f"{0xC2:016x}",
        parent_id=root.span_id,
        kind="internal",
        end=at - 4_000_000,
    )
    return [root, tool, replace(talk, parent_id=root.span_id)]


def _message(role: str, part: dict[str, Any]) -> dict[str, Any]:
    return {"role": role, "parts": [part]}


def content(*said: str) -> str:
    """Messages as the conventions have them: user and assistant in turn, each with one text."""
    roles = ("user", "assistant")
    return json.dumps(
        [
            {"role": roles[turn % 2], "parts": [{"type": "text", "content": text}]}
            for turn, text in enumerate(said)
            if text
        ]
    )


def only_calls(spans: Iterable[Span]) -> list[Span]:
    """Those of our instrumentation."""
    return [span for span in spans if span.scope == semconv.SCOPE]
