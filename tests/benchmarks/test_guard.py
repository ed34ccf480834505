"""Watching a call costs no more than it did: counted in instructions, so that noise is no matter.

The limits stand in benchmarks/limits.py; `python -m benchmarks guard` measures anew.
"""

from __future__ import annotations

import os

import pytest

from benchmarks import guard
from benchmarks.limits import LIMITS


@pytest.fixture(scope="module")
def counts() -> dict[str, guard.Count]:
    if (reason := guard.unavailable()) is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return guard.measure()


@pytest.mark.parametrize("unit", LIMITS)
def test_instructions_stay_within_the_limit(counts: dict[str, guard.Count], unit: str) -> None:
    count = counts[unit]
    assert count.ratio <= LIMITS[unit], (
        f"a watched {unit} takes {count.watched:,.0f} instructions, "
        f"{count.ratio:.3f} times the plain SDK's {count.plain:,.0f}; "
        f"the limit is {LIMITS[unit]} (benchmarks/limits.py)"
    )


@pytest.mark.parametrize("unit", LIMITS)
def test_the_guard_counts_what_we_add(counts: dict[str, guard.Count], unit: str) -> None:
    """A guard that measures nothing passes whatever happens."""
    assert counts[unit].plain > 10_000
    assert counts[unit].ratio > 1.0
