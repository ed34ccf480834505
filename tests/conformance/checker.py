"""A checker of the GenAI conventions: telemetry in, findings out. Pure functions.

The ids of the findings are those of the conventions' own conformance suite (`genai_*` and the
runner's) and of weaver's live check, where they have one; the others are rules that need more than
one signal at a time, or that the suite leaves out. It judges what the scope `otel_claude` emitted;
the SDK's own spans (`com.anthropic.*`) are listed apart.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from .content import problems
from .registry import CONTENT, EXEMPT, FINISH_REASONS, INFERENCE, Registry, SpanGroup, registry
from .telemetry import Metric, Point, Record, Span, Telemetry

SCOPE: Final = "otel_claude"
SDK_SCOPE: Final = "com.anthropic."

IDS: Final[Mapping[str, str]] = {
    # the suite's policies
    "genai_span_name_format": "the name is not `<operation> <subject>`",
    "genai_expected_attribute_missing": "a required or plainly recommended attribute is absent",
    "genai_span_kind_unexpected": "not the kind of that type of span",
    "genai_operation_name_unknown": "the operation is not in the registry",
    "genai_content_schema": "captured content does not fit its schema",
    # the suite's runner
    "span_status_ok_set_by_instrumentation": "the status is OK; only applications set that",
    "error_type_missing_on_error": "status ERROR without error.type",
    "error_type_without_error_status": "error.type without status ERROR",
    # weaver
    "missing_attribute": "the registry has no such attribute",
    "missing_metric": "the registry has no such metric",
    "missing_event": "the registry has no such event",
    "deprecated": "a name that is out of use",
    "type_mismatch": "a value of the wrong type",
    "unit_mismatch": "not the metric's unit",
    "unexpected_instrument": "not the metric's instrument",
    "required_attribute_not_present": "a point or an event lacks a required attribute",
    "invalid_format": "the name breaks the syntax of names",
    "illegal_namespace": "an attribute is named like the namespace of others",
    "conditionally_required_attribute_not_present": "absent though its condition holds",
    "undefined_enum_variant": "a value that the registry does not list",
    # what the suite leaves out
    "unexpected_attribute": "the registry knows the attribute, but not on this signal",
    "unexpected_value": "a value that must not be written",
    "wrong_buckets": "not the metric's bucket bounds",
    "metric_operation_unexpected": "the metric is not for that operation",
    "event_severity_unexpected": "not the event's severity",
    "event_body_unexpected": "events have attributes only",
    "content_not_structured": "content of an event is a string",
    "span_event_unexpected": "exceptions are log records now, not span events",
    # across signals
    "span_count_unexpected": "not exactly one span per call",
    "duplicate_inference_span": "a second span for one call",
    "event_outside_span": "an event that belongs to no span",
    "finish_reason_unexpected": "not one reason, or none that fits the outcome",
    "usage_subset_exceeds_total": "cached or reasoning tokens exceed what contains them",
    "duration_differs": "the duration metric is not the spans' durations",
    "first_chunk_differs": "the metric of the first chunk is not the spans' attribute",
    "token_metrics_differ": "a token metric is not the spans' usage",
}

# What no instrumentation can know of a call that got no (whole) answer. The suite asks for it all
# the same, see `check(as_the_suite=True)`.
_UNKNOWN_ON_FAILURE: Final = frozenset(
    {
        "gen_ai.response.id",
        "gen_ai.response.model",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
    }
)
_SYNTAX: Final = re.compile(r"[a-z][a-z0-9]*([._][a-z0-9]+)*")
_LABELS: Final = (
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "server.address",
    "server.port",
)


@dataclass(frozen=True, order=True)
class Finding:
    """One fault. `context` is the name it is about: of an attribute, metric, event or span."""

    id: str
    context: str
    message: str

    def __post_init__(self) -> None:
        """Every id is documented."""
        assert self.id in IDS, self.id

    @property
    def key(self) -> tuple[str, str]:
        """What a list of expected findings names."""
        return self.id, self.context


Findings = Iterator[Finding]


def check(
    telemetry: Telemetry,
    generation: str,
    *,
    calls: int | None = None,
    as_the_suite: bool = False,
) -> list[Finding]:
    """Everything that is wrong with what `otel_claude` emitted.

    Args:
        telemetry: all that was captured; other scopes are not judged.
        generation: `released`, `latest` or `both`.
        calls: how many calls were made; None where that is not known.
        as_the_suite: ask of failed calls what the suite asks, though nobody can know it.
    """
    known = registry(generation)
    found: list[Finding] = []
    own = [span for span in telemetry.spans if span.scope == SCOPE]
    for span in own:
        found += _check_span(known, span, as_the_suite=as_the_suite)
    metrics = [metric for metric in telemetry.metrics if metric.scope == SCOPE and metric.points]
    for metric in metrics:
        found += _check_metric(known, metric)
    for record in telemetry.logs:
        if record.scope == SCOPE:
            found += _check_record(known, record, own)
    found += _check_once(telemetry, own, calls)
    found += _check_sums(known, own, metrics, generation)
    return sorted(set(found))


def sdk_spans(telemetry: Telemetry) -> list[Span]:
    """The spans of the Anthropic SDK's own tracing, which are not judged."""
    return [span for span in telemetry.spans if span.scope.startswith(SDK_SCOPE)]


