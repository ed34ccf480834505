"""Rules over a store, by a clock of the test's own: what is told, when, and to whom."""

from __future__ import annotations

import json
import threading
from typing import Any
from urllib.parse import parse_qs

import pytest

from otel_claude.local.alerts.alerter import Alerter
from otel_claude.local.alerts.source import load
from otel_claude.local.engine import QueryError
from tests.local.alerts.receiver import until
from tests.local.analyses.stored import NOW, SECOND, store_of

FAILED = {"error_type": "overloaded_error", "outcome": "failed"}
RULES: dict[str, Any] = {
    "channels": {"log": {"type": "log"}, "other": {"type": "log"}},
    "rules": [
        {
            "name": "errors",
            "type": "error_rate",
            "threshold": "20%",
            "window": "5m",
            "for": "1m",
            "resolve": "2m",
            "cooldown": 0,
            "severity": "critical",
            "where": {"feature": ["search", "chat"]},
            "channels": ["log"],
        },
        {"name": "spend", "type": "spend", "threshold": 1000, "window": "1d"},
    ],
}


class Clock:
    def __init__(self):
        self.now = NOW - 3600 * SECOND

    def __call__(self):
        return self.now


@pytest.fixture
def alert(tmp_path):
    """Makes an alerter over calls, and its clock."""
    made = []

    def make(calls, rules=RULES):
        path = tmp_path / "alerts.json"
        path.write_text(json.dumps(rules))
        store, clock = store_of(calls), Clock()
        alerter = Alerter(store, load(path), str(path), "http://127.0.0.1:4318", clock)
        made.append((alerter, store))
        return alerter, clock

    yield make
    for alerter, store in made:
        alerter.close()
        store.close()


def states(alerter):
    return {rule["name"]: rule["state"] for rule in alerter.told()["rules"]}


def test_an_outage_from_beginning_to_end(alert, caplog):
    """Ten minutes in which every second call fails, looked at every 15 seconds for an hour."""
    outage = range(1200, 1800)
    calls = [
        {"ago": ago, "feature": "search", **(FAILED if ago in outage and ago % 20 else {})}
        for ago in range(0, 3600, 10)
    ]
    alerter, clock = alert(calls)
    changes = []
    while clock.now < NOW:
        before = states(alerter)["errors"]
        alerter.look()
        if (after := states(alerter)["errors"]) != before:
            changes.append(((NOW - clock.now) // SECOND, after))
        clock.now += 15 * SECOND
    assert [state for _, state in changes] == ["pending", "firing", "quiet"]
    (began, _), (fired, _), (over, _) = changes
    assert 1500 < began < 1800
    assert began - fired == 60
    assert 1200 - 300 - 120 - 60 < over < 1200
    until(lambda: len(caplog.records) == 2)
    first, last = (record.getMessage() for record in caplog.records)
    assert first.startswith("otel-claude: FIRING critical: errors: ")
    assert "calls failed in 5 min; the limit is 20%" in first
    assert last.startswith("otel-claude: RESOLVED critical: errors: ")
    told = alerter.told()
    assert [message["status"] for message in told["history"]] == ["resolved", "firing"]
    assert [channel["sent"] for channel in told["channels"]] == [2, 0]


def test_the_link_leads_to_the_calls(alert):
    calls = [{"ago": 3600 + n, "feature": "chat", **FAILED} for n in range(2, 30)]
    alerter, clock = alert(calls)
    alerter.look()
    clock.now += 60 * SECOND
    alerter.look()
    (message,) = alerter.history
    path, _, query = message.link.partition("?")
    assert path == "http://127.0.0.1:4318/#/calls"
    asked = parse_qs(query)
    assert asked["feature"] == ["search", "chat"]
    assert asked["show"] == ["failed"]
    assert asked["to"] == [message.at]


def test_what_cannot_be_looked_at_keeps_its_state_and_is_told_once(alert, caplog, monkeypatch):
    alerter, clock = alert([{"ago": 3700, "cost": "5000"}])
    alerter.look()
    assert states(alerter)["spend"] == "firing"
    until(lambda: len(caplog.records) == 2)  # each of the two channels

    def broken(*_):
        raise QueryError("out of memory")

    caplog.clear()
    monkeypatch.setattr(alerter.engine, "rows", broken)
    for _ in range(3):
        clock.now += 3600 * SECOND
        alerter.look()
    assert states(alerter)["spend"] == "firing"
    assert [record.getMessage() for record in caplog.records] == [
        f"otel-claude: the alert rule '{name}' cannot be looked at: QueryError: out of memory"
        for name in ("errors", "spend")
    ]
    assert {rule["error"] for rule in alerter.told()["rules"]} == {"QueryError: out of memory"}
    monkeypatch.undo()
    alerter.look()
    assert {rule["error"] for rule in alerter.told()["rules"]} == {None}


def test_a_channel_that_hangs_holds_up_nothing(alert, monkeypatch):
    free = threading.Event()
    from otel_claude.local.alerts import channels

    monkeypatch.setattr(channels, "_run", lambda *_: free.wait(60))
    rules = {
        "channels": {
            "slow": {"type": "command", "command": ["x"]},
            "log": {"type": "log"},
        },
        "rules": [{**RULES["rules"][1], "cooldown": 0, "resolve": 0}],
    }
    alerter, clock = alert([{"ago": 3700, "cost": "5000"}], rules)
    alerter.look()
    until(lambda: alerter.deliveries["log"].counts.sent == 1)
    clock.now += 2 * 86_400 * SECOND
    alerter.look()
    until(lambda: alerter.deliveries["log"].counts.sent == 2)
    assert alerter.deliveries["slow"].counts.sent == 0
    free.set()
    until(lambda: alerter.deliveries["slow"].counts.sent == 2)
