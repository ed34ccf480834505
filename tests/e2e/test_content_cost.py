"""Capturing content costs no more beyond serialising it than the limits say; see benchmarks/content.py."""

from __future__ import annotations

import os

import pytest

from benchmarks import content, guard
from benchmarks.limits import CONTENT_LIMITS

MICROSECOND = 19_500
"""Instructions of this kind that take one: serialising a kilobyte is 39,000, and 2 us."""


@pytest.fixture(scope="module")
def counts() -> dict[str, float]:
    if (reason := guard.unavailable()) is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return content.measure()


@pytest.mark.parametrize("name", CONTENT_LIMITS)
def test_content_stays_within_the_limit(counts: dict[str, float], name: str) -> None:
    assert counts[name] <= CONTENT_LIMITS[name], counts


def test_capture_costs_less_than_a_microsecond_per_kilobyte(counts: dict[str, float]) -> None:
    """Redaction of texts that were never seen before comes on top."""
    for name in ("capture fresh", "capture again", "redacted again"):
        assert counts[name] < MICROSECOND


def test_the_measurement_measures(counts: dict[str, float]) -> None:
    assert counts["instructions to serialise"] > 5_000
    assert counts["redacted fresh"] > counts["redacted again"] > counts["capture again"] > 1_000
