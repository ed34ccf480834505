"""What a reading of a batch's results adds up to, and which results were counted before."""

from __future__ import annotations

from collections import OrderedDict
from decimal import Decimal
from typing import Final

from otel_claude.call.fork import new_lock

_RESULTS_KEPT: Final = 1_000_000


class Tally:
    """Sums over the results of a batch that one call read.

    Attributes:
        results: how many were read; `counted`: how many of them for the first time in this process.
        input_tokens: whole prompts of those counted; `output_tokens`: their outputs.
        cost: their cost in USD; `unpriced`: how many have none.
    """

    __slots__ = ("cost", "counted", "input_tokens", "output_tokens", "results", "unpriced")

    def __init__(self) -> None:
        self.results = 0
        self.counted = 0
        self.input_tokens = 0
        self.output_tokens = 0
        self.cost = Decimal(0)
        self.unpriced = 0


class Seen:
    """Remembers which results were counted, so that reading them again adds nothing.

    Bounded: past a million results the oldest batches are forgotten. Safe between threads.
    """

    def __init__(self, kept: int = _RESULTS_KEPT) -> None:
        self._kept = kept
        self._lock = new_lock()
        self._batches: OrderedDict[str, set[int]] = OrderedDict()
        self._size = 0

    def is_new(self, batch_id: str, custom_id: str) -> bool:
        """Whether this result is met for the first time; the next time it is not."""
        with self._lock:
            of_batch = self._batches.setdefault(batch_id, set())
            self._batches.move_to_end(batch_id)
            # A hash, not the id: a million ids of 64 characters are 100 MB.
            mark = hash(custom_id)
            if mark in of_batch:
                return False
            of_batch.add(mark)
            self._size += 1
            while self._size > self._kept and len(self._batches) > 1:
                self._size -= len(self._batches.popitem(last=False)[1])
            return True
