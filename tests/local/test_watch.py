"""Anomalies become events, each once."""

from __future__ import annotations

import json
import threading
import time

import httpx2
import pytest

from otel_claude import semconv
from otel_claude.local import watch
from otel_claude.local.address import engine_of
from otel_claude.local.hub import Hub
from otel_claude.local.queries.period import HOUR
from otel_claude.local.watch import Watch
from otel_claude.local.writer import OverloadedError
from tests.local.conftest import send, traffic
from tests.local.test_commands import serving

EVENTS = f"SELECT * FROM events WHERE name = '{semconv.EVENT_ANOMALY}' ORDER BY event_id"


def wait_for(condition):
    until = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < until
        time.sleep(0.02)
    return found


@pytest.fixture
def burst(http):
    """Two and a half quiet days, and many calls in an hour that is over; the time after it."""
    send(http, traffic(2000, hours=60))
    hour = time.time_ns() // HOUR * HOUR
    sent = traffic(2000, hours=0.5, seed=9)
    sent.start = hour - HOUR + 60 * 10**9
    send(http, sent)
    return hour + 60 * 10**9


def test_each_is_written_once(backend, http, burst):
    looking = Watch(backend)
    new = looking.look(burst)
    written = backend.store.rows(EVENTS)
    assert new == len(written) >= 2
    assert (looking.look(burst), Watch(backend).look(burst)) == (0, 0)
    assert backend.store.rows(EVENTS) == written
    found = {json.loads(event["attributes"])[semconv.ANOMALY_KIND]: event for event in written}
    event = found["calls"]
    said = json.loads(event["attributes"])
    assert (event["time_ns"], event["severity"]) == (burst // HOUR * HOUR, "WARN")
    assert said[semconv.ANOMALY_UNIT] == "calls"
    assert said[semconv.ANOMALY_VALUE] == pytest.approx(2033, abs=2)
    assert said[semconv.ANOMALY_USUAL] == pytest.approx(33, abs=1)
    dearest = said[semconv.ANOMALY_CALLS]
    assert len(dearest) == 3
    assert event["span_id"] == dearest[0]
    page = http.get(f"/api/calls/{dearest[0]}").json()
    assert semconv.EVENT_ANOMALY in [one["name"] for one in page["events"]]


def test_calls_that_come_late_do_not_tell_of_an_hour_again(backend, http, burst):
    looking = Watch(backend)
    looking.look(burst)
    written = backend.store.rows(EVENTS)
    late = traffic(500, hours=0.1, seed=10)
    late.start = burst // HOUR * HOUR - HOUR + 60 * 10**9
    send(http, late)
    looking.look(burst)
    assert [one for one in backend.store.rows(EVENTS) if one in written] == written
    kinds = [
        json.loads(one["attributes"])[semconv.ANOMALY_KIND] for one in backend.store.rows(EVENTS)
    ]
    assert len(kinds) == len(set(kinds))


def test_quiet_hours_are_told_of_by_nothing(backend, http):
    send(http, traffic(2000, hours=60))
    assert Watch(backend).look(time.time_ns()) == 0
    assert backend.store.rows(EVENTS) == []


def test_open_streams_hear_of_it(backend, http, burst):
    with http.stream("GET", "/api/stream") as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("retry")
        new = Watch(backend).look(burst)
        told = []
        for line in lines:
            if line == "event: anomaly":
                told.append(json.loads(next(lines).removeprefix("data: ")))
                if len(told) == new:
                    break
    written = [json.loads(one["attributes"]) for one in backend.store.rows(EVENTS)]
    assert sorted(one[semconv.ANOMALY_KIND] for one in told) == sorted(
        one[semconv.ANOMALY_KIND] for one in written
    )
    assert all(one["to_ns"] - one["from_ns"] == HOUR for one in told)


def test_nobody_hears_where_no_server_runs():
    Hub().tell("anomaly", {})


def test_it_goes_on_after_a_fault(backend, http, burst, monkeypatch, caplog):
    monkeypatch.setattr(watch, "_EVERY", 0.02)
    faults = [OverloadedError("full")]
    take = backend.take

    def refused(batch):
        if faults:
            raise faults.pop()
        return take(batch)

    monkeypatch.setattr(backend, "take", refused)
    with Watch(backend):
        wait_for(lambda: backend.store.rows(EVENTS))
    assert "could not be looked for" in caplog.text
    assert not [t for t in threading.enumerate() if t.name == "otel-claude-watch"]


def test_up_tells_of_what_it_finds_in_its_file_once(tmp_path):
    path = tmp_path / "calls.duckdb"
    with serving(path) as (_, url):
        with httpx2.Client(base_url=url, trust_env=False, timeout=60) as http:
            send(http, traffic(2000, hours=60))
            sent = traffic(2000, hours=0.5, seed=9)
            sent.start = time.time_ns() // HOUR * HOUR - HOUR + 60 * 10**9
            send(http, sent)
    for _ in range(2):
        with serving(path):
            with engine_of(str(path)) as engine:
                count = len(wait_for(lambda: engine.rows(EVENTS)))
        with engine_of(str(path)) as engine:
            assert len(engine.rows(EVENTS)) == count
