"""docs/operations.md against what is emitted."""

from __future__ import annotations

import re
from pathlib import Path

from otel_claude import semconv

PAGE = Path(__file__).parents[1] / "docs" / "operations.md"


def covered() -> set[str]:
    """Metrics that the tables of series name; `.b` stands for the last part of the one before it."""
    found: set[str] = set()
    for row in re.findall(r"^\| (`[^|]*) \|", PAGE.read_text(), re.MULTILINE):
        before = ""
        for name in re.findall(r"`([^`]+)`", row):
            before = before.rpartition(".")[0] + name if name.startswith(".") else name
            found.add(before)
    return found


def test_every_metric_has_its_worst_case() -> None:
    names = covered()
    missing = {name for name in semconv.METRICS if name not in names}
    families = [name[:-1] for name in names if name.endswith("*")]
    assert {name for name in missing if not name.startswith(tuple(families))} == set()
