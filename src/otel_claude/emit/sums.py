"""Plain sums of what calls add to counters, handed to the counters at each collection.

A counter's `add` costs several microseconds and a call would need a dozen; here a call adds to
numbers in memory under a lock. The counters stay ordinary counters, so delta and cumulative
readers, views and restarts work as with any other.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from otel_claude import semconv
from otel_claude.call.fork import forget_after_fork

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class LabelSet:
    """The labels that all points of a call share. Compared by identity, so it hashes fast."""

    __slots__ = ("_of_tokens", "attributes")

    def __init__(self, attributes: Mapping[str, Any]) -> None:
        self.attributes = attributes
        self._of_tokens: dict[str, Mapping[str, Any]] = {}

    def of_tokens(self, kind: str) -> Mapping[str, Any]:
        """These labels and the kind of token. Made once."""
        found = self._of_tokens.get(kind)
        if found is None:
            found = self._of_tokens[kind] = {**self.attributes, semconv.TOKEN_TYPE: kind}
        return found


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
        forget_after_fork(self)

    def add(self, labels: LabelSet, additions: Collection[tuple[Slot, int]]) -> None:
        """Add numbers to the sums of a label set, all those of a call at once."""
        if not additions:
            return
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