# --- names and values --------------------------------------------------------------------------


def _is_int(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_strings(value: Any) -> TypeGuard[Sequence[str]]:
    return isinstance(value, list | tuple) and all(isinstance(part, str) for part in value)


_FITS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "template[string]": lambda value: isinstance(value, str),
    "int": _is_int,
    "double": lambda value: isinstance(value, float),
    "boolean": lambda value: isinstance(value, bool),
    "string[]": _is_strings,
    "any": lambda value: value is not None,
}


def _check_name(name: str, what: str) -> Findings:
    if not _SYNTAX.fullmatch(name):
        yield Finding("invalid_format", name, f"{what} {name!r}: not a name")


def _check_attributes(known: Registry, attributes: Mapping[str, Any], where: str) -> Findings:
    """What can be said of attributes wherever they stand."""
    for name, value in attributes.items():
        yield from _check_name(name, "attribute")
        declared = known.attribute(name)
        if declared is None:
            yield Finding("missing_attribute", name, f"{where}: {name} is not in the registry")
            if any(other.startswith(f"{name}.") for other in known.attributes):
                yield Finding("illegal_namespace", name, f"{where}: {name} is a namespace")
            continue
        if declared.deprecated:
            yield Finding("deprecated", name, f"{where}: {name} is out of use")
        if not _FITS[declared.type](value):
            said = type(value).__name__
            message = f"{where}: {name} = {value!r} is {said}, not {declared.type}"
            yield Finding("type_mismatch", name, message)
        elif declared.members and value not in declared.members:
            yield Finding("undefined_enum_variant", name, f"{where}: {name} = {value!r}")


def _check_place(
    known: Registry, attributes: Mapping[str, Any], allowed: Iterable[str], where: str, what: str
) -> Findings:
    """Whether the attributes that the registry knows belong here."""
    allowed = set(allowed)
    for name in attributes:
        declared = known.attribute(name)
        if declared and not declared.deprecated and declared.name not in allowed:
            yield Finding("unexpected_attribute", f"{what} {name}", f"{where}: {name}")


def _check_conditions(
    attributes: Mapping[str, Any], allowed: Mapping[str, str], where: str
) -> Findings:
    """Attributes whose condition can be seen: the model of an inference, the port of an address,
    the first chunk of a stream that brought something.
    """
    wanted = []
    if attributes.get("gen_ai.operation.name") in INFERENCE:
        wanted.append("gen_ai.request.model")
    if "server.address" in attributes:
        wanted.append("server.port")
    if attributes.get("gen_ai.request.stream") and attributes.get("gen_ai.usage.output_tokens"):
        wanted.append("gen_ai.response.time_to_first_chunk")
    for name in wanted:
        if name in allowed and name not in attributes:
            message = f"{where}: {name} is absent"
            yield Finding("conditionally_required_attribute_not_present", name, message)


# --- spans -------------------------------------------------------------------------------------


def _failed(span: Span) -> bool:
    """Whether an answer was expected and did not (wholly) come."""
    reasons = span.attributes.get("gen_ai.response.finish_reasons")
    return span.status == "ERROR" or (_is_strings(reasons) and list(reasons) == ["error"])


