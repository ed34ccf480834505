"""Events: log records of the OpenTelemetry logs API."""

from __future__ import annotations

import logging
import time
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from otel_claude import __version__, semconv

if TYPE_CHECKING:
    from otel_claude.call.call import Call

logger = logging.getLogger("otel_claude")

# https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber
_SEVERITY: Final = {
    semconv.EVENT_DETAILS: ("DEBUG", 5),
    semconv.EVENT_AUDIT: ("INFO", 9),
    semconv.EVENT_EVALUATION: ("INFO", 9),
}
_WARN: Final = ("WARN", 13)


class Events:
    """Emits events, in the context of the spans that they are about.

    The logs API of OpenTelemetry is not declared stable: where it is missing or different, there
    are no events, and nothing else changes.

    Args:
        provider: a LoggerProvider; None is the global one.
        strict: leave out the attribute `event.name`, which some stores need.
    """

    def __init__(self, provider: Any, *, strict: bool) -> None:
        from opentelemetry import (
            _logs,
        )

        self._make_record = _logs.LogRecord
        self._severity = _logs.SeverityNumber
        self._logger = _logs.get_logger(semconv.SCOPE, __version__, logger_provider=provider)
        self._strict = strict
        self._record("", {})  # raises here, and once, where the logs API is another

    @classmethod
    def of(cls, provider: Any, *, strict: bool) -> Events | None:
        """Events into a provider; None where the logs API of OpenTelemetry is another."""
        try:
            return cls(provider, strict=strict)
        except Exception:
            _say_none()
            return None

    def exception(self, call: Call) -> None:
        """A call failed: the class of the exception; its message and stack trace are content."""
        failure = call.failure
        if failure is None or failure.exception is None:
            return
        attributes: dict[str, Any] = {semconv.EXCEPTION_TYPE: failure.exception}
        if call.captured is not None:
            attributes |= call.captured.errors
        self.warn(semconv.EVENT_EXCEPTION, attributes, call.context)

    def details(self, call: Call, attributes: dict[str, Any]) -> Any:
        """The record of what was said in a call, to be emitted by `emit`.

        Args:
            call: that has ended.
            attributes: of its span, and its content.
        """
        return self._record(semconv.EVENT_DETAILS, attributes, call.context)

    def emit(self, record: Any) -> None:
        """Emit a record that was made here."""
        self._logger.emit(record)

    def evaluation(self, attributes: dict[str, Any], context: Any) -> None:
        """Emit the result of an evaluation."""
        self._logger.emit(self._record(semconv.EVENT_EVALUATION, attributes, context))

    def warn(self, name: str, attributes: dict[str, Any], context: Any = None) -> None:
        """Emit an event of severity WARN, in the context of a span."""
        self._logger.emit(self._record(name, attributes, context))

    def audit(self, attributes: dict[str, Any], context: Any, *, severe: bool) -> None:
        """Emit a record of the audit trail: INFO, or WARN where it is `severe`."""
        severity = _WARN if severe else _SEVERITY[semconv.EVENT_AUDIT]
        self._logger.emit(self._record(semconv.EVENT_AUDIT, attributes, context, severity))

    def _record(
        self,
        name: str,
        attributes: dict[str, Any],
        context: Any = None,
        severity: tuple[str, int] | None = None,
    ) -> Any:
        now = time.time_ns()
        text, number = severity or _SEVERITY.get(name, _WARN)
        if not self._strict:
            attributes[semconv.EVENT_NAME] = name
        return self._make_record(
            timestamp=now,
            observed_timestamp=now,
            context=context,
            severity_number=self._severity(number),
            severity_text=text,
            event_name=name,
            attributes=attributes,
        )


@cache
def _say_none() -> None:
    """Once in a process: nobody would know why content, verdicts or exceptions are missing."""
    logger.warning(
        "otel-claude: there are no events, which need OpenTelemetry 1.35 or newer; spans and metrics"
        " are not affected."
    )
