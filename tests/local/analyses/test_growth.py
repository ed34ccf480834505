"""Prompts whose growth is known."""

# mypy: disable-error-code="union-attr,operator,var-annotated"
# None where there should be a value fails the test, too.

from __future__ import annotations

import pytest

from otel_claude.local.analyses.growth import growth
from otel_claude.local.queries import sessions
from otel_claude.local.queries.filters import Filters
from otel_claude.local.queries.sessions import sessions_of
from tests.local.analyses.stored import DAY_BEFORE, store_of


def test_steady_growth():
    found = growth([1000 + 50 * n for n in range(8)])
    assert (found.first, found.last, found.largest, found.per_call) == (1000, 1350, 1350, 50)
    assert found.climb == 7
    assert not found.loop


@pytest.mark.parametrize(
    ("prompts", "climb", "loop"),
    [
        ([100 + 10 * n for n in range(11)], 10, True),
        ([100 + 9 * n for n in range(11)], 10, False),  # not to twice the prompt
        ([100 + 20 * n for n in range(10)], 9, False),  # not for ten calls
        ([100, 90, *(100 + 20 * n for n in range(12)), 50, 60, 70], 12, True),
        ([500] * 30, 0, False),
        ([900 - n for n in range(30)], 0, False),
        ([100, 200, 150, 250, 180, 300] * 4, 1, False),
    ],
)
def test_loops(prompts, climb, loop):
    found = growth(prompts)
    assert (found.climb, found.loop) == (climb, loop)


def test_too_few_calls():
    assert growth([1, 2, 3, 4]) is None
    assert growth([]) is None


def test_sessions_of_the_store(monkeypatch):
    def session(name, prompts, cost):
        return [
            {"ago": 3000 - n, "session_id": name, "input_tokens": size, "cost": cost}
            for n, size in enumerate(prompts)
        ]

    store = store_of(
        session("dear", [1000] * 6, 1.0)
        + session("loop", [100 + 100 * n for n in range(15)], 0.01)
        + session("short", [100] * 4, 9.0)
    )
    found = sessions_of(store, DAY_BEFORE, Filters())
    assert [one["session"] for one in found["sessions"]] == ["loop", "dear"]
    assert found["sessions"][0]["climb"] == 14
    assert found["sessions"][1]["cost_usd"] == pytest.approx(6)
    monkeypatch.setattr(sessions, "_PROMPTS", 6)
    latest = sessions_of(store, DAY_BEFORE, Filters({"session": ("loop",)}))["sessions"][0]
    assert (latest["first"], latest["last"], latest["calls"]) == (1000, 1500, 15)
    none = sessions_of(store, DAY_BEFORE, Filters({"session": ("short",)}))
    assert none == {"reason": "not enough data: no session with 5 calls or more", "sessions": []}
    store.close()
