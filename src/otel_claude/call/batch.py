"""What a reading of a batch's results adds up to, and which results were counted before."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

_RESULTS_KEPT: Final = 1_000_000


@dataclass(slots=True)
class Tally:
    """Sums over the results of a batch that one call read.

    Attributes:
        results: how many were read; `counted`: how many of them for the first time in this process.
        input_tokens: whole prompts of those counted; `output_tokens`: their outputs.
        cost: their cost in USD; `unpriced`: how many have none.
    """

    results: int = 0
    counted: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal = Decimal(0)
    unpriced: int = 0


class Seen:
    """Remembers which results were counted, so that reading them again adds nothing.

    Bounded: past a million results the oldest batches are forgotten. Safe between threads.
    """

    def __init__(self, kept: int = _RESULTS_KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
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
