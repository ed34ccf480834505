"""The checker can fail: every finding is made to appear by bending good telemetry."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from .checker import IDS, SCOPE, check, sdk_spans
from .registry import SECONDS, TOKENS, Registry, registry
from .telemetry import Metric, Point, Record, Span, Telemetry

GENERATION = "both"
MODEL = "claude-sonnet-5-5"
LABELS: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": MODEL,
    "gen_ai.response.model": MODEL,
    "server.address": "api.anthropic.com",
    "server.port": 443,
}
ANSWER = {"role": "assistant", "finish_reason": "stop"}
MESSAGES = [{**ANSWER, "parts": [{"type": "text", "content": "Hello"}]}]
FAILED = {key: value for key, value in LABELS.items() if key != "gen_ai.response.model"}

ANSWERED = Span(
    scope=SCOPE,
    name=f"chat {MODEL}",
    kind="CLIENT",
    status="UNSET",
    attributes={
        **LABELS,
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.temperature": 1.0,
        "gen_ai.request.stream": True,
        "gen_ai.response.id": "msg_1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 60,
        "gen_ai.usage.cache_write.input_tokens": 30,
        "gen_ai.usage.reasoning.output_tokens": 5,
        "gen_ai.output.messages": MESSAGES,
    },
    start=0,
    end=1_500_000_000,
    span_id=1,
    parent_id=None,
)
REFUSED = Span(
    scope=SCOPE,
    name=f"chat {MODEL}",
    kind="CLIENT",
    status="ERROR",
    attributes={
        **FAILED,
        "gen_ai.response.finish_reasons": ("error",),
        "error.type": "overloaded_error",
    },
    start=0,
    end=500_000_000,
    span_id=2,
    parent_id=None,
)
TOOL = Span(
    scope=SCOPE,
    name="execute_tool get_weather",
    kind="INTERNAL",
    status="UNSET",
    attributes={"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_weather"},
    start=0,
    end=1,
    span_id=3,
    parent_id=None,
)
AGENT = Span(
    scope=SCOPE,
    name="invoke_agent",
    kind="INTERNAL",
    status="UNSET",
    attributes={
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
    },
    start=0,
    end=1,
    span_id=4,
    parent_id=None,
)
NATIVE = replace(TOOL, scope="com.anthropic.sdk.python", name="anthropic.tool_use x", span_id=5)
EVENT = Record(
    scope=SCOPE,
    event_name="gen_ai.client.operation.exception",
    severity=13,
    attributes={"exception.type": "anthropic.OverloadedError"},
    body=None,
    span_id=2,
)
DETAILS = Record(
    scope=SCOPE,
    event_name="gen_ai.client.inference.operation.details",
    severity=5,
    attributes=ANSWERED.attributes,
    body=None,
    span_id=1,
)


def _histogram(name: str, unit: str, *points: Point) -> Metric:
    bounds = SECONDS if unit == "s" else TOKENS
    return Metric(SCOPE, name, unit, "histogram", tuple(replace(p, buckets=bounds) for p in points))


def _usage(name: str, value: int) -> Metric:
    point = Point({**LABELS, "gen_ai.token.modality": "unknown"}, value)
    name = f"gen_ai.client.inference.usage.{name}_tokens"
    return Metric(SCOPE, name, "{token}", "counter", (point,))


def _durations(client: str) -> Metric:
    failed = Point({**FAILED, "error.type": "overloaded_error"}, 0.5)
    return _histogram(f"gen_ai.client.{client}.duration", "s", Point(LABELS, 1.5), failed)


METRICS = (
    _durations("operation"),
    _durations("inference"),
    _histogram("gen_ai.client.operation.time_to_first_chunk", "s", Point(LABELS, 0.25)),
    _histogram("gen_ai.client.inference.time_to_first_chunk", "s", Point(LABELS, 0.25)),
    _histogram(
        "gen_ai.client.token.usage",
        "{token}",
        Point({**LABELS, "gen_ai.token.type": "input"}, 100),
        Point({**LABELS, "gen_ai.token.type": "output"}, 20),
    ),
    _histogram("gen_ai.client.inference.operation.input_tokens", "{token}", Point(LABELS, 100)),
    _histogram("gen_ai.client.inference.operation.output_tokens", "{token}", Point(LABELS, 20)),
    _usage("input", 100),
    _usage("output", 20),
    _usage("cache_read.input", 60),
    _usage("cache_write.input", 30),
    _usage("reasoning.output", 5),
)
GOOD = Telemetry((ANSWERED, REFUSED, TOOL, AGENT, NATIVE), METRICS, (EVENT, DETAILS))

Bend = Callable[[Telemetry], Telemetry]


def _span(index: int = 0, /, **changes: Any) -> Bend:
    """Change a span."""
    return lambda good: replace(
        good,
        spans=tuple(replace(s, **changes) if n == index else s for n, s in enumerate(good.spans)),
    )


def _changed(attributes: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """None drops an attribute."""
    merged = {**attributes, **changes}
    return {key: value for key, value in merged.items() if value is not None}


def _attributes(index: int = 0, /, **changes: Any) -> Bend:
    """Change attributes of a span; `__` stands for a dot."""
    said = {name.replace("__", "."): value for name, value in changes.items()}
    return lambda good: _span(index, attributes=_changed(good.spans[index].attributes, said))(good)


def _metric(name: str, /, **changes: Any) -> Bend:
    """Change a metric."""

    def bend(good: Telemetry) -> Telemetry:
        assert any(m.name == name for m in good.metrics)
        found = tuple(replace(m, **changes) if m.name == name else m for m in good.metrics)
        return replace(good, metrics=found)

    return bend


def _points(name: str, labels: Mapping[str, Any] = {}, **changes: Any) -> Bend:
    """Change the points of a metric, and their labels."""

    def bend(good: Telemetry) -> Telemetry:
        metric = next(m for m in good.metrics if m.name == name)
        points = tuple(
            replace(p, attributes=_changed(p.attributes, labels), **changes) for p in metric.points
        )
        return _metric(name, points=points)(good)

    return bend


def _without(name: str) -> Bend:
    return lambda good: replace(good, metrics=tuple(m for m in good.metrics if m.name != name))


def _event(index: int = 0, /, labels: Mapping[str, Any] = {}, **changes: Any) -> Bend:
    """Change an event, and its attributes."""

    def bend(good: Telemetry) -> Telemetry:
        logs = list(good.logs)
        attributes = _changed(logs[index].attributes, labels)
        logs[index] = replace(logs[index], attributes=attributes, **changes)
        return replace(good, logs=tuple(logs))

    return bend


def _another(span: Span) -> Bend:
    return lambda good: replace(good, spans=(*good.spans, span))


def _content(part: Any) -> list[dict[str, Any]]:
    return [{**ANSWER, "parts": [part]}]


DURATION = "gen_ai.client.operation.duration"
FIRST = "gen_ai.client.inference.time_to_first_chunk"
USAGE = "gen_ai.client.token.usage"
COUNTER = "gen_ai.client.inference.usage.input_tokens"
PER_CALL = "gen_ai.client.inference.operation.input_tokens"

# What must be found, and what is done to good telemetry.
CONTROLS: list[tuple[str, str, Bend]] = [
    ("genai_span_name_format", "chat", _span(name="chat")),
    (
        "genai_span_name_format",
        "anthropic.messages.create",
        _span(name="anthropic.messages.create"),
    ),
    ("genai_span_name_format", "execute_tool", _span(2, name="execute_tool")),
    ("genai_span_name_format", "invoke_agent x", _span(3, name="invoke_agent x")),
    *(
        ("genai_expected_attribute_missing", name, _attributes(**{name.replace(".", "__"): None}))
        for name in (
            "gen_ai.operation.name",
            "gen_ai.provider.name",
            "server.address",
            "gen_ai.response.id",
            "gen_ai.response.model",
            "gen_ai.response.finish_reasons",
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.output_tokens",
        )
    ),
    (
        "genai_expected_attribute_missing",
        "gen_ai.tool.name",
        _attributes(2, gen_ai__tool__name=None),
    ),
    (
        "genai_expected_attribute_missing",
        "gen_ai.usage.input_tokens",
        _attributes(3, gen_ai__usage__input_tokens=None),
    ),
    (
        "genai_expected_attribute_missing",
        "gen_ai.response.finish_reasons",
        _attributes(1, gen_ai__response__finish_reasons=None),
    ),
    ("genai_span_kind_unexpected", "chat", _span(kind="INTERNAL")),
    ("genai_span_kind_unexpected", "execute_tool", _span(2, kind="CLIENT")),
    ("genai_operation_name_unknown", "chats", _attributes(gen_ai__operation__name="chats")),
    (
        "genai_content_schema",
        "gen_ai.output.messages",
        _attributes(gen_ai__output__messages=_content({"type": "text"})),
    ),
    (
        "genai_content_schema",
        "gen_ai.input.messages",
        _attributes(gen_ai__input__messages='[{"role": "user"}]'),
    ),
    (
        "genai_content_schema",
        "gen_ai.tool.call.result",
        _attributes(2, gen_ai__tool__call__result='"Rain"'),
    ),
    (
        "genai_content_schema",
        "gen_ai.output.messages",
        _event(1, {"gen_ai.output.messages": _content({"type": "tool_call"})}),
    ),
    ("span_status_ok_set_by_instrumentation", f"chat {MODEL}", _span(status="OK")),
    ("error_type_missing_on_error", f"chat {MODEL}", _attributes(1, error__type=None)),
    ("error_type_missing_on_error", f"chat {MODEL}", _span(status="ERROR")),
    ("error_type_without_error_status", f"chat {MODEL}", _span(1, status="UNSET")),
    ("missing_attribute", "claude.cost.total", _attributes(claude__cost__total=0.1)),
    ("missing_attribute", "claude.team", _points(DURATION, {"claude.team": "a"})),
    ("missing_attribute", "claude.team", _event(labels={"claude.team": "a"})),
    ("missing_metric", "claude.client.cost", _metric(USAGE, name="claude.client.cost")),
    ("missing_event", "claude.anomaly", _event(event_name="claude.anomaly")),
    ("missing_event", "", _event(event_name=None)),
    ("deprecated", "gen_ai.system", _attributes(gen_ai__system="anthropic")),
    ("deprecated", "event.name", _event(labels={"event.name": "x"})),
    (
        "type_mismatch",
        "gen_ai.usage.input_tokens",
        _attributes(gen_ai__usage__input_tokens="100"),
    ),
    (
        "type_mismatch",
        "gen_ai.usage.output_tokens",
        _attributes(gen_ai__usage__output_tokens=20.0),
    ),
    ("type_mismatch", "gen_ai.request.temperature", _attributes(gen_ai__request__temperature=1)),
    ("type_mismatch", "gen_ai.request.max_tokens", _attributes(gen_ai__request__max_tokens=True)),
    (
        "type_mismatch",
        "gen_ai.response.finish_reasons",
        _attributes(gen_ai__response__finish_reasons="stop"),
    ),
    (
        "type_mismatch",
        "gen_ai.response.finish_reasons",
        _attributes(gen_ai__response__finish_reasons=(1,)),
    ),
    ("type_mismatch", "server.port", _points(DURATION, {"server.port": "443"})),
    ("type_mismatch", USAGE, _points(USAGE, total=100.0)),
    ("type_mismatch", DURATION, _points(DURATION, total=1)),
    ("unit_mismatch", DURATION, _metric(DURATION, unit="ms")),
    ("unit_mismatch", USAGE, _metric(USAGE, unit="1")),
    ("unexpected_instrument", COUNTER, _metric(COUNTER, instrument="updowncounter")),
    ("unexpected_instrument", DURATION, _metric(DURATION, instrument="ExponentialHistogram")),
    (
        "required_attribute_not_present",
        f"{USAGE} gen_ai.token.type",
        _points(USAGE, {"gen_ai.token.type": None}),
    ),
    (
        "required_attribute_not_present",
        f"{COUNTER} gen_ai.token.modality",
        _points(COUNTER, {"gen_ai.token.modality": None}),
    ),
    (
        "required_attribute_not_present",
        f"{FIRST} gen_ai.provider.name",
        _points(FIRST, {"gen_ai.provider.name": None}),
    ),
    (
        "required_attribute_not_present",
        "gen_ai.client.operation.exception exception.type",
        _event(labels={"exception.type": None}),
    ),
    (
        "required_attribute_not_present",
        "gen_ai.client.inference.operation.details gen_ai.provider.name",
        _event(1, {"gen_ai.provider.name": None}),
    ),
    ("invalid_format", "Claude-Cost", _attributes(**{"Claude-Cost": 1})),
    ("invalid_format", "claude..cost", _attributes(**{"claude..cost": 1})),
    ("invalid_format", "9lives", _metric(DURATION, name="9lives")),
    ("invalid_format", "Oops", _event(event_name="Oops")),
    ("illegal_namespace", "gen_ai.usage", _attributes(gen_ai__usage="much")),
    (
        "conditionally_required_attribute_not_present",
        "server.port",
        _attributes(server__port=None),
    ),
    (
        "conditionally_required_attribute_not_present",
        "gen_ai.request.model",
        _points(DURATION, {"gen_ai.request.model": None}),
    ),
    (
        "conditionally_required_attribute_not_present",
        "gen_ai.response.time_to_first_chunk",
        _attributes(gen_ai__response__time_to_first_chunk=None),
    ),
    (
        "undefined_enum_variant",
        "gen_ai.provider.name",
        _attributes(gen_ai__provider__name="claude"),
    ),
    (
        "undefined_enum_variant",
        "gen_ai.response.finish_reasons",
        _attributes(gen_ai__response__finish_reasons=("end_turn",)),
    ),
    (
        "unexpected_attribute",
        "execute_tool gen_ai.provider.name",
        _attributes(2, gen_ai__provider__name="anthropic"),
    ),
    (
        "unexpected_attribute",
        f"{DURATION} gen_ai.request.stream",
        _points(DURATION, {"gen_ai.request.stream": True}),
    ),
    ("unexpected_attribute", f"{FIRST} error.type", _points(FIRST, {"error.type": "x"})),
    (
        "unexpected_attribute",
        "gen_ai.client.operation.exception gen_ai.tool.name",
        _event(labels={"gen_ai.tool.name": "x"}),
    ),
    ("unexpected_value", "gen_ai.request.stream", _attributes(gen_ai__request__stream=False)),
    (
        "unexpected_value",
        "gen_ai.conversation.compacted",
        _attributes(gen_ai__conversation__compacted=False),
    ),
    ("wrong_buckets", DURATION, _points(DURATION, buckets=(0.0, 5.0, 10.0))),
    ("wrong_buckets", USAGE, _points(USAGE, buckets=TOKENS[:-1])),
    ("event_severity_unexpected", EVENT.event_name or "", _event(severity=17)),
    ("event_body_unexpected", EVENT.event_name or "", _event(body="boom")),
    (
        "content_not_structured",
        "gen_ai.output.messages",
        _event(1, {"gen_ai.output.messages": json.dumps([{**ANSWER, "parts": []}])}),
    ),
    ("span_event_unexpected", "exception", _span(1, events=("exception",))),
    ("span_count_unexpected", "chat", _another(replace(REFUSED, span_id=9))),
    ("span_count_unexpected", "chat", lambda good: replace(good, spans=good.spans[1:])),
    (
        "duplicate_inference_span",
        "anthropic.messages.create",
        _another(
            replace(ANSWERED, scope="com.anthropic.sdk.python", name="anthropic.messages.create")
        ),
    ),
    ("duplicate_inference_span", f"chat {MODEL}", _another(replace(ANSWERED, span_id=9))),
    ("event_outside_span", EVENT.event_name or "", _event(span_id=99)),
    (
        "finish_reason_unexpected",
        "gen_ai.response.finish_reasons",
        _attributes(gen_ai__response__finish_reasons=("stop", "stop")),
    ),
    (
        "finish_reason_unexpected",
        "gen_ai.response.finish_reasons",
        _attributes(1, gen_ai__response__finish_reasons=("stop",)),
    ),
    (
        "usage_subset_exceeds_total",
        "gen_ai.usage.input_tokens",
        _attributes(gen_ai__usage__input_tokens=10),
    ),
    (
        "usage_subset_exceeds_total",
        "gen_ai.usage.output_tokens",
        _attributes(gen_ai__usage__reasoning__output_tokens=21),
    ),
    ("duration_differs", DURATION, _points(DURATION, total=1.4)),
    ("duration_differs", DURATION, _points(DURATION, count=2)),
    ("duration_differs", DURATION, _points(DURATION, {"server.port": 80})),
    ("duration_differs", DURATION, _points(DURATION, {"error.type": None})),
    ("duration_differs", DURATION, _without(DURATION)),
    ("duration_differs", "gen_ai.client.inference.duration", _span(end=1_600_000_000)),
    ("first_chunk_differs", FIRST, _points(FIRST, total=0.3)),
    ("first_chunk_differs", FIRST, _without(FIRST)),
    (
        "first_chunk_differs",
        FIRST,
        _attributes(gen_ai__response__time_to_first_chunk=None),
    ),
    ("token_metrics_differ", USAGE, _points(USAGE, total=1)),
    ("token_metrics_differ", USAGE, _points(USAGE, count=2)),
    ("token_metrics_differ", COUNTER, _points(COUNTER, total=10)),
    ("token_metrics_differ", COUNTER, _without(COUNTER)),
    ("token_metrics_differ", PER_CALL, _points(PER_CALL, {"gen_ai.response.model": "other"})),
    (
        "token_metrics_differ",
        "gen_ai.client.inference.usage.cache_write.input_tokens",
        _attributes(gen_ai__usage__cache_write__input_tokens=31),
    ),
]


def test_good_telemetry_has_no_findings() -> None:
    assert check(GOOD, GENERATION, calls=2) == []
    assert [span.name for span in sdk_spans(GOOD)] == ["anthropic.tool_use x"]


@pytest.mark.parametrize(
    ("finding", "context", "bend"), CONTROLS, ids=[f"{c[0]}-{c[1]}" for c in CONTROLS]
)
def test_what_is_wrong_is_found(finding: str, context: str, bend: Bend) -> None:
    found = {one.key for one in check(bend(GOOD), GENERATION, calls=2)}
    assert (finding, context) in found


def test_inference_in_a_metric_of_other_operations_is_found() -> None:
    """Since October the released duration metric counts everything but inference."""
    found = {one.key for one in check(GOOD, "latest")}
    assert ("metric_operation_unexpected", DURATION) in found
    assert ("deprecated", USAGE) in found


def test_every_finding_has_a_control() -> None:
    assert {control[0] for control in CONTROLS} | {"metric_operation_unexpected"} == IDS.keys()


def test_other_scopes_are_not_judged() -> None:
    other = replace(ANSWERED, scope="somebody", name="x", kind="SERVER", status="OK", span_id=9)
    mine = replace(METRICS[0], scope="somebody", unit="ms", name="x")
    log = replace(EVENT, scope="somebody", event_name="x")
    bent = Telemetry((*GOOD.spans, other), (*METRICS, mine), (*GOOD.logs, log))
    assert check(bent, GENERATION, calls=2) == []


def test_what_a_failed_call_cannot_know_is_asked_only_by_the_suite() -> None:
    found = {one.key for one in check(GOOD, GENERATION, as_the_suite=True)}
    missing = ("response.id", "response.model", "usage.input_tokens", "usage.output_tokens")
    assert found == {("genai_expected_attribute_missing", f"gen_ai.{name}") for name in missing}


# --- the registry ------------------------------------------------------------------------------

WRONG: Mapping[str, tuple[Any, ...]] = {
    "string": (1, 1.0, True, ("a",)),
    "template[string]": (1,),
    "int": ("1", 1.0, True, (1,)),
    "double": ("1.0", 1, True),
    "boolean": ("true", 1),
    "string[]": ("a", (1,), ("a", None), {"a": 1}),
    "any": (),
}


@pytest.mark.parametrize("generation", ["released", "latest", "both"])
def test_a_wrong_type_of_any_attribute_is_found(generation: str) -> None:
    known = registry(generation)
    for attribute in known.attributes.values():
        name = attribute.name + (".x" if attribute.type.startswith("template") else "")
        for value in WRONG[attribute.type]:
            bent = _span(attributes={**ANSWERED.attributes, name: value})(GOOD)
            assert ("type_mismatch", name) in {one.key for one in check(bent, generation)}


@pytest.mark.parametrize("generation", ["released", "latest", "both"])
def test_the_registry_hangs_together(generation: str) -> None:
    known: Registry = registry(generation)
    levels = [group.attributes for group in known.spans]
    levels += [metric.attributes for metric in known.metrics.values()]
    levels += [event.attributes for event in known.events.values()]
    used = {name for attributes in levels for name in attributes}
    assert {name for name in used if known.attribute(name) is None} == set()
    for metric in known.metrics.values():
        assert (metric.buckets is None) == (metric.instrument == "counter")


def test_the_generations_differ_where_the_conventions_were_renamed() -> None:
    released, latest, both = (registry(name) for name in ("released", "latest", "both"))
    assert "gen_ai.client.token.usage" in released.metrics
    assert "gen_ai.client.token.usage" in latest.deprecated_metrics
    assert both.metrics.keys() == released.metrics.keys() | latest.metrics.keys()
    write = "gen_ai.usage.cache_write.input_tokens"
    creation = "gen_ai.usage.cache_creation.input_tokens"
    assert released.attribute(write) is None
    assert released.attributes[creation].deprecated is False
    assert latest.attributes[creation].deprecated is True
    for name in (write, creation):
        assert both.attributes[name].deprecated is False
        assert any(name in group.attributes for group in both.spans)