def _check_span(known: Registry, span: Span, *, as_the_suite: bool) -> Findings:
    where = f"span {span.name!r}"
    yield from _check_attributes(known, span.attributes, where)
    yield from _check_status(span, where)
    yield from _check_content(span.attributes, where)
    yield from _check_usage(span, where)
    for name in ("gen_ai.request.stream", "gen_ai.conversation.compacted"):
        if span.attributes.get(name) is False:
            yield Finding("unexpected_value", name, f"{where}: {name} is True or absent")
    for event in span.events:
        yield Finding("span_event_unexpected", event, f"{where}: span event {event}")
    operation = span.operation
    if not isinstance(operation, str):
        message = f"{where}: gen_ai.operation.name is absent"
        yield Finding("genai_expected_attribute_missing", "gen_ai.operation.name", message)
        return
    if operation not in known.operations:
        message = f"{where}: the operation {operation!r} is unknown"
        yield Finding("genai_operation_name_unknown", operation, message)
        return
    group = known.group(operation, span.kind)
    if group is None:
        return
    if group.kind != span.kind:
        message = f"{where}: {span.kind}, not {group.kind}"
        yield Finding("genai_span_kind_unexpected", operation, message)
    yield from _check_span_name(span, group, operation)
    yield from _check_place(known, span.attributes, group.attributes, where, operation)
    yield from _check_conditions(span.attributes, group.attributes, where)
    for name, level in group.attributes.items():
        if level not in ("required", "recommended") or name in EXEMPT or name in span.attributes:
            continue
        if not as_the_suite and name in _UNKNOWN_ON_FAILURE and _failed(span):
            continue
        yield Finding("genai_expected_attribute_missing", name, f"{where}: {name} is absent")
    if operation in INFERENCE:
        yield from _check_finish_reasons(span, where)


def _check_span_name(span: Span, group: SpanGroup, operation: str) -> Findings:
    subject = span.attributes.get(group.subject) if group.subject else None
    wanted = operation if subject is None else f"{operation} {subject}"
    if span.name != wanted:
        message = f"span {span.name!r} should be {wanted!r}"
        yield Finding("genai_span_name_format", span.name, message)


def _check_status(span: Span, where: str) -> Findings:
    has_type = "error.type" in span.attributes
    if span.status == "OK":
        yield Finding("span_status_ok_set_by_instrumentation", span.name, f"{where}: status OK")
    if span.status == "ERROR" and not has_type:
        yield Finding("error_type_missing_on_error", span.name, f"{where}: no error.type")
    if span.status != "ERROR" and has_type:
        message = f"{where}: error.type and status {span.status}"
        yield Finding("error_type_without_error_status", span.name, message)


def _check_content(attributes: Mapping[str, Any], where: str) -> Findings:
    for name in CONTENT & attributes.keys():
        for problem in problems(name, attributes[name]):
            yield Finding("genai_content_schema", name, f"{where}: {name}: {problem}")


def _check_finish_reasons(span: Span, where: str) -> Findings:
    name = "gen_ai.response.finish_reasons"
    reasons = span.attributes.get(name)
    if not _is_strings(reasons):
        return  # absent or of the wrong type: said elsewhere
    if len(reasons) != 1:
        yield Finding("finish_reason_unexpected", name, f"{where}: one candidate, {reasons!r}")
    elif (span.status == "ERROR") and reasons[0] != "error":
        yield Finding("finish_reason_unexpected", name, f"{where}: an error, but {reasons!r}")
    elif reasons[0] not in (*FINISH_REASONS, "pause_turn"):
        yield Finding("undefined_enum_variant", name, f"{where}: {reasons[0]!r} was not mapped")


def _check_usage(span: Span, where: str) -> Findings:
    get = span.attributes.get
    for total, parts in (
        ("input", (("cache_read.input",), ("cache_write.input", "cache_creation.input"))),
        ("output", (("reasoning.output",),)),
    ):
        whole = get(f"gen_ai.usage.{total}_tokens")
        # Two names of one number count once.
        said = [
            next((n for a in names if _is_int(n := get(f"gen_ai.usage.{a}_tokens"))), 0)
            for names in parts
        ]
        if _is_int(whole) and sum(said) > whole:
            message = f"{where}: {said} are parts of {whole}"
            yield Finding("usage_subset_exceeds_total", f"gen_ai.usage.{total}_tokens", message)


# --- metrics -----------------------------------------------------------------------------------


