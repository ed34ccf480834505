"""The judge is a Claude call like any other, that grades and is not graded."""

from __future__ import annotations

import anthropic
import pytest

import otel_claude
from otel_claude import semconv
from tests.quality.conftest import records, results, settle


@pytest.fixture
def judge(api):
    with anthropic.Anthropic(api_key="sk-ant-test", base_url=api.url) as client:
        yield {"client": client, "sample": 1, "model": "claude-haiku-4-5"}


def test_the_judge_grades_what_the_suite_weighs(evaluated, judge, client, ask):
    telemetry = evaluated({"checks": ["complete"], "suites": "content", "judge": judge})
    with otel_claude.attribution(team="search"):
        message = client.messages.create(**ask())
    settle()
    found = results(telemetry)
    assert set(found) == {"complete", "coherence", "adherence", "suite_content"}
    scores = {name: said[semconv.EVALUATION_SCORE] for name, said in found.items()}
    expected = (2 * scores["complete"] + 3 * scores["coherence"] + 3 * scores["adherence"]) / 8
    assert scores["suite_content"] == pytest.approx(expected)
    # Reasons are content, and nothing is captured here.
    assert semconv.EVALUATION_EXPLANATION not in found["coherence"]

    own, judging = sorted(telemetry.spans, key=lambda span: span.start_time or 0)
    assert own.attributes["gen_ai.response.id"] == message.id
    assert judging.attributes["gen_ai.request.model"] == "claude-haiku-4-5"
    assert judging.attributes["claude.feature"] == "evaluation"
    assert judging.attributes["claude.tag.evaluation"] == "judge"
    assert judging.attributes["claude.cost.total"] > 0
    costs = {"claude__feature": "evaluation", "claude__team": "search"}
    assert telemetry.total(semconv.M_COST, **costs) > 0
    # Only the application's call is evaluated.
    assert {r.attributes[semconv.RESPONSE_ID] for r in records(telemetry)} == {message.id}


def test_reasons_leave_where_content_does(evaluated, judge, client, ask):
    telemetry = evaluated({"checks": [], "judge": judge}, capture="event")
    client.messages.create(**ask())
    settle()
    found = results(telemetry)
    assert set(found) == {"coherence", "adherence", "grounding"}
    assert all(semconv.EVALUATION_EXPLANATION in said for said in found.values())


def test_an_asynchronous_client_may_judge(evaluated, api, client, ask):
    class Other:
        @property
        def messages(self):
            return self

        async def create(self, **request):
            async with anthropic.AsyncAnthropic(api_key="sk-ant-test", base_url=api.url) as sdk:
                return await sdk.messages.create(**request)

    telemetry = evaluated({"checks": [], "judge": {"client": Other(), "sample": 1}})
    for _ in range(2):
        client.messages.create(**ask())
    settle()
    assert len(records(telemetry)) == 6


def test_a_judge_that_fails_is_an_evaluation_that_failed(evaluated, api, client, ask):
    with anthropic.Anthropic(
        api_key="sk-ant-test",
        base_url=api.url,
        max_retries=0,
        default_headers={"x-emulator-scenario": "status=529"},
    ) as overloaded:
        telemetry = evaluated({"checks": [], "judge": {"client": overloaded, "sample": 1}})
        client.messages.create(**ask())
        settle()
    found = results(telemetry)
    assert set(found) == {"judge"}
    assert "Error" in found["judge"][semconv.ERROR_TYPE]


def test_the_judge_costs_nothing_unless_it_is_asked(evaluated, client, ask):
    telemetry = evaluated({"suites": "content"})
    client.messages.create(**ask())
    settle()
    assert len(telemetry.spans) == 1
    assert "suite_content" in results(telemetry)
