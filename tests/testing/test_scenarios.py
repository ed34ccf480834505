"""Scenarios: each does what docs/testing.md says of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import anthropic
import pytest

from otel_claude.testing.errors import ApiError
from otel_claude.testing.scenarios import STEPS, parse

from .conftest import plain

if TYPE_CHECKING:
    from otel_claude.testing import Emulator


def test_grammar() -> None:
    scenario: Any = parse("fail=2*529,retry-after-ms=5; text=a%3Bb%2Cc;slow")
    assert scenario.get("fail").value == "2*529"
    assert scenario.get("fail").options == {"retry-after-ms": "5"}
    assert scenario.value("text") == "a;b,c"
    assert scenario.get("slow").number(0.5) == 0.5
    assert parse("").steps == ()


@pytest.mark.parametrize("text", ["nonsense", "slow,nonsense=1", "malformed=what"])
def test_grammar_refuses(text: Any) -> None:
    with pytest.raises(ApiError, match="emulator"):
        parse(text)


def test_every_step_is_documented() -> None:
    from pathlib import Path

    text = Path(__file__).parents[2].joinpath("docs", "testing.md").read_text()
    assert [name for name in STEPS if f"`{name}" not in text] == []


@pytest.mark.parametrize("text", ["late_headers=x", "status=x", "usage=x", "fail=x", "slow=x"])
def test_values_that_make_no_sense_are_a_400(client: Any, ask: Any, text: str) -> None:
    with pytest.raises(anthropic.BadRequestError, match="emulator"):
        client.messages.create(**ask(scenario=text), stream=True)


def test_unknown_scenario_is_a_400(client: Any, ask: Any) -> None:
    with pytest.raises(anthropic.BadRequestError, match="unknown scenario"):
        client.messages.create(**ask(scenario="nonsense"))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (409, "conflict_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_status(api: Emulator, client: Any, ask: Any, status: Any, kind: Any) -> None:
    once = client.with_options(max_retries=0)
    with pytest.raises(anthropic.APIStatusError) as failed:
        once.messages.create(**ask(scenario=f"status={status}"))
    error: Any = failed.value
    assert error.status_code == status
    assert error.body["type"] == "error"
    assert error.body["error"]["type"] == kind
    assert error.body["request_id"] == error.request_id == api.ledger[-1].request_id
    assert (api.ledger[-1].status, api.ledger[-1].error_type) == (status, kind)
    assert api.ledger[-1].usage is None


def test_status_with_type_and_message(client: Any, ask: Any) -> None:
    with pytest.raises(anthropic.BadRequestError, match="Your credit") as caught:
        client.messages.create(**ask(scenario="status=400,type=billing_error,message=Your credit"))
    body: Any = caught.value.body
    assert body["error"]["type"] == "billing_error"


def test_fail_then_succeed(api: Emulator, client: Any, ask: Any) -> None:
    raw = client.messages.with_raw_response.create(**ask(scenario="fail=2*529,retry-after-ms=1"))
    assert raw.retries_taken == 2
    assert [entry.status for entry in api.ledger] == [529, 529, 200]
    client.messages.create(**ask(scenario="fail=2*529,retry-after-ms=1"))
    assert [entry.status for entry in api.ledger][3:] == [529, 529, 200]


def test_fail_without_the_sdk_counts_equal_requests(api: Emulator) -> None:
    import urllib.error
    import urllib.request

    def once() -> int:
        body = {
            "model": "claude-opus-5-5",
            "max_tokens": 5,
            "messages": [{"role": "user", "content": "x"}],
        }
        headers = {
            "x-api-key": "k",
            "anthropic-version": "2023-06-01",
            "x-emulator-scenario": "fail=2*503",
        }
        request = urllib.request.Request(
            f"{api.url}/v1/messages", json.dumps(body).encode(), headers
        )
        try:
            with urllib.request.urlopen(request) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return int(error.code)

    assert [once() for _ in range(6)] == [503, 503, 200, 503, 503, 200]


def test_fail_by_dropping(
    api: Emulator, client: Any, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anthropic._base_client, "INITIAL_RETRY_DELAY", 0.001)
    monkeypatch.setattr(anthropic._base_client, "MAX_RETRY_DELAY", 0.001)
    client.messages.create(**ask(scenario="fail=1*drop"))
    assert [entry.status for entry in api.ledger] == [0, 200]


def test_should_retry_header(api: Emulator, client: Any, ask: Any) -> None:
    with pytest.raises(anthropic.RateLimitError):
        client.messages.create(**ask(scenario="status=429,should-retry=false"))
    assert len(api.ledger) == 1


def test_drop_before_headers(api: Emulator, client: Any, ask: Any) -> None:
    with pytest.raises(anthropic.APIConnectionError):
        client.with_options(max_retries=0).messages.create(**ask(scenario="drop=headers"))
    assert api.ledger[-1].error_type == "connection_dropped"


def test_drop_in_a_json_body(api: Emulator, client: Any, ask: Any) -> None:
    with pytest.raises(Exception, match=r"(?i)peer closed|connection"):
        client.with_options(max_retries=0).messages.create(**ask(scenario="drop"))
    assert not api.ledger[-1].complete


def test_path_selects_a_scenario(api: Emulator, ask: Any) -> None:
    url = api.scenario("output_tokens=3")
    with anthropic.Anthropic(api_key="k", base_url=url) as client:
        assert client.messages.create(**ask()).usage.output_tokens == 3
    assert api.requests[-1].path == "/v1/messages"
    assert api.requests[-1].scenario == "output_tokens=3"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("category", ["cyber", "bio", ""])
def test_refusal_before_output(
    api: Emulator, client: Any, ask: Any, stream: bool, category: Any
) -> None:
    arguments = ask(scenario=f"refusal={category}")
    if stream:
        with client.messages.stream(**arguments) as events:
            message = events.get_final_message()
    else:
        message = client.messages.create(**arguments)
    assert message.content == []
    assert message.stop_reason == "refusal"
    assert message.usage.output_tokens == 0
    assert message.usage.input_tokens > 0
    details = plain(message).get("stop_details")
    if details:  # SDKs that do not know the field leave it out of a stream's message
        assert details.get("category") == (category or None)


def test_refusal_in_mid_stream(client: Any, ask: Any) -> None:
    message = client.messages.create(**ask(scenario="refusal=cyber,after=6"))
    assert message.stop_reason == "refusal"
    assert message.usage.output_tokens == 6
    assert len(message.content[0].text.split()) == 6


@pytest.mark.parametrize("stream", [False, True])
def test_fallback(api: Emulator, client: Any, ask: Any, stream: bool) -> None:
    arguments = ask(scenario="fallback=claude-opus-4-8,category=cyber")
    if stream:
        events = list(client.beta.messages.create(**arguments, stream=True))
        delta = next(event for event in events if event.type == "message_delta")
        assert events[0].message.model == "claude-sonnet-5-5"
        usage = plain(delta.usage)
    else:
        message = client.beta.messages.create(**arguments)
        assert message.model == "claude-opus-4-8"
        assert plain(message.content[0])["type"] == "fallback"
        usage = plain(message.usage)
    first, second = usage["iterations"]
    assert (first["type"], first["model"], first["output_tokens"]) == (
        "message",
        "claude-sonnet-5-5",
        0,
    )
    assert (second["type"], second["model"]) == ("fallback_message", "claude-opus-4-8")
    assert second["output_tokens"] == usage["output_tokens"]
    assert api.ledger[-1].model == "claude-opus-4-8"


def test_compaction(client: Any, ask: Any) -> None:
    scenario = "compaction,input=9000,output=700"
    message = client.beta.messages.create(**ask(scenario=scenario))
    usage = plain(message.usage)
    assert [entry["type"] for entry in usage["iterations"]] == ["compaction", "message"]
    assert usage["iterations"][0]["input_tokens"] == 9000
    assert usage["iterations"][1]["input_tokens"] == usage["input_tokens"] < 9000
    events = list(client.beta.messages.create(**ask(scenario=scenario), stream=True))
    assert "compaction_delta" in [getattr(getattr(e, "delta", None), "type", "") for e in events]


def test_advisor(client: Any, ask: Any) -> None:
    message = client.beta.messages.create(
        **ask(scenario="advisor=claude-opus-5-5,input=10,output=20")
    )
    usage = plain(message.usage)
    kinds = [entry["type"] for entry in usage["iterations"]]
    assert kinds == ["message", "advisor_message", "message"]
    assert usage["iterations"][1]["model"] == "claude-opus-5-5"
    own = [entry for entry in usage["iterations"] if entry["type"] == "message"]
    for key in ("input_tokens", "output_tokens"):
        assert sum(entry[key] for entry in own) == usage[key]


@pytest.mark.parametrize(
    ("scenario", "reason"),
    [
        ("pause_turn", "pause_turn"),
        ("stop=model_context_window_exceeded", "model_context_window_exceeded"),
    ],
)
def test_stop_reasons(client: Any, ask: Any, scenario: Any, reason: Any) -> None:
    assert client.messages.create(**ask(scenario=scenario)).stop_reason == reason


@pytest.mark.parametrize("stream", [False, True])
def test_exact_usage(api: Emulator, client: Any, ask: Any, stream: bool) -> None:
    wanted = {"input_tokens": 11, "output_tokens": 22, "cache_read_input_tokens": 33}
    arguments = ask(scenario=f"usage={quote(json.dumps(wanted))}")
    if stream:
        with client.messages.stream(**arguments) as events:
            usage = events.get_final_message().usage
    else:
        usage = client.messages.create(**arguments).usage
    assert {key: getattr(usage, key) for key in wanted} == wanted
    assert {key: api.ledger[-1].usage[key] for key in wanted} == wanted


def test_token_counts(client: Any, ask: Any) -> None:
    usage = client.messages.create(**ask(scenario="input_tokens=5000;output_tokens=30")).usage
    assert (usage.input_tokens, usage.output_tokens) == (5000, 30)


def test_thinking_search_and_container(client: Any, ask: Any) -> None:
    scenario = "thinking_tokens=9;web_search=2;web_fetch=1;container"
    message = plain(client.messages.create(**ask(scenario=scenario)))
    assert message["usage"]["output_tokens_details"] == {"thinking_tokens": 9}
    assert message["usage"]["server_tool_use"] == {
        "web_search_requests": 2,
        "web_fetch_requests": 1,
    }
    assert message["container"]["id"].startswith("container_01")


def test_conditions(client: Any, ask: Any) -> None:
    scenario = "tier=priority;geo=us;speed=fast;model=claude-x"
    raw = client.messages.with_raw_response.create(**ask(scenario=scenario))
    message = plain(raw.parse())
    assert message["model"] == "claude-x"
    found = [message["usage"][key] for key in ("service_tier", "inference_geo", "speed")]
    assert found == ["priority", "us", "fast"]
    assert "anthropic-priority-input-tokens-limit" in raw.headers
    assert "anthropic-fast-output-tokens-remaining" in raw.headers


def test_headers(client: Any, ask: Any) -> None:
    scenario = (
        "header=x-new:1;header=-anthropic-workspace-id;unified=allowed_warning,utilization=0.9"
    )
    headers = client.messages.with_raw_response.create(**ask(scenario=scenario)).headers
    assert headers["x-new"] == "1"
    assert "anthropic-workspace-id" not in headers
    assert headers["anthropic-ratelimit-unified-status"] == "allowed_warning"
    assert headers["anthropic-ratelimit-unified-5h-utilization"] == "0.9"


def raw_body(api: Emulator, kind: Any, *, stream: bool) -> str:
    import http.client

    connection = http.client.HTTPConnection(api.url.removeprefix("http://"))
    body = {"model": "claude-opus-5-5", "max_tokens": 50, "stream": stream}
    body["messages"] = [{"role": "user", "content": "x"}]
    headers = {
        "x-api-key": "k",
        "anthropic-version": "2023-06-01",
        "x-emulator-scenario": f"malformed={kind}",
    }
    connection.request("POST", "/v1/messages", json.dumps(body), headers)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    assert response.status == 200
    return text


def test_malformed(api: Emulator) -> None:
    assert "usage" not in json.loads(raw_body(api, "usage_missing", stream=False))
    assert "usage" not in raw_body(api, "usage_missing", stream=True)
    assert json.loads(raw_body(api, "usage_null", stream=False))["usage"]["input_tokens"] is None
    assert (
        json.loads(raw_body(api, "usage_types", stream=False))["usage"]["input_tokens"] == "twelve"
    )
    assert "twelve" in raw_body(api, "usage_types", stream=True)
    assert "event: emulator_unknown" in raw_body(api, "event", stream=True)
    assert (
        json.loads(raw_body(api, "block", stream=False))["content"][0]["type"] == "emulator_unknown"
    )
    with pytest.raises(ValueError, match=r"(?i)expecting|unterminated"):
        json.loads(raw_body(api, "json", stream=False))
    assert '{"type": "content_block_d\n' in raw_body(api, "json", stream=True)
    assert raw_body(api, "empty", stream=False) == ""
    assert raw_body(api, "empty", stream=True) == ""
    assert all(entry.usage["input_tokens"] > 0 for entry in api.ledger)
