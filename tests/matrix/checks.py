"""What must be true of each cell: the telemetry's own rules, and that the program noticed nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otel_claude import semconv

Json = dict[str, Any]


def problems(cell: Json) -> list[str]:
    """Everything that is wrong with a cell, one line each; empty for a good one."""
    return [
        *_program_noticed(cell),
        *_spans(cell),
        *_usage(cell),
        *_metrics(cell),
        *_wire(cell),
    ]


def _program_noticed(cell: Json) -> Iterator[str]:
    if cell["difference"]:
        yield f"the program saw something else: {cell['difference']}"
    for line in cell["telemetry"]["logs"]:
        yield f"logged: {line}"
    if cell["unwatched"]:
        yield f"spans of ours without instrument(): {cell['unwatched']}"


def _spans(cell: Json) -> Iterator[str]:
    expect, telemetry = cell["expect"], cell["telemetry"]
    spans = telemetry["spans"]
    if len(spans) != expect["calls"]:
        yield f"{len(spans)} spans ended for {expect['calls']} calls"
    if telemetry["started"] != len(spans):
        yield f"{telemetry['started']} spans started, {len(spans)} ended"
    if telemetry["others"]:
        yield f"spans of others for the same call: {telemetry['others']}"
    for span in spans:
        yield from _span(expect, span)


def _span(expect: Json, span: Json) -> Iterator[str]:
    said = span["attributes"]
    outcome = said.get(semconv.OUTCOME)
    if outcome not in expect["outcome"]:
        yield f"outcome {outcome}, not {' or '.join(expect['outcome'])}"
    allowed = expect["error"].split("|") if expect["error"] else [None]
    if len(expect["outcome"]) == 1 and said.get(semconv.ERROR_TYPE) not in allowed:
        yield f"error.type {said.get(semconv.ERROR_TYPE)!r}, not {expect['error']!r}"
    status = "ERROR" if outcome in ("failed", "truncated") else "UNSET"
    if span["status"] != status:
        yield f"status {span['status']}, not {status}"
    if (semconv.ERROR_TYPE in said) != (status == "ERROR"):
        yield f"error.type {said.get(semconv.ERROR_TYPE)!r} on a span of status {status}"
    for name, wanted in (
        (semconv.OPERATION_NAME, expect["operation"]),
        (semconv.PROVIDER_NAME, expect["provider"]),
        (semconv.RETRIES, expect["retries"] or None),
        (semconv.REQUEST_STREAM, True if expect["stream"] else None),
    ):
        if said.get(name) != wanted:
            yield f"{name} {said.get(name)!r}, not {wanted!r}"
    first = said.get(semconv.RESPONSE_TIME_TO_FIRST_CHUNK)
    if expect["content"] is not None and (first is not None) != expect["content"]:
        yield f"time to first token {first}, while content {'came' if expect['content'] else 'never came'}"
    if first is not None and not 0 < said.get(semconv.TIME_TO_FIRST_EVENT, 0) <= first:
        yield f"first event at {said.get(semconv.TIME_TO_FIRST_EVENT)}, first token at {first}"


def _billed(cell: Json) -> tuple[int | None, int | None]:
    """Prompt and output tokens of the one billed attempt in the ledger."""
    billed = [entry["usage"] for entry in cell["telemetry"]["ledger"] if entry["usage"]]
    if len(billed) != 1:
        return None, None
    get = billed[0].get
    prompt = sum(
        get(name) or 0
        for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    )
    return prompt, get("output_tokens")


def _usage(cell: Json) -> Iterator[str]:
    expect = cell["expect"]
    if expect["usage"] == "any":
        return
    for span in cell["telemetry"]["spans"]:
        said = span["attributes"]
        prompt, output = _billed(cell)
        if expect["usage"] == "none":
            prompt = None
        if expect["usage"] != "ledger":
            output = None
        elif prompt is None or output is None:
            yield "the ledger has not one billed attempt: the test is wrong"
        for name, wanted in (
            (semconv.USAGE_INPUT_TOKENS, prompt),
            (semconv.USAGE_OUTPUT_TOKENS, output),
        ):
            if said.get(name) != wanted:
                yield f"{name} {said.get(name)}, not {wanted}"


def _total(cell: Json, name: str, **labels: Any) -> float:
    found: float = 0
    for metric, attributes, value in cell["telemetry"]["metrics"]:
        if metric == name and labels.items() <= attributes.items():
            found += value[0] if isinstance(value, list) else value
    return found


def _metrics(cell: Json) -> Iterator[str]:
    expect = cell["expect"]
    spans = [span["attributes"] for span in cell["telemetry"]["spans"]]
    if (counted := _total(cell, semconv.M_REQUESTS)) != expect["calls"]:
        yield f"{semconv.M_REQUESTS} {counted}, not {expect['calls']}"
    if (timed := _total(cell, semconv.M_DURATION)) != expect["calls"]:
        yield f"{timed} points of {semconv.M_DURATION}, not {expect['calls']}"
    if active := _total(cell, semconv.M_ACTIVE):
        yield f"{semconv.M_ACTIVE} left at {active}"
    if faults := [m for m in cell["telemetry"]["metrics"] if m[0] == semconv.M_FAULTS]:
        yield f"faults of ours: {faults}"
    if (retries := _total(cell, semconv.M_RETRIES)) != expect["retries"]:
        yield f"{semconv.M_RETRIES} {retries}, not {expect['retries']}"
    for span in spans:
        labels = {
            semconv.OUTCOME: span.get(semconv.OUTCOME),
            semconv.REQUEST_STREAM: expect["stream"],
        }
        if semconv.ERROR_TYPE in span:
            labels[semconv.ERROR_TYPE] = span[semconv.ERROR_TYPE]
        if _total(cell, semconv.M_REQUESTS, **labels) != len(spans):
            yield f"no point of {semconv.M_REQUESTS} with {labels}"
    if expect["operation"] == "chat":
        yield from _tokens(cell, spans)
    streamed = sum(semconv.RESPONSE_TIME_TO_FIRST_CHUNK in span for span in spans)
    if (first := _total(cell, semconv.M_FIRST_CHUNK)) != streamed:
        yield f"{first} points of {semconv.M_FIRST_CHUNK}, not {streamed}"


def _tokens(cell: Json, spans: list[Json]) -> Iterator[str]:
    prompt = sum(span.get(semconv.USAGE_INPUT_TOKENS, 0) for span in spans)
    output = sum(span.get(semconv.USAGE_OUTPUT_TOKENS, 0) for span in spans)
    counted = {
        kind: _total(cell, semconv.M_TOKENS, **{semconv.CLAUDE_TOKEN_TYPE: kind})
        for kind in ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
    }
    if counted.pop("output") != output:
        yield f"{semconv.M_TOKENS} of output differs from the span's {output}"
    if sum(counted.values()) != prompt:
        yield f"{semconv.M_TOKENS} of the prompt {counted} differ from the span's {prompt}"


def _wire(cell: Json) -> Iterator[str]:
    spans, sent = cell["telemetry"]["spans"], cell["telemetry"]["traceparents"]
    exported = {f"00-{span['trace']}-{span['id']}" for span in spans}
    if strangers := [t for t in sent if t is None or t.rpartition("-")[0] not in exported]:
        yield f"{len(strangers)} traceparents on the wire are not of an exported span"
