"""promtool's unit tests of the rules: each counter rule counts births, each alert fires and is quiet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tools.operations import increments as inc
from tools.operations.alerts import ALERTS, alert_name
from tools.operations.names import SERVICE
from tools.operations.situations import DAYS, SITUATIONS, Series

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.operations.situations import Situation

RULES = ["rules/recording.yaml", "rules/alerts.yaml"]


def document() -> dict[str, Any]:
    """The whole test file."""
    alone = [s for s in SITUATIONS if not s.of_service]
    short = [_moved(s, n) for n, s in enumerate(SITUATIONS) if s.of_service and not s.slow]
    slow = [_moved(s, n) for n, s in enumerate(SITUATIONS) if s.of_service and s.slow]
    return {
        "rule_files": RULES,
        "evaluation_interval": "1m",
        "tests": [
            _births(),
            *(_together([s], s.key, fires=fires) for s in alone for fires in (True, False)),
            *(
                _together(many, name, fires=fires)
                for many, name in (
                    (short, "within an hour"),
                    (slow, "within hours"),
                    (DAYS, "compared with yesterday"),
                )
                for fires in (True, False)
            ),
            _healthy(),
        ],
    }


def untested() -> set[str]:
    """Alerts without a situation."""
    return {alert.key for alert in ALERTS} - {"watchdog"} - {s.key for s in (*SITUATIONS, *DAYS)}


def _series(series: Iterable[Series]) -> list[dict[str, str]]:
    return [{"series": one.selector, "values": one.values} for one in series]


def _births() -> dict[str, Any]:
    """Every counter rule counts what is born, and what was away or restarted only once.

    One series is born with 30 and seen for a minute, one with 4, gone for 20 minutes and back with
    5, one has 7 and restarts at 2.
    """
    expected = 30 + 5 + 7 + 2
    series, queries = [], []
    for counter in inc.INCREMENTS:
        for instance, values in (
            ("short", "_x3 30 30 stale"),
            ("away", "_x3 4 4 stale _x20 4 5 5x30"),
            ("restarted", "_x3 7 7 7 2 2x30"),
        ):
            selector = f'{counter.sources[0]}{{service_name="shop", instance="{instance}"}}'
            series.append({"series": selector, "values": values})
        labels = "".join(f', {key}="{value}"' for key, value in counter.labels)
        match = f'{{service_name="shop"{labels}}}'
        queries.append(
            {
                "expr": f"sum_over_time({counter.record}{match}[50m])",
                "eval_time": "50m",
                "exp_samples": [{"labels": match, "value": expected}],
            }
        )
    return {
        "name": "every counter rule counts a series born with its final value, once",
        "interval": "1m",
        "input_series": series,
        "promql_expr_test": queries,
    }


def _moved(situation: Situation, number: int) -> Situation:
    """The situation in a service of its own, so that it can share a test with others."""
    service = f"{situation.key}_{number}"

    def move(series: Iterable[Series]) -> tuple[Series, ...]:
        old, new = f'{SERVICE}="shop"', f'{SERVICE}="{service}"'
        return tuple(Series(one.selector.replace(old, new), one.values) for one in series)

    firing, quiet = move(situation.firing), move(situation.quiet)
    return replace(situation, firing=firing, quiet=quiet, service=service)


def _firing(situation: Situation, *, fires: bool) -> dict[str, Any]:
    found = {"alertname": situation.alert or alert_name(situation.key)}
    if situation.service:
        found[SERVICE] = situation.service
    matchers = "".join(f'{name}="{value}", ' for name, value in found.items())
    labels = f"{{{matchers[:-2]}}}"
    query = f'count by ({", ".join(found)}) (ALERTS{{{matchers}alertstate="firing"}})'
    samples = [{"labels": labels, "value": 1}] if fires else []
    return {"expr": query, "eval_time": situation.at, "exp_samples": samples}


def _together(situations: Iterable[Situation], name: str, *, fires: bool) -> dict[str, Any]:
    many = list(situations)
    series = [one for s in many for one in (s.firing if fires else s.quiet)]
    return {
        "name": f"{name}: {'each fires' if fires else 'each is quiet'}",
        "interval": "1m",
        "input_series": _series(series),
        "promql_expr_test": [_firing(s, fires=fires) for s in many],
    }


def _healthy() -> dict[str, Any]:
    """A service in good health fires nothing but the watchdog."""
    series = [one for s in SITUATIONS for one in s.quiet if s.healthy]
    distinct: dict[str, Series] = {}
    for one in series:
        distinct.setdefault(one.selector, one)
    return {
        "name": "a healthy service fires nothing but the watchdog",
        "interval": "1m",
        "input_series": _series(distinct.values()),
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": "59m",
                "exp_samples": [{"labels": '{alertname="ClaudeWatchdog"}', "value": 1}],
            }
        ],
    }
