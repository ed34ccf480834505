"""`feedback`: what users say of an answer, as evaluation results beside those of evaluators."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_claude import _faults, _sources, semconv
from otel_claude._pseudonym import pseudonym
from otel_claude.call.fork import new_lock
from otel_claude.call.usage import text
from otel_claude.quality.answer import Verdict
from otel_claude.quality.telemetry import Subject, Telemetry
from otel_claude.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from otel_claude.call.call import Call

logger = logging.getLogger("otel_claude")

Kind = Literal["accept", "reject", "edit", "retry"]
_SCORES: Final[dict[str, float | None]] = {
    semconv.FEEDBACK_ACCEPT: 1.0,
    "reject": 0.0,
    "edit": None,
    "retry": None,
}
_KEPT: Final = 10_000  # answers that are remembered
_TRACEPARENT: Final = "traceparent"  # https://www.w3.org/TR/trace-context/


class Desk:
    """Takes feedback.

    Args:
        settings: what to emit, and whether answers are remembered.
        telemetry: where it goes.
    """

    def __init__(self, settings: Settings, telemetry: Telemetry) -> None:
        self._key = settings.hash_key
        self._strict = settings.strict
        self.telemetry = telemetry
        # It is taken by a call that garbage collection ends, too.
        self._lock = new_lock()
        self._seen: dict[str, Subject] = {}

    def listening(self) -> bool:
        """Never: for feedback alone calls need not be watched."""
        return False

    def before(self, call: Call) -> None:
        """Nothing to do."""

    def after(self, call: Call) -> None:
        """Remember whose answer this was."""
        found = call.response_id
        if found is None:
            return
        subject = self.telemetry.subject(call)
        with self._lock:
            self._seen[found] = subject
            if len(self._seen) > _KEPT:
                del self._seen[next(iter(self._seen))]

    def subject(self, response: Any, context: Context | None) -> Subject:
        """The call that a response, or its id, belongs to, as far as it is known."""
        found = response if isinstance(response, str) else text(getattr(response, "id", None))
        seen = self._seen.get(found or "")
        if seen is not None:
            return seen
        model = text(getattr(response, "model", None))
        subject = self.telemetry.unknown_subject(found, model, _sources.current())
        subject.context = context
        return subject

    def take(
        self,
        subject: Subject,
        kind: str,
        score: float | None,
        user: str | None,
        comment: str | None,
    ) -> None:
        """Tell of feedback."""
        who = user if user is None or self._key is None else pseudonym(self._key, user)
        score = _SCORES[kind] if score is None else score
        more = {} if who is None else {semconv.USER_ID: who}
        self.telemetry.judged(subject, semconv.FEEDBACK, Verdict(score, kind, comment), more)


@cache
def _by_environment() -> Desk:
    """Who takes feedback where nothing is instrumented: as a job does that only reports it."""
    settings = Settings.load({})
    return Desk(settings, Telemetry(settings))


def _used() -> Desk:
    from otel_claude.instrumentor import ClaudeInstrumentor  # which imports this one

    desk: Desk | None = ClaudeInstrumentor().feedback_desk()
    return desk or _by_environment()


def feedback(
    response: Any,
    kind: Kind,
    *,
    user: str | None = None,
    score: float | None = None,
    comment: str | None = None,
    traceparent: str | None = None,
) -> bool:
    """Record what a user did with an answer.

        otel_claude.feedback(message, "accept", user="u-17")
        otel_claude.feedback("msg_01X...", "reject", traceparent=stored)  # later, elsewhere

    In the process that made the call, with the setting `feedback` on, the call is found by the id
    alone: its span, model and attribution. Elsewhere, hand over what `otel_claude.traceparent` said
    when it was made; the attribution is then that of where this is called. Never raises.

    Args:
        response: a message of the SDK, or its id.
        kind: `accept`, `reject`, `edit` or `retry`.
        user: who says so; hashed where `hash_key` is set.
        score: from 0 to 1; by default 1 for `accept`, 0 for `reject`, none for the others.
        comment: what the user wrote. It is content: recorded only where content is, and redacted.
        traceparent: of the call's span (W3C Trace Context).

    Returns:
        Whether it could be recorded. Where it could not, a warning says why.
    """
    try:
        if kind not in _SCORES:
            logger.warning("otel-claude: feedback is one of %s, not %r.", ", ".join(_SCORES), kind)
            return False
        if score is not None and not 0 <= score <= 1:
            logger.warning("otel-claude: the score of feedback is from 0 to 1; it is left out.")
            score = None
        desk = _used()
        subject = desk.subject(response, _context_of(traceparent))
        if subject.response_id is None and subject.context is None:
            logger.warning("otel-claude: feedback needs a message of the SDK, or its id.")
            return False
        desk.take(subject, kind, None if score is None else float(score), user, comment or None)
    except Exception:
        _faults.report("feedback")
        return False
    return True


def traceparent(response: Any) -> str | None:
    """The trace context of the call that made a response, to give to `feedback` elsewhere, later.

    Args:
        response: a message of the SDK, or its id.

    Returns:
        A W3C `traceparent`; None where the call is not known: it needs the setting `feedback`, and
        this process to have made one of its last 10,000 calls.
    """
    try:
        context = _used().subject(response, None).context
    except Exception:
        _faults.report("feedback")
        return None
    if context is None:
        return None
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier, context)
    return carrier.get(_TRACEPARENT)


def _context_of(said: str | None) -> Context | None:
    if said is None:
        return None
    context = TraceContextTextMapPropagator().extract({_TRACEPARENT: said})
    if trace.get_current_span(context).get_span_context().is_valid:
        return context
    logger.warning("otel-claude: traceparent of feedback is none; it is left out.")
    return None
