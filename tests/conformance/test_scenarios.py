"""The conventions' scenarios, and failing ones, in strict mode: no findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anthropic
import pytest

from .checker import check, sdk_spans
from .expected import (
    CACHE_WRITES,
    CANCELLED_WHILE_WAITING,
    COVERAGE,
    EXPECTED,
    ON_FAILED_CALLS,
)
from .scenarios import ALL, FAILURES, FIVE, MORE, Scenario
from .telemetry import Telemetry

if TYPE_CHECKING:
    from .conftest import Run

GENERATIONS = ("released", "latest", "both")
everywhere = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
in_generations = pytest.mark.parametrize("generation", GENERATIONS)


def _named(scenarios: tuple[Scenario, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "scenario",
        [
            pytest.param(
                scenario,
                id=scenario.name,
                marks=pytest.mark.skipif(
                    scenario.name == "automatic_tool_calling"
                    and not hasattr(anthropic, "beta_tool"),
                    reason="this SDK has no tool runner",
                ),
            )
            for scenario in scenarios
        ],
    )


@everywhere
@in_generations
@_named(ALL)
def test_strict_mode_has_no_findings(
    run: Run, scenario: Scenario, generation: str, asynchronous: bool
) -> None:
    telemetry = run(scenario, asynchronous=asynchronous, strict=True, semconv=generation)
    calls = scenario.async_calls if asynchronous else scenario.calls
    assert check(telemetry, generation, calls=calls) == []


_CAPTURE = ("input", "output", "system", "tools", "tool_schemas", "errors", "media")


@everywhere
@pytest.mark.parametrize("limit", [1_024, 1_048_576])
@_named(ALL)
def test_content_has_no_findings(
    run: Run, scenario: Scenario, limit: int, asynchronous: bool
) -> None:
    """On spans and events, as a whole and where most of it had to be left out."""
    telemetry = run(
        scenario,
        asynchronous=asynchronous,
        strict=True,
        capture="both",
        capture_content=_CAPTURE,
        capture_limit=limit,
    )
    calls = scenario.async_calls if asynchronous else scenario.calls
    assert check(telemetry, "released", calls=calls) == []
    asked = {name for span in telemetry.spans for name in span.attributes}
    if scenario.calls:
        assert "gen_ai.input.messages" in asked
        assert any("gen_ai.input.messages" in event.attributes for event in telemetry.logs)


@everywhere
@in_generations
@_named(FIVE)
def test_the_five_satisfy_the_suite(
    run: Run, scenario: Scenario, generation: str, asynchronous: bool
) -> None:
    telemetry = run(scenario, asynchronous=asynchronous, strict=True, semconv=generation)
    assert check(telemetry, generation, as_the_suite=True) == []


@everywhere
@in_generations
@_named((*FIVE, *MORE))
def test_coverage(run: Run, scenario: Scenario, generation: str, asynchronous: bool) -> None:
    """As the suite's reports list it: the attributes that were seen."""
    telemetry = run(scenario, asynchronous=asynchronous, strict=True, semconv=generation)
    seen = {
        name for span in telemetry.spans if span.operation == "chat" for name in span.attributes
    }
    writes = seen & set(CACHE_WRITES.values())
    assert seen - writes == COVERAGE[scenario.name]
    known = set(CACHE_WRITES.values()) if generation == "both" else {CACHE_WRITES[generation]}
    assert writes == known


@everywhere
@_named(FAILURES)
def test_what_the_suite_asks_of_failed_calls(
    run: Run, scenario: Scenario, asynchronous: bool
) -> None:
    """The suite wants an answer's id, model and usage also where there was no answer."""
    telemetry = run(scenario, asynchronous=asynchronous, strict=True)
    found = {finding.key for finding in check(telemetry, "released", as_the_suite=True)}
    # The cancelled scenario of asyncio has a second call, which had no answer yet.
    more = CANCELLED_WHILE_WAITING if asynchronous and scenario.name == "cancelled" else frozenset()
    assert found == ON_FAILED_CALLS[scenario.name] | more


@everywhere
@in_generations
def test_default_mode_has_the_expected_findings_only(
    run: Run, generation: str, asynchronous: bool
) -> None:
    found = {
        finding.key
        for scenario in ALL
        if scenario.name != "automatic_tool_calling" or hasattr(anthropic, "beta_tool")
        for finding in check(
            run(scenario, asynchronous=asynchronous, semconv=generation),
            generation,
            calls=scenario.async_calls if asynchronous else scenario.calls,
        )
    }
    assert found == EXPECTED[generation]


@everywhere
def test_the_tool_runner_has_one_agent_and_one_tool_span(run: Run, asynchronous: bool) -> None:
    """The SDK's own where it makes them, else ours; the chat spans hang under the agent's."""
    if not hasattr(anthropic, "beta_tool"):
        pytest.skip("this SDK has no tool runner")
    scenario = next(one for one in FIVE if one.name == "automatic_tool_calling")
    telemetry = run(scenario, asynchronous=asynchronous, strict=True)
    agents = [span for span in telemetry.spans if span.operation == "invoke_agent"]
    tools = [span for span in telemetry.spans if span.operation == "execute_tool"]
    chats = [span for span in telemetry.spans if span.operation == "chat"]
    assert (len(agents), len(tools), len(chats)) == (1, 1, 2)
    assert {span.parent_id for span in (*tools, *chats)} == {agents[0].span_id}
    assert all(span.scope == "otel_claude" for span in chats)
    theirs = {span.name for span in sdk_spans(telemetry)}
    assert theirs in (
        set(),
        {"anthropic.messages.tool_runner", "anthropic.custom_tool_use get_weather"},
    )


@everywhere
@_named(tuple(one for one in FIVE if one.name != "automatic_tool_calling"))
def test_the_sdk_makes_no_span_beside_ours(
    run: Run, scenario: Scenario, asynchronous: bool
) -> None:
    assert sdk_spans(run(scenario, asynchronous=asynchronous, strict=True)) == []


def _spans_of(telemetry: Telemetry) -> list[tuple[str, object, object]]:
    return [
        (
            span.status,
            span.attributes.get("error.type"),
            span.attributes.get("gen_ai.response.finish_reasons"),
        )
        for span in telemetry.spans
    ]


@everywhere
@pytest.mark.parametrize(
    ("name", "status", "error_type"),
    [
        ("bad_request", "ERROR", "invalid_request_error"),
        ("overloaded", "ERROR", "overloaded_error"),
        ("error_in_stream", "ERROR", "overloaded_error"),
        ("truncated", "ERROR", "api_error"),
        ("lost_connection", "ERROR", "connection_error"),
        ("abandoned", "UNSET", None),
        ("cancelled", "UNSET", None),
    ],
)
def test_endings(
    run: Run, name: str, status: str, error_type: str | None, asynchronous: bool
) -> None:
    scenario = next(one for one in FAILURES if one.name == name)
    telemetry = run(scenario, asynchronous=asynchronous, strict=True)
    assert set(_spans_of(telemetry)) == {(status, error_type, ("error",))}
    raised = 1 if status == "ERROR" and name != "truncated" else 0
    assert len(telemetry.logs) == raised
