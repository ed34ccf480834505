"""Events: log records of the OpenTelemetry logs API."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from otel_claude import semconv
from otel_claude._version import __version__

if TYPE_CHECKING:
    from otel_claude.call.call import Call

_WARN = 13


class Events:
    """Emits the exception event of failed calls, in the context of their spans.

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
        self._severity = _logs.SeverityNumber(_WARN)
        self._logger = _logs.get_logger(semconv.SCOPE, __version__, logger_provider=provider)
        self._strict = strict
        self._record({})  # raises here, and once, where the logs API is another

    def exception(self, call: Call) -> None:
        """A call failed: the class of the exception. Its message is content and stays here."""
        failure = call.failure
        if failure is None or failure.exception is None:
            return
        attributes: dict[str, Any] = {semconv.EXCEPTION_TYPE: failure.exception}
        if not self._strict:
            attributes[semconv.EVENT_NAME] = semconv.EVENT_EXCEPTION
        self._logger.emit(self._record(attributes, call.context))

    def _record(self, attributes: dict[str, Any], context: Any = None) -> Any:
        now = time.time_ns()
        return self._make_record(
            timestamp=now,
            observed_timestamp=now,
            context=context,
            severity_number=self._severity,
            severity_text="WARN",
            event_name=semconv.EVENT_EXCEPTION,
            attributes=attributes,
        )
