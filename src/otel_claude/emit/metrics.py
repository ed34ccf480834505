"""The metrics of a call: histograms recorded directly, counters through sums."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.metrics import MeterProvider, NoOpMeterProvider, get_meter_provider

from otel_claude import semconv
from otel_claude.emit.instruments import instruments_of
from otel_claude.emit.spans import ATTRIBUTION, finish_reason
from otel_claude.emit.sums import LabelSet, Slot
from otel_claude.pricing import Cost, Unpriced
from otel_claude.pricing.result import COMPONENTS, TOKEN_TYPES

if TYPE_CHECKING:
    from decimal import Decimal

    from otel_claude.call import Call
    from otel_claude.call.session import SessionUse
    from otel_claude.emit.bill import Bill
    from otel_claude.emit.instruments import Instruments
    from otel_claude.settings import Settings

_LABEL_SETS_KEPT: Final = 4096

_TOKEN_SLOTS: Final = tuple(
    Slot(semconv.M_TOKENS, ((semconv.CLAUDE_TOKEN_TYPE, kind),)) for kind in TOKEN_TYPES
)
_ACTIVE: Final = Slot(semconv.M_ACTIVE)
_UNKNOWN_MODALITY: Final = ((semconv.TOKEN_MODALITY, "unknown"),)
_cost_slots: dict[int, tuple[tuple[Slot, ...], Slot]] = {}

Key = tuple[Any, ...]


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
        self._chunks = settings.time_per_output_chunk
        self._keys = () if settings.strict else settings.metric_attribution
        self._label_sets: dict[Key, LabelSet] = {}
        self._histogram_labels: dict[Key, dict[str, Any]] = {}
        self._active_sets: dict[Key, LabelSet] = {}
        self._listened = False

    def listened(self) -> bool:
        """Whether anybody could collect: False as long as no MeterProvider is set."""
        if not self._listened:
            provider = self._provider or get_meter_provider()
            kind = type(provider)
            self._listened = kind.__name__ != "_ProxyMeterProvider" and not isinstance(
                provider, NoOpMeterProvider
            )
        return self._listened

    def for_runs(self) -> Instruments | None:
        """Where runs are measured: only the latest generation has metrics for them."""
        return self._instruments if self._latest else None

    def start(self, call: Call) -> None:
        """A call is under way."""
        if not self._strict and self.listened():
            self._instruments.sums.add(self._active_set(call), ((_ACTIVE, 1),))
            call.counted = True

    def end(self, call: Call, bill: Bill) -> None:
        """Count and measure a call that has ended."""
        if call.counted:
            self._instruments.sums.add(self._active_set(call), ((_ACTIVE, -1),))
        if not self.listened() or (self._strict and not call.is_inference):
            return
        key = self._key(call, call.response_model)
        labels = self._labels(key)
        if call.whole is not None:  # a result of a batch: the reading of them all was the call
            self._add_money(call, bill, labels)
            return
        self._record_histograms(call, bill, key, labels)
        if self._latest and call.is_inference:
            self._instruments.sums.add(labels, self._usage(call, bill))
        if not self._strict:
            self._instruments.sums.add(labels, self._counts(call, bill))
            self._add_money(call, bill, labels)
            if call.response_headers:
                self._instruments.limits.read(call)

    # --- labels ---

    def _key(self, call: Call, response_model: str | None) -> Key:
        attribution = call.attribution
        said = (
            ()
            if attribution is None
            else tuple(
                getattr(attribution, key) if key in ATTRIBUTION else attribution.tags.get(key)
                for key in self._keys
            )
        )
        return (call.operation, call.endpoint, call.model, response_model, said)

    def _labels(self, key: Key) -> LabelSet:
        labels = self._label_sets.get(key)
        if labels is None:
            operation, endpoint, model, response_model, said = key
            pairs = [
                (semconv.OPERATION_NAME, operation),
                (semconv.PROVIDER_NAME, endpoint.provider),
                (semconv.REQUEST_MODEL, model),
                (semconv.RESPONSE_MODEL, response_model),
                (semconv.SERVER_ADDRESS, endpoint.address),
                (semconv.SERVER_PORT, endpoint.port),
            ]
            for name, value in zip(self._keys, said, strict=False):
                known = ATTRIBUTION.get(name)
                pairs.append((known[0] if known else semconv.TAG_PREFIX + name, value))
            labels = LabelSet({k: v for k, v in pairs if v is not None})
            if len(self._label_sets) >= _LABEL_SETS_KEPT:
                self._label_sets.clear()
            self._label_sets[key] = labels
        return labels

    def _active_set(self, call: Call) -> LabelSet:
        key = (call.model, call.endpoint.provider)
        labels = self._active_sets.get(key)
        if labels is None:
            pairs = ((semconv.REQUEST_MODEL, key[0]), (semconv.PROVIDER_NAME, key[1]))
            labels = LabelSet({k: v for k, v in pairs if v is not None})
            if len(self._active_sets) >= _LABEL_SETS_KEPT:
                self._active_sets.clear()
            self._active_sets[key] = labels
        return labels

    def _labels_of_histogram(
        self, call: Call, bill: Bill, key: Key, labels: LabelSet
    ) -> dict[str, Any]:
        """Labels of duration and first chunk: outside strict mode, with what splits latency."""
        error = None if call.failure is None else call.failure.type
        if self._strict and error is None:
            return dict(labels.attributes)
        full_key = (*key, error, call.stream, bill.context_bucket)
        found = self._histogram_labels.get(full_key)
        if found is None:
            found = dict(labels.attributes)
            if error is not None:
                found[semconv.ERROR_TYPE] = error
            if not self._strict:
                if call.stream:
                    found[semconv.REQUEST_STREAM] = True
                if bill.context_bucket is not None:
                    found[semconv.CONTEXT_BUCKET] = bill.context_bucket
            if len(self._histogram_labels) >= _LABEL_SETS_KEPT:
                self._histogram_labels.clear()
            self._histogram_labels[full_key] = found
        return found

    # --- histograms ---

    def _record_histograms(self, call: Call, bill: Bill, key: Key, labels: LabelSet) -> None:
        wide = self._labels_of_histogram(call, bill, key, labels)
        plain = labels.attributes
        duration = call.duration
        if self._released:
            self._record(semconv.M_DURATION, duration, wide, call)
        if not call.is_inference:
            return
        if self._latest:
            self._record(semconv.M_INFERENCE_DURATION, duration, wide, call)
        self._record_tokens(call, bill, plain)
        if call.stream:
            self._record_stream(call, wide, plain)
        if not self._strict and bill.output_tokens and call.outcome == "completed":
            first = call.time_to_first_token or 0.0
            if duration > first:
                rate = bill.output_tokens / (duration - first)
                self._record(semconv.M_OUTPUT_RATE, rate, plain, call)

    def _record_tokens(self, call: Call, bill: Bill, plain: Any) -> None:
        for kind, tokens, latest in (
            ("input", bill.prompt_tokens, semconv.M_INFERENCE_INPUT),
            ("output", bill.output_tokens, semconv.M_INFERENCE_OUTPUT),
        ):
            if tokens is None:
                continue
            if self._released:
                of_kind = {**plain, semconv.TOKEN_TYPE: kind}
                self._record(semconv.M_TOKEN_USAGE, tokens, of_kind, call)
            if self._latest:
                self._record(latest, tokens, plain, call)

    def _record_stream(self, call: Call, wide: dict[str, Any], plain: Any) -> None:
        first = call.time_to_first_token
        if first is not None:
            if self._released:
                self._record(semconv.M_FIRST_CHUNK, first, wide, call)
            if self._latest:
                self._record(semconv.M_INFERENCE_FIRST_CHUNK, first, wide, call)
        if self._chunks and call.chunk_times:
            names = [semconv.M_OUTPUT_CHUNK] if self._released else []
            names += [semconv.M_INFERENCE_OUTPUT_CHUNK] if self._latest else []
            times = call.chunk_times
            for before, after in itertools.pairwise(times):
                for name in names:
                    self._record(name, (after - before) / 1e9, plain, call)

    def _record(self, name: str, value: float, attributes: Any, call: Call) -> None:
        # In the span's context, so that exemplars lead from a bucket to this very call.
        self._instruments.histogram(name).record(value, attributes, call.context)

    # --- counters ---

    def _counts(self, call: Call, bill: Bill) -> list[tuple[Slot, int]]:
        failure = call.failure
        pairs = (
            (semconv.ERROR_TYPE, None if failure is None else failure.type),
            (semconv.OUTCOME, call.outcome),
            (semconv.ERROR_CATEGORY, None if failure is None else failure.category),
            (semconv.FINISH_REASON, finish_reason(call)),
            (semconv.REQUEST_STREAM, call.stream),
            (semconv.RESPONSE_SERVICE_TIER, call.usage.service_tier),
            (semconv.CONTEXT_BUCKET, bill.context_bucket),
            (semconv.COST_BUCKET, bill.cost_bucket),
            (semconv.RETRIED, bool(call.retried_errors)),
        )
        said = tuple(pair for pair in pairs if pair[1] is not None)
        counts = [(Slot(semconv.M_REQUESTS, said), 1)]
        counts += [
            (Slot(semconv.M_RETRIES, ((semconv.ERROR_TYPE, error),)), 1)
            for error in call.retried_errors
        ]
        if type(bill.cost) is Unpriced:
            reason = ((semconv.COST_UNAVAILABLE, bill.cost.reason),)
            counts.append((Slot(semconv.M_COST_UNPRICED, reason), 1))
        return counts

    def _add_money(self, call: Call, bill: Bill, labels: LabelSet) -> None:
        """Billed tokens and their cost, each inference under the model it ran on."""
        sums = self._instruments.sums
        cost = bill.cost
        if type(cost) is Cost:
            exponent = cost.exponent
            for index, group in enumerate(cost.groups):
                if group.free_reason is not None:
                    continue
                own = group.model == cost.model
                of_group = labels if own else self._labels(self._key(call, group.model))
                additions = [
                    (slot, n) for slot, n in zip(_TOKEN_SLOTS, group.counts, strict=True) if n
                ]
                components, uncached = _slots_of(exponent)
                *units, plain = group.units
                additions += [(s, n) for s, n in zip(components, units, strict=False) if n]
                tools = cost.tools_units if index == 0 else 0
                if tools:
                    additions.append((components[4], tools))
                additions.append((uncached, plain + tools))
                sums.add(of_group, additions)
        elif type(cost) is Unpriced:
            for found in cost.groups:
                counts = (
                    found.input,
                    found.cache_read,
                    found.cache_write_5m,
                    found.cache_write_1h,
                    found.output,
                )
                of_group = labels if found.own else self._labels(self._key(call, found.model))
                sums.add(of_group, [(s, n) for s, n in zip(_TOKEN_SLOTS, counts, strict=True) if n])

    def used_in_session(self, use: SessionUse) -> None:
        """Count what a managed agent's session used."""
        if self._strict or not self.listened():
            return
        labels = LabelSet({semconv.PROVIDER_NAME: "anthropic"})
        units, exponent = _whole(use.cost)
        additions = [
            (Slot(semconv.M_SESSION_TOKENS, ((semconv.CLAUDE_TOKEN_TYPE, kind),)), n)
            for kind, n in use.tokens.items()
        ]
        additions.append((Slot(semconv.M_SESSION_COST, (), exponent), units))
        self._instruments.sums.add(labels, additions)

    def _usage(self, call: Call, bill: Bill) -> list[tuple[Slot, int]]:
        """The usage counters of the latest generation. Zero makes the series exist."""
        if not call.usage.said:
            return []
        return [
            (Slot(name, _UNKNOWN_MODALITY), number)
            for name, number in (
                (semconv.M_USAGE_INPUT, bill.prompt_tokens),
                (semconv.M_USAGE_OUTPUT, bill.output_tokens),
                (semconv.M_USAGE_CACHE_READ, bill.cache_read or 0),
                (semconv.M_USAGE_CACHE_WRITE, bill.cache_write or 0),
                (semconv.M_USAGE_REASONING, call.usage.thinking_tokens or 0),
            )
            if number is not None
        ]


def _whole(amount: Decimal) -> tuple[int, int]:
    """A decimal as a whole number of 10**-exponent units."""
    exponent = amount.as_tuple().exponent
    places = max(0, -exponent) if isinstance(exponent, int) else 0
    return int(amount.scaleb(places)), places


def _slots_of(exponent: int) -> tuple[tuple[Slot, ...], Slot]:
    """The slots of the cost components, and of the uncached cost, for a unit of money."""
    found = _cost_slots.get(exponent)
    if found is None:
        components = tuple(
            Slot(semconv.M_COST, ((semconv.COST_COMPONENT, name),), exponent) for name in COMPONENTS
        )
        found = (components, Slot(semconv.M_COST_UNCACHED, (), exponent))
        _cost_slots[exponent] = found
    return found
