"""What is told of verdicts: events, counters, scores, and a signal where one is unusually low."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context, trace

from otel_claude import semconv
from otel_claude.emit.events import Events
from otel_claude.emit.instruments import instruments_of
from otel_claude.emit.labels import Kept, Labels
from otel_claude.emit.sums import LabelSet, Slot
from otel_claude.quality.answer import PlainVerdict, Verdict
from otel_claude.quality.history import Histories

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from otel_claude._attribution import Attribution
    from otel_claude.call.call import Call
    from otel_claude.emit.content import Contents
    from otel_claude.settings import Settings

_LOW: Final = 3.0  # standard deviations below the mean
_LEAST_DEVIATION: Final = 0.05  # of a score


class Subject:
    """What a verdict is about.

    Attributes:
        labels: of the metrics.
        context: the OpenTelemetry context of the call's span, None where it is not known.
        response_id: the message id.
        attribution: of the call.
        model: that answered.
    """

    __slots__ = ("attribution", "context", "labels", "model", "response_id")

    def __init__(
        self,
        labels: LabelSet,
        context: Context | None,
        response_id: str | None,
        attribution: Attribution | None,
        model: str | None,
    ) -> None:
        self.labels = labels
        self.context = context
        self.response_id = response_id
        self.attribution = attribution
        self.model = model


class Telemetry:
    """Tells of verdicts.

    Args:
        settings: what to emit.
        contents: what lets explanations pass, which are content; None: none pass.
        meter_provider: None is the global one.
        logger_provider: likewise.
    """

    def __init__(
        self,
        settings: Settings,
        contents: Contents | None = None,
        meter_provider: Any = None,
        logger_provider: Any = None,
    ) -> None:
        self._strict = settings.strict
        self._keys = settings.metric_attribution
        self._contents = contents
        self._instruments = instruments_of(meter_provider)
        self._words = self._instruments.words
        self._labels = Labels(self._keys, self._words, strict=settings.strict)
        self._events = Events.of(logger_provider, strict=settings.strict)
        self._histories = Histories()
        self._slots: Kept[Slot] = Kept()
        self._sets: Kept[LabelSet] = Kept()

    def subject(self, call: Call) -> Subject:
        """A call that has ended. Nothing of its content is kept."""
        labels = self._labels.of(call, call.response_model)
        where = trace.get_current_span(call.context).get_span_context()
        context = None
        if where.is_valid:
            # The span itself would keep all its attributes in memory.
            span = trace.NonRecordingSpan(where)
            context = trace.set_span_in_context(span, otel_context.Context())
        return Subject(labels, context, call.response_id, call.attribution, call.resolved_model)

    def unknown_subject(
        self, response_id: str | None, model: str | None, attribution: Attribution | None
    ) -> Subject:
        """A call of which no more is known than this."""
        values = attribution.values(self._keys) if attribution is not None else ()
        labels = self._sets.get_or_make((model, values), self._set_of, model, values)
        return Subject(labels, None, response_id, attribution, model)

    def _set_of(self, model: str | None, values: tuple[str | None, ...]) -> LabelSet:
        said = {semconv.RESPONSE_MODEL: self._words.of_any(semconv.RESPONSE_MODEL, model)}
        for key, value in zip(self._keys, values, strict=False):
            said[semconv.attribution_name(key)] = self._words.of_any(key, value)
        return LabelSet({name: value for name, value in said.items() if value is not None})

    def judged(
        self, subject: Subject, name: str, verdict: Verdict, more: dict[str, Any] | None = None
    ) -> None:
        """There is a verdict on a call; `more` attributes go on its event, outside strict mode."""
        said: dict[str, Any] = {
            semconv.EVALUATION_SCORE: verdict.score,
            semconv.EVALUATION_LABEL: verdict.label,
            semconv.EVALUATION_EXPLANATION: self._explanation(subject, verdict),
        }
        usual = None
        if verdict.graded and verdict.score is not None:
            feature = subject.attribution and subject.attribution.feature
            usual = self._histories.add((name, feature, subject.model), verdict.score)
        if not self._strict:
            said |= more or {}
            if usual is not None:
                said[semconv.EVALUATION_BASELINE] = usual.mean
        self._emit(subject, name, said)
        self._count(subject, name, label=verdict.label)
        if verdict.score is None or self._strict:
            return
        labels = {**subject.labels.attributes, semconv.EVALUATION_NAME: self._name(name)}
        if verdict.label is not None:
            labels[semconv.EVALUATION_LABEL] = self._label(verdict.label)
        histogram = self._instruments.histogram(semconv.M_EVALUATION_SCORE)
        histogram.record(verdict.score, labels, context=subject.context)
        if usual is not None:
            limit = usual.mean - _LOW * max(usual.deviation, _LEAST_DEVIATION)
            if verdict.score < limit:
                self._low(subject, name, verdict.score, usual.mean)

    def failed(self, subject: Subject, name: str, error: str) -> None:
        """An evaluator raised an exception of class `error`, or was late."""
        self._emit(subject, name, {semconv.ERROR_TYPE: error})
        self._count(subject, name, error=error)

    def dropped(self, reason: str, count: int = 1) -> None:
        """Answers were not evaluated."""
        self._add(_NO_LABELS, semconv.M_EVALUATIONS_DROPPED, {semconv.DROP_REASON: reason}, count)

    def _low(self, subject: Subject, name: str, score: float, usual: float) -> None:
        """A score is below what is usual for this evaluation, feature and model."""
        labels = {semconv.EVALUATION_NAME: self._name(name)}
        self._add(subject.labels, semconv.M_EVALUATIONS_LOW, labels)
        if self._events is not None:
            attributes = {
                semconv.ANOMALY_KIND: semconv.EVALUATION_LOW,
                semconv.EVALUATION_NAME: name,
                semconv.EVALUATION_SCORE: score,
                semconv.EVALUATION_BASELINE: usual,
                semconv.RESPONSE_ID: subject.response_id,
                semconv.FEATURE: subject.attribution and subject.attribution.feature,
                semconv.RESPONSE_MODEL: subject.model,
            }
            self._events.warn(semconv.EVENT_ANOMALY, _said(attributes), subject.context)

    def _explanation(self, subject: Subject, verdict: Verdict) -> str | None:
        if verdict.explanation is None or isinstance(verdict, PlainVerdict):
            return verdict.explanation
        if self._contents is None:
            return None
        return self._contents.remark(subject.attribution, verdict.explanation)

    def _emit(self, subject: Subject, name: str, said: dict[str, Any]) -> None:
        if self._events is None:
            return
        attributes = {
            semconv.EVALUATION_NAME: name,
            semconv.RESPONSE_ID: subject.response_id,
            **said,
        }
        self._events.evaluation(_said(attributes), subject.context)

    def _count(
        self, subject: Subject, name: str, label: str | None = None, error: str | None = None
    ) -> None:
        labels = {
            semconv.EVALUATION_NAME: self._name(name),
            semconv.EVALUATION_LABEL: label and self._label(label),
            semconv.ERROR_TYPE: error and self._words.of(semconv.ERROR_TYPE, error),
        }
        self._add(subject.labels, semconv.M_EVALUATIONS, _said(labels))

    def _add(self, own: LabelSet, metric: str, labels: dict[str, Any], count: int = 1) -> None:
        if self._strict:
            return
        slot = self._slots.get_or_make((metric, *labels.items()), Slot, metric, labels)
        self._instruments.sums.add(own, ((slot, count),))

    def _name(self, name: str) -> str:
        return self._words.of(semconv.EVALUATION_NAME, name)

    def _label(self, label: str) -> str:
        return self._words.of(semconv.EVALUATION_LABEL, label)


_NO_LABELS: Final = LabelSet({})


def _said(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}
