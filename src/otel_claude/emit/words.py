"""The values that labels may take: so many of each, and `other`. What was let in stays.

This bounds the number of series by design, whatever users, models or gateways come up with, and
with it the memory of everything that is kept per label value.
"""

from __future__ import annotations

from typing import Final

from otel_claude.call.fork import new_lock
from otel_claude.semconv import OTHER

LONGEST: Final = 256  # characters of a value; the rest of a longer one is cut off


class Words:
    """Keeps the first values of each label apart. Safe to share between threads.

    Attributes:
        limit: how many of each; lowering it takes none away.
    """

    def __init__(self, limit: int = 100) -> None:
        self.limit = limit
        self._known: dict[str, set[str]] = {}
        self._lock = new_lock()

    def of(self, label: str, value: str) -> str:
        """The value as a label says it: itself, or `other` where the label is full."""
        known = self._known.get(label)
        if known is not None and value in known:
            return value
        return self._let_in(label, value[:LONGEST])

    def of_any(self, label: str, value: str | None) -> str | None:
        """The same; None stays None."""
        return None if value is None else self.of(label, value)

    def _let_in(self, label: str, value: str) -> str:
        with self._lock:
            known = self._known.setdefault(label, set())
            if value in known:
                return value
            if len(known) >= self.limit:
                return OTHER
            known.add(value)
            return value
