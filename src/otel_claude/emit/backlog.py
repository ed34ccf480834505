"""Calls that are still to be counted and measured, a few at a time.

Code that runs once per call, among all else that a program does, finds the processor's caches
cold; in a row of calls it takes half as long. So what nobody can see before the next collection
waits: until one begins, or until enough has come together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from otel_claude import _faults
from otel_claude.call.fork import forget_after_fork

if TYPE_CHECKING:
    from otel_claude.call.call import Call

_MOST: Final = 12  # of a call there are three: its begin, its points, and its end

Measure = Callable[["Call", Any], None]


class Backlog:
    """What waits. Safe to share between threads."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Measure, Call, Any]] = deque()
        forget_after_fork(self)

    def add(self, measure: Measure, call: Call, bill: Any = None) -> None:
        """Have `measure(call, bill)` called, at the latest when the next collection begins."""
        self._waiting.append((measure, call, bill))
        if len(self._waiting) >= _MOST:
            self.clear()

    def clear(self) -> None:
        """Call everything that waits. Never raises."""
        while self._waiting:
            try:
                measure, call, bill = self._waiting.popleft()
            except IndexError:  # another thread took it
                return
            try:
                measure(call, bill)
            except Exception:
                _faults.report(measure.__qualname__)

    def forget(self) -> None:
        """Drop what waits: a forked child must not count its parent's calls."""
        self._waiting = deque()
