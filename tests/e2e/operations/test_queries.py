"""Every query of every dashboard and rule returns data, and the sums equal the ledger."""

from __future__ import annotations

import time

import promql_parser
import pytest

from otel_claude import semconv
from tests.e2e.operations import stack
from tests.e2e.operations.conftest import Filled
from tests.e2e.operations.dashboards import Asked, queries, timed
from tests.operations.documented import documented
from tools.operations import increments as inc, recording
from tools.operations.names import label, series

PROMETHEUS = [asked for asked in queries() if asked.engine == "prometheus"]


def _asked(filled: Filled, asked: Asked) -> list[object]:
    span = f"{round(time.time() - filled.start) + 10}s"
    expr = timed(asked.expr, interval="20s", span=span)
    if asked.kind == "variable":
        inside = expr.removeprefix("label_values(").removesuffix(")")
        metric, _, name = inside.rpartition(", ")
        found = filled.prometheus.query(f"group by ({name}) ({metric}) != 0")
        return [labels for labels, _ in found if labels.get(name)]
    if asked.instant:
        return list(filled.prometheus.query(expr))
    return list(stack.ranges(filled.prometheus, expr, filled.start - 20, time.time(), step=2))


@pytest.mark.parametrize("asked", PROMETHEUS, ids=lambda asked: asked.where)
def test_every_query_of_every_dashboard_returns_data(filled: Filled, asked: Asked) -> None:
    assert _asked(filled, asked), timed(asked.expr, "20s", "10m")


def _records() -> list[tuple[str, str]]:
    from tools.operations.thresholds import load

    found = []
    for group in recording.groups(load()):
        for rule in group["rules"]:
            labels = rule.get("labels", {})
            inside = ", ".join(f'{k}="{v}"' for k, v in labels.items())
            found.append((rule["record"], f"{rule['record']}{{{inside}}}"))
    return found


@pytest.mark.parametrize("record", sorted({selector for _, selector in _records()}))
def test_every_recording_rule_returns_data(filled: Filled, record: str) -> None:
    assert filled.prometheus.query(f"last_over_time({record}[30m])")


def test_every_name_is_translated_as_the_real_exporter_does(filled: Filled) -> None:
    names = set(filled.prometheus.get("label/__name__/values"))
    suffixes = {"histogram": "_count"}
    expected = {
        series(name) + suffixes.get(metric.instrument, "")
        for name, metric in {**semconv.METRICS, **semconv.READ}.items()
        if metric.generation in ("", "released")
    }
    absent = {semconv.M_OUTPUT_CHUNK, semconv.M_RATELIMIT_UTILIZATION}  # off; needs other headers
    assert expected - names == {
        series(name) + suffixes.get(semconv.METRICS[name].instrument, "") for name in absent
    }
    labels = set(filled.prometheus.get("labels"))
    for name in (semconv.REQUEST_MODEL, semconv.TENANT, semconv.BUDGET_NAME, semconv.USER_ID):
        assert label(name) in labels


def test_recorded_increments_equal_the_ledger(filled: Filled) -> None:
    server = filled.prometheus
    assert stack.missed(server) == 0
    for kind, count in filled.bill.tokens.items():
        match = f'{{{label(semconv.CLAUDE_TOKEN_TYPE)}="{kind}"}}'
        assert server.value(f"sum(sum_over_time({inc.TOKENS}{match}[1h]))") == count
    unpriced = server.value(f"sum(sum_over_time({inc.UNPRICED}[1h]))")
    assert unpriced == 1
    spent = server.value(f"sum(sum_over_time({inc.COST}[1h]))")
    assert spent == pytest.approx(float(filled.bill.usd), rel=1e-6)


def test_prometheus_and_the_parser_agree_on_the_grammar() -> None:
    for asked in PROMETHEUS:
        if asked.kind != "variable":
            promql_parser.parse(timed(asked.expr, "5m", "1h"))


@pytest.mark.parametrize("query", documented("promql"))
def test_every_documented_query_returns_data(filled: Filled, query: str) -> None:
    assert filled.prometheus.query(query)
