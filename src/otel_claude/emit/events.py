"""Events: log records of the OpenTelemetry logs API."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from otel_claude import semconv
from otel_claude._version import __version__

if TYPE_CHECKING:
    from otel_claude.call.call import Call

# https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber
_SEVERITY: Final = {semconv.EVENT_EXCEPTION: ("WARN", 13), semconv.EVENT_DETAILS: ("DEBUG", 5)}


class Events:
    """Emits the exception event of failed calls and the content of any, in the context of their spans.

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
        self._record(
            semconv.EVENT_EXCEPTION, {}
        )  # raises here, and once, where the logs API is another

    def exception(self, call: Call) -> None:
        """A call failed: the class of the exception; its message and stack trace are content."""
        failure = call.failure
        if failure is None or failure.exception is None:
            return
        attributes: dict[str, Any] = {semconv.EXCEPTION_TYPE: failure.exception}
        if call.captured is not None:
            attributes |= call.captured.errors
        self._logger.emit(self._record(semconv.EVENT_EXCEPTION, attributes, call.context))

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

    def _record(self, name: str, attributes: dict[str, Any], context: Any = None) -> Any:
        now = time.time_ns()
        text, number = _SEVERITY[name]
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