def _check_metric(known: Registry, metric: Metric) -> Findings:
    where = f"metric {metric.name}"
    yield from _check_name(metric.name, "metric")
    for point in metric.points:
        yield from _check_attributes(known, point.attributes, where)
    declared = known.metrics.get(metric.name)
    if declared is None:
        gone = metric.name in known.deprecated_metrics
        word = "is out of use" if gone else "is not in the registry"
        yield Finding("deprecated" if gone else "missing_metric", metric.name, f"{where} {word}")
        return
    if metric.unit != declared.unit:
        message = f"{where}: unit {metric.unit!r}, not {declared.unit!r}"
        yield Finding("unit_mismatch", metric.name, message)
    if metric.instrument != declared.instrument:
        message = f"{where}: {metric.instrument}, not {declared.instrument}"
        yield Finding("unexpected_instrument", metric.name, message)
    for point in metric.points:
        if _is_int(point.total) != declared.integer:
            message = f"{where}: {point.total!r} is {type(point.total).__name__}"
            yield Finding("type_mismatch", metric.name, message)
        if point.buckets is not None and point.buckets != declared.buckets:
            message = f"{where}: buckets {point.buckets}, not {declared.buckets}"
            yield Finding("wrong_buckets", metric.name, message)
        operation = point.attributes.get("gen_ai.operation.name")
        if declared.operations and operation not in declared.operations:
            yield Finding("metric_operation_unexpected", metric.name, f"{where}: {operation!r}")
        yield from _check_place(known, point.attributes, declared.attributes, where, metric.name)
        yield from _check_required(point.attributes, declared.attributes, where, metric.name)
        yield from _check_conditions(point.attributes, declared.attributes, where)


def _check_required(
    attributes: Mapping[str, Any], levels: Mapping[str, str], where: str, what: str
) -> Findings:
    for name, level in levels.items():
        if level == "required" and name not in attributes:
            message = f"{where}: {name} is absent"
            yield Finding("required_attribute_not_present", f"{what} {name}", message)


# --- events ------------------------------------------------------------------------------------


def _check_record(known: Registry, record: Record, spans: list[Span]) -> Findings:
    name = record.event_name or ""
    where = f"event {name!r}"
    yield from _check_name(name, "event")
    yield from _check_attributes(known, record.attributes, where)
    declared = known.events.get(name)
    if declared is None:
        yield Finding("missing_event", name, f"{where} is not in the registry")
        return
    if declared.severity is not None and record.severity != declared.severity:
        message = f"{where}: severity {record.severity}, not {declared.severity}"
        yield Finding("event_severity_unexpected", name, message)
    if record.body is not None:
        yield Finding("event_body_unexpected", name, f"{where}: body {record.body!r}")
    if declared.one_of and not any(one in record.attributes for one in declared.one_of):
        wanted = " or ".join(declared.one_of)
        message = f"{where}: {wanted} is absent"
        yield Finding("required_attribute_not_present", f"{name} {declared.one_of[0]}", message)
    yield from _check_place(known, record.attributes, declared.attributes, where, name)
    yield from _check_required(record.attributes, declared.attributes, where, name)
    yield from _check_content(record.attributes, where)
    for content in CONTENT & record.attributes.keys():
        if isinstance(record.attributes[content], str):
            yield Finding("content_not_structured", content, f"{where}: {content} is a string")
    if record.span_id not in {span.span_id for span in spans}:
        yield Finding("event_outside_span", name, f"{where}: no span {record.span_id:x}")


# --- across signals ----------------------------------------------------------------------------


def _check_once(telemetry: Telemetry, own: list[Span], calls: int | None) -> Findings:
    inferences = [span for span in own if span.operation in INFERENCE]
    if calls is not None and len(inferences) != calls:
        message = f"{len(inferences)} spans for {calls} calls"
        yield Finding("span_count_unexpected", "chat", message)
    for span in sdk_spans(telemetry):
        if span.operation in INFERENCE:
            message = f"the SDK's span {span.name!r} stands beside ours"
            yield Finding("duplicate_inference_span", span.name, message)
    seen: set[Any] = set()
    for span in inferences:
        answer = span.attributes.get("gen_ai.response.id")
        if answer is not None and answer in seen:
            message = f"two spans for the response {answer}"
            yield Finding("duplicate_inference_span", span.name, message)
        seen.add(answer)


Key = tuple[Any, ...]
Sums = dict[Key, tuple[float, int]]
Reader = Callable[[Span], float | None]


def _key(attributes: Mapping[str, Any], *more: str) -> Key:
    return tuple(attributes.get(name) for name in (*_LABELS, *more))


def _usage(*names: str) -> Reader:
    """The first of these attributes of a span that is there."""

    def read(span: Span) -> float | None:
        found = (span.attributes.get(f"gen_ai.usage.{name}_tokens") for name in names)
        return next((value for value in found if _is_int(value)), None)

    return read


