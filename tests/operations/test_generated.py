"""What `deploy/` has is what the code makes of `semconv.py`, and nothing in it is left over."""

from __future__ import annotations

import copy
import importlib
import re
import sys
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from otel_claude import semconv
from otel_claude.semconv import Metric
from tools.operations import alerts, cases, increments, names, promql, recording
from tools.operations.names import series, translate
from tools.operations.runbooks import RUNBOOKS
from tools.operations.thresholds import duration, load, seconds

ROOT = Path(__file__).parents[2]
needs_grafana = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="Grafana's library needs Python 3.11"
)


def _rules(scale: float | None = None) -> list[dict[str, Any]]:
    limits = load(scale=scale)
    groups = [*recording.groups(limits), *alerts.groups(limits)]
    return [rule for group in groups for rule in group["rules"]]


@needs_grafana
def test_the_committed_files_are_those_of_the_code():
    from tools.operations.files import made

    for name, text in made(load()).items():
        assert (ROOT / name).read_text(encoding="utf-8") == text, (
            f"{name} differs: python -m tools.operations"
        )


@pytest.mark.parametrize(
    "name",
    [semconv.M_COST, semconv.M_DURATION, semconv.M_RATELIMIT_REMAINING, semconv.M_BUDGET_SPENT],
)
def test_a_renamed_metric_makes_other_rules(name, monkeypatch):
    renamed = copy.copy(semconv.METRICS[name])
    renamed.name += ".renamed"
    monkeypatch.setitem(semconv.METRICS, name, renamed)
    assert _fresh() != _committed()


@pytest.mark.parametrize("name", ["TENANT", "OUTCOME", "REQUEST_MODEL", "BUDGET_NAME"])
def test_a_renamed_label_makes_other_rules(name, monkeypatch):
    monkeypatch.setattr(semconv, name, getattr(semconv, name) + ".renamed")
    assert _fresh() != _committed()


def _fresh() -> object:
    """The rules, made by the code as if it had just been imported."""
    for module in (names, promql, increments, recording, alerts):
        importlib.reload(module)
    limits = load()
    return [recording.groups(limits), alerts.groups(limits)]


def _committed() -> object:
    folder = ROOT / "deploy" / "prometheus" / "rules"
    return [
        yaml.safe_load((folder / f"{name}.yaml").read_text())["groups"]
        for name in ("recording", "alerts")
    ]


@pytest.fixture(autouse=True)
def _as_before():
    yield
    _fresh()


def test_unchanged_names_make_the_committed_rules():
    assert _fresh() == _committed()


@pytest.mark.parametrize("scale", [None, 1 / 60])
def test_every_expression_is_promql(scale):
    for rule in _rules(scale):
        promql_parser.parse(rule["expr"])


def test_rules_ask_only_for_what_is_emitted_or_recorded():
    emitted = {
        series(name) + suffix
        for name in (*semconv.METRICS, *semconv.READ)
        for suffix in ("", "_bucket", "_sum", "_count")
    }
    recorded = {rule["record"] for rule in _rules() if "record" in rule}
    others = re.compile(r"otelcol_|up$|prometheus_rule_")
    for rule in _rules():
        for name in re.findall(r"\b(?:claude[:_]|gen_ai_client_)[\w:]+(?=[\[{ )])", rule["expr"]):
            known = name in emitted | recorded or others.match(name)
            label = name in {re.sub(r"\W", "_", attribute) for attribute in _attributes()}
            assert known or label, (name, rule["expr"])


def _attributes() -> set[str]:
    return {value for value in vars(semconv).values() if isinstance(value, str)}


def test_every_alert_has_thresholds_a_runbook_and_situations():
    limits = load()
    keys = {alert.key for alert in alerts.ALERTS}
    assert keys == set(limits.limits)
    assert keys | {"error_budget_burn"} == set(RUNBOOKS)
    assert cases.untested() == set()
    for rule in _rules():
        if "alert" in rule:
            assert set(rule["annotations"]) == {"summary", "description", "runbook"}
            assert rule["labels"]["severity"] in ("page", "critical", "warning", "none")


def test_expected_seconds_lie_within_the_histogram():
    for sizes in load().expected_seconds.values():
        for expected in sizes.values():
            assert 4 * expected < semconv.SECONDS[-1]


@pytest.mark.parametrize(
    ("written", "length"), [("1m", 60), ("1h30m", 5400), ("250ms", 0.25), ("7d", 604_800)]
)
def test_durations(written, length):
    assert seconds(written) == length
    assert duration(length) == written
    with pytest.raises(ValueError, match="no duration"):
        seconds("1 minute")


@pytest.mark.parametrize(
    ("name", "instrument", "unit", "expected"),
    [
        (semconv.M_COST, "counter", "{USD}", "claude_client_cost_total"),
        ("a.cost", "counter", "USD", "a_cost_USD_total"),
        (semconv.M_OUTPUT_RATE, "histogram", "{token}/s", "claude_client_output_rate_per_second"),
        (semconv.M_RETIREMENT, "gauge", "d", "claude_client_model_retirement_days"),
        (
            semconv.M_RATELIMIT_UTILIZATION,
            "gauge",
            "1",
            "claude_client_ratelimit_utilization_ratio",
        ),
        (semconv.M_CODE_ACTIVE, "counter", "s", "claude_code_active_time_seconds_total"),
    ],
)
def test_names_are_translated_as_opentelemetry_does(name, instrument, unit, expected):
    assert translate(Metric(name, instrument, unit, "", ())) == expected
