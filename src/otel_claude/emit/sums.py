"""What waits for the next collection: calls to be measured, and plain sums for the counters.

A histogram's `record` and a counter's `add` cost several microseconds each, twice that in the
middle of a call, where nothing of them is in the processor's caches. So a call that has ended is
put aside, and a few are measured together; what they add to counters is added up as plain numbers
and handed over at each collection. The counters stay ordinary counters: delta and cumulative
readers, views and restarts work as with any other.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_TOGETHER: Final = 16
"""Calls that are measured in one go. More would save little, and keep the application longer."""


class LabelSet:
    """The labels that all points of a call share. Compared by identity, so it hashes fast."""

    __slots__ = ("attributes",)

    def __init__(self, attributes: Mapping[str, Any]) -> None:
        self.attributes = attributes


class Slot:
    """One sum of a label set. Compared by identity: make each once and keep it.

    Attributes:
        instrument: name of the counter.
        labels: what this sum has beside the labels of its set.
        exponent: the sum is a whole number of 10**-exponent units, so that money stays exact.
    """

    __slots__ = ("exponent", "instrument", "labels")

    def __init__(
        self, instrument: str, labels: Mapping[str, Any] | None = None, exponent: int = 0
    ) -> None:
        self.instrument = instrument
        self.labels = labels or {}
        self.exponent = exponent


class Sums:
    """Pending additions. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: dict[LabelSet, dict[Slot, int]] = {}
        _alive.add(self)

    def add(self, labels: LabelSet, additions: Iterable[tuple[Slot, int]]) -> None:
        """Add numbers to the sums of a label set, all those of a call at once."""
        with self._lock:
            sums = self._pending.get(labels)
            if sums is None:
                sums = self._pending[labels] = {}
            for slot, number in additions:
                sums[slot] = sums.get(slot, 0) + number

    def take(self) -> Mapping[LabelSet, Mapping[Slot, int]]:
        """What has been added since the last time."""
        with self._lock:
            pending, self._pending = self._pending, {}
        return pending

    def forget(self) -> None:
        """Drop what is pending, with a fresh lock: a forked child must not report it again."""
        self._lock = threading.Lock()
        self._pending = {}


class Backlog:
    """Calls that have ended and are not measured yet. Safe to share between threads."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        _alive.add(self)

    def put(self, measure: Callable[..., None], *ended: Any) -> None:
        """Put a call aside; where enough wait, measure them all. `measure` must not raise."""
        self._waiting.append((measure, ended))
        if len(self._waiting) >= _TOGETHER:
            self.clear()

    def clear(self) -> None:
        """Measure every call that waits."""
        while True:
            try:
                measure, ended = self._waiting.popleft()
            except IndexError:
                return
            measure(*ended)

    def forget(self) -> None:
        """Drop what waits: a forked child must not measure its parent's calls."""
        self._waiting.clear()


_alive: weakref.WeakSet[Sums | Backlog] = weakref.WeakSet()


def _forget_all() -> None:
    for pending in list(_alive):
        pending.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
