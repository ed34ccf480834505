"""Forecast and anomalies over REST, of calls that were really sent."""

from __future__ import annotations

from typing import Any

import pytest

from otel_claude.local.queries import Filters, Period
from otel_claude.local.queries.hours import anomalies_of
from tests.local.analyses.stored import NOW, store_of
from tests.local.conftest import send, traffic


def test_forecast_of_stored_calls(http):
    assert "not enough data" in http.get("/api/forecast").json()["reason"]
    send(http, traffic(600, hours=60))
    found = http.get("/api/forecast").json()
    assert found["reason"] is None
    assert found["pattern"] == "day"
    summary = http.get("/api/summary", params={"hours": 24}).json()
    assert 0 < found["burn_rate_usd"] < summary["totals"]["cost_usd"] / 8
    for period in (found["day"], found["month"]):
        assert period["spent_usd"] <= period["expected_usd"]
    other = http.get("/api/forecast", params={"model": "none-such"}).json()
    assert "not enough data" in other["reason"]


def test_anomalies_of_stored_calls(http):
    assert "not enough data" in http.get("/api/anomalies").json()["reason"]
    send(http, traffic(2000, hours=60))
    quiet = http.get("/api/anomalies", params={"hours": 24}).json()
    assert quiet["reason"] is None
    send(http, traffic(3000, hours=2, seed=9))
    found = http.get("/api/anomalies", params={"hours": 6}).json()
    burst = [one for one in found["anomalies"] if one["measure"] == "calls"]
    assert burst
    assert burst[0]["value"] > 5 * burst[0]["usual"]
    assert len(burst[0]["calls"]) == 3
    start, end = burst[0]["from_ns"], burst[0]["to_ns"]
    assert all(start <= call["start_ns"] < end for call in burst[0]["calls"])


@pytest.mark.parametrize(("streams", "found"), [(4, []), (5, ["first_token"])])
def test_the_first_token_of_few_streams_means_nothing(streams, found):
    hour = 3600
    ago = NOW % (hour * 10**9) / 1e9 + hour  # the last whole hour
    calls: list[dict[str, Any]] = [
        {"ago": ago + n * hour - m, "first_token": 0.5} for n in range(1, 40) for m in range(1, 21)
    ]
    calls += [{"ago": ago - m, "first_token": 9.0 if m <= streams else None} for m in range(1, 21)]
    store = store_of(calls)
    asked = anomalies_of(store, Period(NOW - 6 * hour * 10**9, NOW), Filters())
    store.close()
    assert [one["measure"] for one in asked["anomalies"]] == found


def test_the_hour_under_way_is_not_judged_yet(monkeypatch):
    hour = 3600 * 10**9
    now = NOW - NOW % hour + hour // 2
    start = (NOW - now) / 1e9  # how long before `NOW` that was
    calls = [{"ago": start + n * 900 + 1, "cost": 0.1} for n in range(200)]
    calls += [{"ago": start + n, "cost": 1.0} for n in range(100)]
    store = store_of(calls)
    under_way = anomalies_of(store, Period(now - 6 * hour, now + 1), Filters())
    over = anomalies_of(store, Period(now - 6 * hour, now + hour), Filters())
    monkeypatch.setattr("time.time_ns", lambda: now + 1)
    future = anomalies_of(store, Period(now - 6 * hour, now + hour), Filters())
    store.close()
    assert future == under_way
    assert (under_way["reason"], under_way["anomalies"]) == (None, [])
    assert {one["measure"] for one in over["anomalies"]} == {"cost", "calls"}


def test_each_is_explained_by_the_calls_that_made_it():
    hour = 3600
    ago = NOW % (hour * 10**9) / 1e9 + hour
    usual: dict[str, Any] = {"cost": 0.01, "first_token": 0.5}
    calls = [{"ago": ago + n * hour - m, **usual} for n in range(1, 40) for m in range(1, 21)]
    odd: list[dict[str, Any]] = [{"ago": ago - m, **usual} for m in range(1, 21)]
    odd[3] |= {"cost": 5.0}
    for number in range(5, 11):
        odd[number] |= {"first_token": 9.0 + number}
    for number in range(12, 18):
        odd[number] |= {"error_type": "api_error", "first_token": None}
    odd[19] |= {"input_tokens": 90_000}
    store = store_of(calls + odd)
    found = anomalies_of(store, Period(NOW - 6 * hour * 10**9, NOW), Filters(), explain=2)
    store.close()
    first = len(calls)
    explained = {
        one["measure"]: [int(call["id"], 16) - first for call in one["calls"]]
        for one in found["anomalies"]
    }
    assert explained.pop("cost")[0] == 3
    assert explained.pop("first_token") == [10, 9]
    assert explained.pop("error_rate") == [17, 16]  # the latest of them
    assert explained.pop("tokens_per_call")[0] == 19
    assert explained == {}