def _said_or_zero(*names: str) -> Reader:
    """The same; where a call said its usage but not this part of it, zero."""
    part, whole = _usage(*names), _usage("input")

    def read(span: Span) -> float | None:
        value = part(span)
        return 0 if value is None and whole(span) is not None else value

    return read


def _first_chunk(span: Span) -> float | None:
    value = span.attributes.get("gen_ai.response.time_to_first_chunk")
    return value if isinstance(value, float) else None


_INPUT, _OUTPUT = _usage("input"), _usage("output")

# Generation -> rows of: finding, metric, what a span says of it, labels beside the common ones.
_ROWS: Final[Mapping[str, tuple[tuple[str, str, Reader, Mapping[str, str]], ...]]] = {
    "released": (
        ("first_chunk_differs", "operation.time_to_first_chunk", _first_chunk, {}),
        ("token_metrics_differ", "token.usage", _INPUT, {"gen_ai.token.type": "input"}),
        ("token_metrics_differ", "token.usage", _OUTPUT, {"gen_ai.token.type": "output"}),
    ),
    "latest": (
        ("first_chunk_differs", "inference.time_to_first_chunk", _first_chunk, {}),
        ("token_metrics_differ", "inference.operation.input_tokens", _INPUT, {}),
        ("token_metrics_differ", "inference.operation.output_tokens", _OUTPUT, {}),
        ("token_metrics_differ", "inference.usage.input_tokens", _INPUT, {}),
        ("token_metrics_differ", "inference.usage.output_tokens", _OUTPUT, {}),
        *(
            ("token_metrics_differ", f"inference.usage.{metric}_tokens", _said_or_zero(*names), {})
            for metric, names in (
                ("cache_read.input", ("cache_read.input",)),
                ("cache_write.input", ("cache_write.input", "cache_creation.input")),
                ("reasoning.output", ("reasoning.output",)),
            )
        ),
    ),
}
_DURATION: Final = {"released": "operation.duration", "latest": "inference.duration"}


def _check_sums(
    known: Registry, own: list[Span], metrics: list[Metric], generation: str
) -> Findings:
    """The metrics of inferences, label set by label set, are the sums over the spans."""
    spans = [span for span in own if span.operation in INFERENCE]
    by_name = {metric.name: metric for metric in metrics}
    for chosen in ("released", "latest"):
        if generation not in (chosen, "both"):
            continue
        name = f"gen_ai.client.{_DURATION[chosen]}"
        wanted = _of_spans(spans, lambda span: span.seconds, "error.type")
        found = _of_points(by_name.get(name), {}, "error.type")
        yield from _compare("duration_differs", name, wanted, found)
        for finding, short, reader, labels in _ROWS[chosen]:
            name = f"gen_ai.client.{short}"
            counted = known.metrics[name].instrument == "histogram"
            wanted = _of_spans(spans, reader)
            found = _of_points(by_name.get(name), labels)
            yield from _compare(finding, name, wanted, found, counted=counted)


def _of_spans(spans: Iterable[Span], reader: Reader, *more: str) -> Sums:
    sums: Sums = defaultdict(lambda: (0.0, 0))
    for span in spans:
        if (value := reader(span)) is not None:
            key = _key(span.attributes, *more)
            sums[key] = (sums[key][0] + value, sums[key][1] + 1)
    return sums


def _of_points(metric: Metric | None, labels: Mapping[str, str], *more: str) -> Sums:
    sums: Sums = defaultdict(lambda: (0.0, 0))
    points: tuple[Point, ...] = () if metric is None else metric.points
    for point in points:
        said = point.attributes
        if said.get("gen_ai.operation.name") in INFERENCE and labels.items() <= said.items():
            key = _key(said, *more)
            sums[key] = (sums[key][0] + point.total, sums[key][1] + point.count)
    return sums


def _compare(
    finding: str, name: str, wanted: Sums, found: Sums, *, counted: bool = True
) -> Findings:
    for key in sorted(wanted.keys() | found.keys(), key=repr):
        total, count = wanted.get(key, (None, 0))
        measured, points = found.get(key, (None, 0))
        same = (total is None) == (measured is None) and (
            total is None or measured is None or abs(total - measured) < 1e-6
        )
        if not same or (counted and count != points):
            message = f"{name} {key}: spans {total} in {count}, metric {measured} in {points}"
            yield Finding(finding, name, message)
