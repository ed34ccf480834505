"""The observer that turns calls into telemetry: spans, metrics, events and log lines."""

from __future__ import annotations

import logging
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import get_tracer, get_tracer_provider

from otel_claude import __version__, _faults, semconv
from otel_claude._sources import Sources
from otel_claude.emit.bill import Bill
from otel_claude.emit.metrics import Metrics
from otel_claude.emit.notice import is_sdk, warn_if_unheard, warn_of_rivals
from otel_claude.emit.spans import Spans, first_attributes
from otel_claude.pricing import Cost, Unpriced

if TYPE_CHECKING:
    from otel_claude.call.batch import Tally
    from otel_claude.call.call import Call
    from otel_claude.call.run import Run
    from otel_claude.call.session import SessionUse
    from otel_claude.emit.content import Contents
    from otel_claude.emit.events import Events
    from otel_claude.emit.runs import Runs
    from otel_claude.pricing import Prices
    from otel_claude.settings import Settings

logger = logging.getLogger("otel_claude")

_LOGS_API = "opentelemetry._logs"
_MODELS_WARNED = 256


class Recorder:
    """Records every call once: as a span, as metric points, on failure as an event.

    Args:
        settings: what to emit.
        prices: the price book with the user's overrides; None is the built-in list.
        tracer_provider: of the spans; None is the global one. Likewise for the other two.
        meter_provider: of the metrics.
        logger_provider: of the events.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        prices: Prices | None = None,
        tracer_provider: Any = None,
        meter_provider: Any = None,
        logger_provider: Any = None,
    ) -> None:
        self._settings = settings
        self.prices = prices
        tracer = get_tracer(semconv.SCOPE, __version__, tracer_provider=tracer_provider)
        self._spans = Spans(tracer, strict=settings.strict, generation=settings.semconv)
        self._metrics = Metrics(meter_provider, settings)
        self.contents = _contents(settings)
        self._tracer = tracer
        self._logger_provider = logger_provider
        self._warned: set[str] = set()
        self._providers = (tracer_provider, meter_provider)
        self.sources = Sources(settings, *self._providers)
        self._noticed = False
        self._listens = False
        self._rivals = warn_of_rivals()
        # The span last: exemplars and events refer to one that is still open.
        self._records = [self._metrics.end, self._emit, self._spans.write]
        if settings.log_calls or settings.slow_call_seconds is not None:
            from otel_claude.emit.lines import Lines

            self._records.insert(2, Lines(settings).write)
        if settings.summary:
            from otel_claude.emit.recent import Recent, remember

            kept = Recent()
            remember(kept)
            self._records.insert(0, kept.add)

    def use_prices(self, prices: Prices) -> None:
        """Price calls by another book from now on."""
        self.prices = prices

    def listening(self) -> bool:
        """Whether an OpenTelemetry SDK is set up, or log lines are wanted."""
        if not self._noticed:
            self._notice()
        if not self._listens:
            self._listens = (
                self._settings.log_calls
                or self._settings.summary
                or self._settings.slow_call_seconds is not None
                or self._metrics.listened()
                or is_sdk(self._providers[0] or get_tracer_provider())
            )
        return self._listens

    def _notice(self) -> None:
        """Say what a user should know, at the first call: until then it may still change.

        Providers may be set after `instrument`, and other instrumentations activated.
        """
        self._noticed = True
        # With log lines or summaries on, somebody does see the calls.
        if not (self._settings.log_calls or self._settings.summary):
            warn_if_unheard(*self._providers)
        if not self._rivals:
            warn_of_rivals()

    def before(self, call: Call) -> None:
        """Start the span of a call."""
        call.attribution = self.sources.of(call.request.get("user_id"))
        if self._settings.time_per_output_chunk:
            call.chunk_times = []
        if call.adopts:
            call.describe = self._describe
        self._spans.start(call)
        if self.contents is not None:
            self.contents.ask(call)
        self._metrics.start(call)

    def _describe(self, call: Call) -> None:
        if self.contents is not None:
            call.captured = self.contents.of(call)
        self._spans.write(call, Bill(call, self.prices))

    def after(self, call: Call) -> None:
        """Record a call that has ended. A fault in one signal leaves the others whole."""
        try:
            self._metrics.leave(call)
            if call.outcome == "rejected" and call.adopts:
                # Nothing was sent, so the SDK makes no span: this one is ours.
                call.adopts = False
                self._spans.start(call)
            bill = Bill(call, self.prices)
            if self.contents is not None:
                call.captured = self.contents.of(call)
            if call.whole is not None and call.whole.tally is not None:
                _add_to(call.whole.tally, bill)
            for record in self._records:
                try:
                    record(call, bill)
                except Exception:
                    _faults.report(record.__qualname__)
            if type(bill.cost) is Unpriced:
                self._warn_unpriced(bill.cost)
        finally:
            self._spans.close(call)

    def _emit(self, call: Call, bill: Bill) -> None:
        record = None
        # Where nobody imported the logs API, nobody can have set up what takes the event of a failure.
        worth = call.captured is not None or (call.failure is not None and _LOGS_API in sys.modules)
        if worth and self._declared(call) and self._events is not None:
            if call.failure is not None:
                self._events.exception(call)
            if call.captured is not None:
                record = self._details(call, bill)
        if self.contents is not None:
            self.contents.complete(call, record)
        if record is not None and self._events is not None:
            self._events.emit(record)

    def _details(self, call: Call, bill: Bill) -> Any:
        """The event with the content of a call, None where it is not wanted there."""
        strict = self._settings.strict
        content = call.captured.on_event(strict=strict)
        said = call.is_inference or call.whole is not None
        if content is None or not said or self._events is None:
            return None
        attributes = {**first_attributes(call), **self._spans.attributes(call, bill), **content}
        return self._events.details(call, attributes)

    @cached_property
    def _events(self) -> Events | None:
        from otel_claude.emit.events import Events

        return Events.of(self._logger_provider, strict=self._settings.strict)

    @cached_property
    def _runs(self) -> Runs:
        from otel_claude.emit.runs import Runs

        measured, strict = self._metrics.for_runs(), self._settings.strict
        return Runs(self._tracer, measured, strict=strict, contents=self.contents)

    def before_run(self, run: Run) -> None:
        """Start the span of a tool runner's loop, or of a tool."""
        run.attribution = self.sources.of()
        self._runs.start(run)

    def after_run(self, run: Run) -> None:
        """Record a loop or a tool that has ended."""
        self._runs.end(run)

    def used_in_session(self, use: SessionUse) -> None:
        """Count what a managed agent's session used."""
        self._metrics.used_in_session(use)

    def _declared(self, call: Call) -> bool:
        """Whether the conventions know what kind of call this is; they are all there is in strict."""
        return call.is_inference or not self._settings.strict

    def _warn_unpriced(self, unpriced: Unpriced) -> None:
        model = unpriced.model or "?"
        if unpriced.reason == "missing_usage" or model in self._warned:
            return
        if len(self._warned) < _MODELS_WARNED:
            self._warned.add(model)
            logger.warning(
                "otel-claude: no price is known for the model %r (%s), so its calls have no cost. "
                "Price book %s; add the model with the setting `prices`.",
                model,
                unpriced.reason,
                unpriced.price_book,
            )


def _add_to(tally: Tally, bill: Bill) -> None:
    if type(bill.cost) is Cost:
        tally.cost += bill.cost.total
    else:
        tally.unpriced += 1


def _contents(settings: Settings) -> Contents | None:
    """What captures content; imported only where some is wanted."""
    if not settings.wants_content:
        return None
    from otel_claude.emit.content import Contents

    return Contents(settings)
