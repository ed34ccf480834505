"""Figures come from rounds side by side, and the document keeps what people wrote in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.measure import Results
from benchmarks.spread import Cost, Spread
from benchmarks.workloads import CHUNKS, LONG, STREAM_EVENTS


def _results() -> Results:
    machine = {"date": "2026-11-21", "cores": 2, "cpu": "CPU", "python": "CPython", "os": "Linux"}
    results = Results(machine, 3)
    plain, watched = [1e-4, 2e-4, 1e-4], [1.5e-4, 2.5e-4, 1.6e-4]
    results.costs["create"] = {
        "plain": Cost.beside(plain, plain),
        "otel-claude": Cost.beside(plain, watched),
    }
    return results


def test_costs_are_taken_round_by_round() -> None:
    cost = Cost.beside([1e-4, 2e-4, 1e-4], [1.5e-4, 2.5e-4, 1.6e-4])
    assert cost.added.median == pytest.approx(50)
    assert cost.ratio.median == pytest.approx(1.5)


def test_one_round_has_no_spread() -> None:
    assert Spread.of([3.0]) == Spread(3.0, 3.0, 3.0)


def test_the_document_keeps_what_stands_around_the_tables(tmp_path: Path) -> None:
    path = tmp_path / "performance.md"
    path.write_text(f"# Before\n\n{report.BEGIN}\nold\n{report.END}\n\nafter\n", encoding="utf-8")
    for _ in range(2):
        report.write_markdown(_results(), path)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# Before\n")
    assert text.endswith("\n\nafter\n")
    assert "old" not in text
    assert text.count("| **otel-claude** | **+50 [50 to 55], 1.50x** |") == 1


def test_workloads_are_of_the_size_they_say() -> None:
    assert len(CHUNKS) == STREAM_EVENTS
    assert len(LONG) == 50
    assert sum(len(message["content"]) for message in LONG) == pytest.approx(100_000, rel=0.05)
