"""OTLP with something to hide in every place that OTLP has, and with what has to survive."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.collector.otlp import Json, attributes, value

CONTENT = (
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.request.stop_sequences",
    "gen_ai.prompt",
    "gen_ai.prompt.0.content",
    "gen_ai.completion.0.content",
    "gen_ai.event.content",
    "exception.message",
    "exception.stacktrace",
    "input.value",
    "output.value",
    "llm.input_messages.0.message.content",
    "llm.prompts",
    "traceloop.entity.input",
    "langfuse.observation.output",
    "mlflow.spanInputs",
    "ai.prompt.messages",
    "ai.response.text",
    "prompt",
    "user_prompt",
    "user_system_prompt",
    "system_prompt",
    "system_prompt_preview",
    "new_context",
    "system_reminders",
    "response",
    "response.model_output",
    "full_command",
    "bash_command",
    "body",
    "hook_definitions",
    "tool_input",
    "http.request.body.content",
)
"""Attributes that hold what was said to Claude, or what it said."""

HEADERS = (
    "http.request.header.x-api-key",
    "http.request.header.authorization",
    "http.request.header.anthropic-organization-id",
    "http.response.header.set-cookie",
    "rpc.request.metadata.authorization",
    "authorization",
    "x-api-key",
    "api_key",
    "anthropic.api_key",
    "client_secret",
    "db.password",
    "access_token",
)
"""Attributes that hold headers and credentials of any form."""

KEYS: tuple[Callable[[str], str], ...] = (
    lambda mark: f"sk-ant-api03-{mark}-AAAAAAAA",
    lambda mark: f"failed with Authorization: Bearer {mark}.abcdefgh1234",
    lambda mark: f'{{"x-api-key": "{mark}"}}',
    lambda mark: f"https://user.example/?api_key={mark}&page=2",
    lambda mark: f"key AKIA{mark[-4:]}ABCDEFGHIJKL",
)
"""Credentials by their look; each contains the mark, the last one its end."""

HARMLESS = {
    "gen_ai.request.model": "claude-sonnet-5-5",
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.prompt.name": "summary",
    "gen_ai.prompt.version": "3",
    "gen_ai.token.type": "input",
    "http.request.body.size": 512,
    "http.response.status_code": 200,
    "claude.token.type": "output",
    "exception.type": "anthropic.BadRequestError",
    "task-description": "ask-anything about basic arithmetic",
    "session.id": "task-550e8400-e29b-41d4-a716-446655440000",
    "claude.feature": "risk-assessment-pipeline",
    "topic": "Basic troubleshooting",
}


@dataclass
class Marks:
    """Makes marks that are found again anywhere, and remembers where each was put.

    Attributes:
        places: mark -> place.
    """

    places: dict[str, str] = field(default_factory=dict)

    def new(self, place: str) -> str:
        """A mark for a place."""
        mark = f"MARK{len(self.places):04d}"
        self.places[mark] = place
        return mark

    def found_in(self, text: str) -> list[str]:
        """The places whose mark is in a text."""
        return [place for mark, place in self.places.items() if mark in text]


def _hiding(marks: Marks, place: str) -> list[Json]:
    """Every kind of secret in the attributes of one place, flat and nested."""
    pairs: dict[str, Any] = dict(HARMLESS)
    for name in CONTENT:
        said = f"please tell {marks.new(f'{place} {name}')} nothing"
        pairs[name] = (
            [{"role": "user", "parts": [{"content": said}]}] if "messages" in name else said
        )
    for name in HEADERS:
        pairs[name] = marks.new(f"{place} {name}")
    for number, key in enumerate(KEYS):
        pairs[f"note.{number}"] = key(marks.new(f"{place} key {number}"))
        pairs[f"deep.{number}"] = {"a": [{"b": key(marks.new(f"{place} nested key {number}"))}]}
    return attributes(pairs)


def _key(marks: Marks, place: str) -> str:
    return KEYS[0](marks.new(place))


def _resource(marks: Marks, signal: str) -> Json:
    named = attributes({"service.name": "shop", "service.instance.id": "1"})
    return {"attributes": named + _hiding(marks, f"{signal} resource")}


def _scope(marks: Marks, signal: str, name: str = "otel_claude") -> Json:
    return {"name": name, "version": "1", "attributes": _hiding(marks, f"{signal} scope")}


def traces(marks: Marks) -> Json:
    """Two spans: one with everything, one that failed."""
    now = time.time_ns()
    span: Json = {
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": "b7ad6b7169203331",
        "name": f"chat claude {_key(marks, 'span name')}",
        "traceState": f"vendor={_key(marks, 'trace state')}",
        "kind": 3,
        "startTimeUnixNano": str(now - 10**9),
        "endTimeUnixNano": str(now),
        "attributes": _hiding(marks, "span"),
        "status": {
            "code": 2,
            "message": f"BadRequestError: prompt {marks.new('status')} is too long",
        },
        "events": [
            {
                "timeUnixNano": str(now),
                "name": f"exception {_key(marks, 'event name')}",
                "attributes": _hiding(marks, "span event"),
            }
        ],
    }
    scopes = [{"scope": _scope(marks, "traces"), "spans": [span]}]
    return {"resourceSpans": [{"resource": _resource(marks, "traces"), "scopeSpans": scopes}]}


def metrics(marks: Marks) -> Json:
    """A counter and a histogram with an exemplar."""
    now = str(time.time_ns())
    exemplar = {
        "timeUnixNano": now,
        "asDouble": 0.5,
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": "b7ad6b7169203331",
        "filteredAttributes": _hiding(marks, "exemplar"),
    }
    counter = {"asInt": "3", "timeUnixNano": now, "startTimeUnixNano": now}
    counter["attributes"] = _hiding(marks, "counter point")  # type: ignore[assignment] # JSON
    histogram = {
        "count": "1",
        "sum": 0.5,
        "bucketCounts": ["1", "0"],
        "explicitBounds": [1.0],
        "timeUnixNano": now,
        "startTimeUnixNano": now,
        "attributes": _hiding(marks, "histogram point"),
        "exemplars": [exemplar],
    }
    found = [
        {
            "name": "hidden.requests",
            "sum": {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [counter]},
        },
        {
            "name": "hidden.duration",
            "unit": "s",
            "histogram": {"aggregationTemporality": 2, "dataPoints": [histogram]},
        },
    ]
    scopes = [{"scope": _scope(marks, "metrics"), "metrics": found}]
    return {"resourceMetrics": [{"resource": _resource(marks, "metrics"), "scopeMetrics": scopes}]}


def logs(marks: Marks) -> Json:
    """An event with content in its body, what the SDK logs at DEBUG, and an application's line."""
    now = str(time.time_ns())

    def record(place: str, body: Any, **more: Any) -> Json:
        said = {"body": value(body), "attributes": _hiding(marks, place)}
        return {"timeUnixNano": now, "observedTimeUnixNano": now, **said, **more}

    said = [{"role": "user", "content": f"tell {marks.new('event body')} nothing"}]
    event = record(
        "event", {"messages": said}, eventName="gen_ai.client.inference.operation.details"
    )
    named = record("named event", f"tell {marks.new('named event body')} nothing")
    named["attributes"] += attributes({"event.name": "gen_ai.user.message"})
    sdk = record("SDK line", f"Request options: {marks.new('SDK body')}")
    http = record("HTTP line", f"headers={[marks.new('HTTP body')]}")
    line = record("application line", f"survives; called with {_key(marks, 'application body')}")
    deep = record("application map", {"a": {"b": [_key(marks, "application map")]}})
    groups = {
        "otel_claude": [event, named],
        "anthropic._base_client": [sdk],
        "httpx": [http],
        "shop": [line, deep],
    }
    scopes = [
        {"scope": _scope(marks, f"logs {name}", name), "logRecords": records}
        for name, records in groups.items()
    ]
    return {"resourceLogs": [{"resource": _resource(marks, "logs"), "scopeLogs": scopes}]}
