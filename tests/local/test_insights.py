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


def questions(http):
    """Every path of REST that answers a question with JSON."""
    document = http.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        answer = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        if path.startswith("/api/") and "{" not in path and "application/json" in answer:
            yield path, answer["application/json"]["schema"]


def test_every_question_is_answered_and_its_answer_is_in_the_contract(http):
    paths = dict(questions(http))
    asked = "summary costs latency errors usage tokens/window tokens/daily forecast savings calls"
    assert {f"/api/{name}" for name in (*asked.split(), *PATHS, "anomalies")} <= paths.keys()
    for path, schema in paths.items():
        answer = http.get(path)
        assert answer.status_code == 200, (path, answer.text)
        assert "$ref" in schema, path


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("days=0", "days: Input should be greater than 0"),
        ("hours=-1", "hours: "),
        ("days=many", "days: "),
        ("days=nan", "days"),
        ("days=1&hours=1", "give one of hours, days and from"),
        ("days=4000", "at most ten years"),
        ("from=yesterday", "'yesterday' is no instant"),
        ("from=2026-11-02&to=2026-11-01", "from must be before to"),
        ("colour=red", "there is no parameter 'colour'"),
        ("tag.=x", "there is no parameter 'tag.'"),
        ("min_cost=-1", "min_cost: "),
        ("show=dear", "show.0: "),
    ],
)
def test_what_no_parameter_can_be_is_refused_by_all(http, asked, said):
    for path, _ in questions(http):
        if path == "/api/alerts":
            continue  # the state of the server, as /health is: it is asked without parameters
        answer = http.get(f"{path}?{asked}")
        assert answer.status_code == 422, (path, answer.text)
        assert said in answer.json()["detail"], path
