"""The instruments of one MeterProvider: made once, kept for the life of the provider.

Instruments cannot be unregistered, and a second observable of the same name silently loses its
callback; so `uninstrument` and `instrument` again must meet the same instruments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from opentelemetry.context import Context
from opentelemetry.metrics import (
    CallbackOptions,
    Counter,
    Histogram,
    Meter,
    MeterProvider,
    Observation,
    UpDownCounter,
    get_meter_provider,
)
from opentelemetry.trace import INVALID_SPAN, set_span_in_context

from otel_claude import __version__, _faults, semconv
from otel_claude.call.fork import new_lock
from otel_claude.emit.limits import Limits
from otel_claude.emit.sums import Sums
from otel_claude.emit.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

NO_SPAN: Final = set_span_in_context(INVALID_SPAN, Context())
"""For points without an exemplar: whoever happens to collect may be inside some other span."""

_made: WeakKeyDictionary[Any, Instruments] = WeakKeyDictionary()
_making = new_lock()


class Instruments:
    """The instruments, and the sums and readings that feed them at collection."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._counters: dict[str, Counter | UpDownCounter] = {}
        self._histograms: dict[str, Histogram] = {}
        self._shown: dict[str, Callable[[CallbackOptions], Iterable[Observation]] | None] = {}
        self._flushing = new_lock()
        self.sums = Sums()
        self.words = Words()
        self.limits = Limits(self.words)
        # A point of this gauge exists only while a rate limit is known, but its callback runs at
        # every collection and before counters are read: the place to hand over the sums.
        self._gauge(semconv.M_RATELIMIT_LIMIT, self._flush_and_limits)
        self._gauge(semconv.M_RATELIMIT_REMAINING, self.limits.remaining)
        self._gauge(semconv.M_RATELIMIT_UTILIZATION, self.limits.utilization)
        self._gauge(semconv.M_RATELIMIT_RESET, self.limits.reset)
        self._gauge(semconv.M_RETIREMENT, self.limits.retirement)

    def histogram(self, name: str) -> Histogram:
        """The histogram of that name, made when it is first used."""
        found = self._histograms.get(name)
        if found is None:
            metric = semconv.METRICS[name]
            found = self._histograms[name] = self._meter.create_histogram(
                name,
                unit=metric.unit,
                description=metric.note,
                explicit_bucket_boundaries_advisory=metric.buckets,
            )
        return found

    def counter(self, name: str) -> Counter | UpDownCounter:
        """The counter of that name, made when it is first used."""
        found = self._counters.get(name)
        if found is None:
            metric = semconv.METRICS[name]
            create: Callable[..., Counter | UpDownCounter] = (
                self._meter.create_counter
                if metric.instrument == "counter"
                else self._meter.create_up_down_counter
            )
            found = self._counters[name] = create(name, unit=metric.unit, description=metric.note)
        return found

    def show(
        self, name: str, read: Callable[[CallbackOptions], Iterable[Observation]] | None
    ) -> None:
        """Let a gauge show what `read` says from now on; nothing for None."""
        known = name in self._shown
        self._shown[name] = read
        if not known:
            self._gauge(name, lambda options: (self._shown[name] or _nothing)(options))

    def _gauge(
        self, name: str, callback: Callable[[CallbackOptions], Iterable[Observation]]
    ) -> None:
        metric = semconv.METRICS[name]
        self._meter.create_observable_gauge(
            name, callbacks=[callback], unit=metric.unit, description=metric.note
        )

    def _flush_and_limits(self, options: CallbackOptions) -> Iterable[Observation]:
        try:
            self.flush()
        except Exception:
            _faults.report("metrics.flush")
        return self.limits.limit(options)

    def flush(self) -> None:
        """Hand the pending sums to the counters."""
        with self._flushing:
            for labels, sums in self.sums.take().items():
                for slot, number in sums.items():
                    amount = number / 10**slot.exponent if slot.exponent else number
                    attributes = {**labels.attributes, **slot.labels}
                    self.counter(slot.instrument).add(amount, attributes, NO_SPAN)
            for site, faults in _faults.drain().items():
                self.counter(semconv.M_FAULTS).add(faults, {semconv.FAULT_SITE: site}, NO_SPAN)


def _nothing(_options: CallbackOptions) -> Iterable[Observation]:
    return ()


def instruments_of(provider: MeterProvider | None) -> Instruments:
    """The instruments of a provider; those of the global one for None.

    The global provider may still be a stand-in that becomes real later: both are the same here.
    """
    stands_for_global = provider is None or provider is get_meter_provider()
    key: Any = _GLOBAL if stands_for_global else provider
    with _making:
        found = _made.get(key)
        if found is None:
            real = provider or get_meter_provider()
            # One that was given before it became the global one keeps what it had.
            found = _made.get(real) or Instruments(real.get_meter(semconv.SCOPE, __version__))
            _made[key] = found
        return found


class _Global:
    """The key under which the instruments of the global provider are kept."""


_GLOBAL = _Global()
