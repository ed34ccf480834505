"""The analyses over REST, of calls that were really sent."""

from __future__ import annotations

import pytest

from tests.local.conftest import send, traffic

PATHS = ("savings", "cache-misses", "sessions", "weekly", "reliability", "compare")


@pytest.mark.parametrize("path", PATHS)
def test_an_empty_store_says_so(http, path):
    answer = http.get(f"/api/{path}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["reason"].startswith("not enough data")


def test_analyses_of_stored_calls(http):
    send(http, traffic(600, hours=10, users=2))
    found = {}
    for path in PATHS:
        answer = http.get(f"/api/{path}", params={"hours": 24})
        assert answer.status_code == 200, answer.text
        found[path] = answer.json()
    kinds = {one["kind"] for one in found["savings"]["savings"]}
    assert {"smaller_model"} <= kinds
    assert len(found["sessions"]["sessions"]) == 40
    assert {group["key"] for group in found["compare"]["groups"]} == {
        "claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5",
    }  # fmt: skip
    assert "days are known" in found["weekly"]["reason"]
    assert found["weekly"]["totals"]["calls"] == 600


def test_compare_by_a_tag_and_a_filter(http):
    send(http, traffic(300, hours=10))
    params = {"by": "tag.experiment", "model": "claude-haiku-4-5"}
    found = http.get("/api/compare", params=params).json()
    assert {group["key"] for group in found["groups"]} == {"A", "B"}
    haiku = http.get("/api/summary", params={"model": "claude-haiku-4-5"}).json()["totals"]["calls"]
    assert sum(group["calls"] for group in found["groups"]) == haiku
    assert http.get("/api/compare", params={"by": "colour"}).status_code == 422
