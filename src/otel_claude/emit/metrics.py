"""The metrics of a call: histograms recorded directly, counters through sums."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import MeterProvider, get_meter_provider

from otel_claude import semconv
from otel_claude.emit import counters
from otel_claude.emit.instruments import NO_SPAN, instruments_of
from otel_claude.emit.labels import Labels
from otel_claude.emit.notice import is_sdk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_claude.call.call import Call
    from otel_claude.call.session import SessionUse
    from otel_claude.emit.bill import Bill
    from otel_claude.emit.instruments import Instruments
    from otel_claude.emit.sums import LabelSet
    from otel_claude.settings import Settings


class Metrics:
    """Counts and measures calls.

    Args:
        provider: where the instruments are made; None is the global one.
        settings: generation of the standard metrics, strict, labels from attribution.
    """

    def __init__(self, provider: MeterProvider | None, settings: Settings) -> None:
        self._provider = provider
        self._instruments = instruments_of(provider)
        self._strict = settings.strict
        self._released = settings.semconv in ("released", "both")
        self._latest = settings.semconv in ("latest", "both")
        self._words = self._instruments.words
        self._words.limit = settings.metric_label_values
        self._labels = Labels(settings.metric_attribution, self._words, strict=settings.strict)
        self._listened = False

    def listened(self) -> bool:
        """Whether anybody could collect: False as long as no MeterProvider is set."""
        if not self._listened:
            self._listened = is_sdk(self._provider or get_meter_provider())
        return self._listened

    def for_runs(self) -> Instruments | None:
        """Where runs are measured: only the latest generation has metrics for them."""
        return self._instruments if self._latest else None

    def start(self, call: Call) -> None:
        """A call is under way."""
        if not self._strict and self.listened():
            active = self._labels.of_active(call)
            self._instruments.sums.add(active, counters.BEGUN)
            call.counted = True

    def leave(self, call: Call) -> None:
        """A call is not under way any more."""
        if call.counted:
            active = self._labels.of_active(call)
            self._instruments.sums.add(active, counters.ENDED)

    def end(self, call: Call, bill: Bill) -> None:
        """Count and measure a call that has ended."""
        if not self.listened() or (self._strict and not call.is_inference):
            return
        labels = self._labels.of(call, call.response_model)
        additions: list[counters.Addition] = []
        # A result of a batch is no call of its own: the reading of them all was.
        if call.whole is None:
            self._record(call, bill, labels)
            additions += self._counts(call, bill)
        sums = self._instruments.sums
        if not self._strict:
            for model, spent in counters.money(bill):
                if model is None:
                    additions += spent
                else:
                    sums.add(self._labels.of(call, model), spent)
        sums.add(labels, additions)

    def used_in_session(self, use: SessionUse) -> None:
        """Count what a managed agent's session used."""
        if not self._strict and self.listened():
            counters.add_session(self._instruments.sums, use)

    def _counts(self, call: Call, bill: Bill) -> list[counters.Addition]:
        additions: list[counters.Addition] = []
        if self._latest and call.is_inference:
            additions += counters.usage(call, bill)
        if not self._strict:
            additions += counters.requests(call, bill, self._words)
            if call.model is not None:
                self._instruments.limits.read(call)
        return additions

    def _record(self, call: Call, bill: Bill, labels: LabelSet) -> None:
        of_duration = self._labels.of_histogram(labels, call, bill, error=True)
        if self._released:
            self._put(semconv.M_DURATION, call.duration, of_duration, call)
        if not call.is_inference:
            return
        if self._latest:
            self._put(semconv.M_INFERENCE_DURATION, call.duration, of_duration, call)
        self._record_tokens(bill, labels)
        if call.stream and call.first_token is not None:
            self._record_stream(call, bill, labels)

    def _record_tokens(self, bill: Bill, labels: LabelSet) -> None:
        for kind, tokens, latest in (
            ("input", bill.prompt_tokens, semconv.M_INFERENCE_INPUT),
            ("output", bill.output_tokens, semconv.M_INFERENCE_OUTPUT),
        ):
            if tokens is None:
                continue
            if self._released:
                self._put(semconv.M_TOKEN_USAGE, tokens, labels.of_tokens(kind))
            if self._latest:
                self._put(latest, tokens, labels.attributes)

    def _record_stream(self, call: Call, bill: Bill, labels: LabelSet) -> None:
        first = call.time_to_first_token or 0.0
        plain = labels.attributes
        of_latency = self._labels.of_histogram(labels, call, bill, error=False)
        if self._released:
            self._put(semconv.M_FIRST_CHUNK, first, of_latency, call)
        if self._latest:
            self._put(semconv.M_INFERENCE_FIRST_CHUNK, first, of_latency, call)
        generating = call.duration - first
        if not self._strict and bill.output_tokens and generating > 0:
            self._put(semconv.M_OUTPUT_RATE, bill.output_tokens / generating, plain, call)
        for before, after in itertools.pairwise(call.chunk_times or ()):
            seconds = (after - before) / 1e9
            if self._released:
                self._put(semconv.M_OUTPUT_CHUNK, seconds, plain, call)
            if self._latest:
                self._put(semconv.M_INFERENCE_OUTPUT_CHUNK, seconds, plain, call)

    def _put(
        self, name: str, value: float, labels: Mapping[str, Any], call: Call | None = None
    ) -> None:
        # Latencies in the span's context, so that exemplars lead from a bucket to this very call.
        # An exemplar costs more than a label, so token counts, which the span has, are without.
        context = NO_SPAN if call is None else call.context
        self._instruments.histogram(name).record(value, labels, context)
