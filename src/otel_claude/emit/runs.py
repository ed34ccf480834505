"""Spans and metrics of runs: `invoke_agent` for a tool runner's loop, `execute_tool` per tool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, set_span_in_context

from otel_claude import semconv
from otel_claude.emit.spans import FINISH_REASONS

if TYPE_CHECKING:
    from otel_claude.call.run import Run
    from otel_claude.emit.content import Contents
    from otel_claude.emit.instruments import Instruments


class Runs:
    """Starts and ends the spans of runs.

    Args:
        tracer: where the spans come from.
        instruments: for the metrics of the latest generation; None where they are not wanted.
        strict: write only attributes that the GenAI conventions declare.
        contents: what of a tool's arguments and result is recorded; None: nothing.
    """

    def __init__(
        self,
        tracer: Tracer,
        instruments: Instruments | None,
        *,
        strict: bool,
        contents: Contents | None = None,
    ) -> None:
        self._tracer = tracer
        self._instruments = instruments
        self._contents = contents
        self._strict = strict

    def start(self, run: Run) -> None:
        """Start the span of a run."""
        attributes: dict[str, Any] = {semconv.OPERATION_NAME: run.kind}
        if run.kind == "execute_tool":
            attributes[semconv.TOOL_TYPE] = "function"
            if run.name is not None:
                attributes[semconv.TOOL_NAME] = run.name
            if run.call_id is not None:
                attributes[semconv.TOOL_CALL_ID] = run.call_id
        elif run.model is not None:
            attributes[semconv.REQUEST_MODEL] = run.model
        span = self._tracer.start_span(
            run.kind if run.name is None else f"{run.kind} {run.name}",
            kind=SpanKind.INTERNAL,
            attributes=attributes,
            start_time=run.started_at,
        )
        if span.get_span_context().is_valid:
            run.span = span
            run.context = set_span_in_context(span)

    def end(self, run: Run) -> None:
        """Write what is known and end the span."""
        ended = run.ended or run.started
        if run.span is not None:
            if run.span.is_recording():
                run.span.set_attributes(self._attributes(run))
                if run.error_type is not None:
                    run.span.set_status(Status(StatusCode.ERROR))
            run.span.end(end_time=run.started_at + ended - run.started)
        if self._instruments is not None:
            self._measure(run, (ended - run.started) / 1e9, self._instruments)

    def _attributes(self, run: Run) -> dict[str, Any]:
        attributes: dict[str, Any] = {}
        if run.error_type is not None:
            attributes[semconv.ERROR_TYPE] = run.error_type
        if run.kind == "execute_tool":
            if self._contents is not None:
                attributes |= self._contents.of_run(run)
        else:
            reason = "error" if run.error_type else run.finish_reason
            if reason is not None:
                attributes[semconv.RESPONSE_FINISH_REASONS] = (FINISH_REASONS.get(reason, reason),)
            if run.input_tokens is not None:
                attributes[semconv.USAGE_INPUT_TOKENS] = run.input_tokens
            if run.output_tokens is not None:
                attributes[semconv.USAGE_OUTPUT_TOKENS] = run.output_tokens
        if run.attribution is not None:
            for field, names in semconv.ATTRIBUTION.items():
                if (value := getattr(run.attribution, field)) is not None:
                    for name in names:
                        if not self._strict or name == semconv.CONVERSATION_ID:
                            attributes[name] = value
        return attributes

    def _measure(self, run: Run, seconds: float, instruments: Instruments) -> None:
        said: dict[str, Any] = {}
        words = instruments.words
        if run.error_type is not None:
            said[semconv.ERROR_TYPE] = words.of(semconv.ERROR_TYPE, run.error_type)
        if run.kind == "execute_tool":
            if run.name is None:
                return
            name = words.of(semconv.TOOL_NAME, run.name)
            said |= {semconv.TOOL_NAME: name, semconv.TOOL_TYPE: "function"}
            instruments.histogram(semconv.M_TOOL_DURATION).record(seconds, said, run.context)
            return
        if run.model is not None:
            said[semconv.REQUEST_MODEL] = words.of(semconv.REQUEST_MODEL, run.model)
        instruments.histogram(semconv.M_AGENT_DURATION).record(seconds, said, run.context)
        instruments.histogram(semconv.M_AGENT_CALLS).record(run.calls, {}, run.context)
        instruments.histogram(semconv.M_AGENT_TOOLS).record(run.tools, {}, run.context)
