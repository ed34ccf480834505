"""How prompts grow within a session, and loops: prompts that climb call after call."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST: Final = 5
"""Calls below which nothing is said of a session."""

_LOOP: Final = 10  # calls in a row that each sent more than the one before
_GROWN: Final = 2.0  # times as large as at the beginning of the climb


@dataclass(frozen=True)
class Growth:
    """The prompts of a session, tokens.

    Attributes:
        first: of the first call.
        last: of the last call.
        largest: of any.
        per_call: median growth from one call to the next.
        climb: the longest run of calls that each sent more than the one before.
        loop: whether that run is a loop: ten calls or more, with twice the prompt at its end.
    """

    first: int
    last: int
    largest: int
    per_call: float
    climb: int
    loop: bool


def growth(prompts: Sequence[int]) -> Growth | None:
    """The growth of a session's prompts, in the order of its calls; None for fewer than `LEAST`."""
    if len(prompts) < LEAST:
        return None
    steps = [after - before for before, after in pairwise(prompts)]
    start, end = _longest_climb(steps)
    loop = end - start >= _LOOP and prompts[end] >= _GROWN * prompts[start]
    return Growth(
        prompts[0], prompts[-1], max(prompts), statistics.median(steps), end - start, loop
    )


def _longest_climb(steps: Sequence[int]) -> tuple[int, int]:
    """Places of the first and the last call of it."""
    best, start = (0, 0), 0
    for place, step in enumerate(steps, start=1):
        if step <= 0:
            start = place
        elif place - start > best[1] - best[0]:
            best = (start, place)
    return best
