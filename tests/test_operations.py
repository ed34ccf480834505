"""docs/operations.md and the collector's times against what is emitted and the rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from otel_claude import semconv
from tools.operations.thresholds import load, seconds

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "operations.md"


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


@pytest.mark.parametrize("name", ["collector-config.yaml", "collector/gateway.yaml"])
def test_the_collector_forgets_a_sum_when_the_rules_do(name: str) -> None:
    """Sooner, a sum that begins anew would pass for growth; later, all of it would count again."""
    config = yaml.safe_load((ROOT / "deploy" / name).read_text())
    forgets = seconds(config["processors"]["delta_to_cumulative"]["max_stale"])
    last_seen = seconds(config["exporters"]["prometheus"]["metric_expiration"])
    assert forgets == last_seen + load(scale=1).gap_seconds
