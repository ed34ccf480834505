"""What the API refuses."""

from __future__ import annotations

import http.client
import json
from typing import Any

import anthropic
import pytest

from otel_claude.testing import Emulator

HELLO = [{"role": "user", "content": "hi"}]
GOOD = {"model": "claude-opus-5-5", "max_tokens": 5, "messages": HELLO}
KEY = {"x-api-key": "k", "anthropic-version": "2023-06-01"}


def send(
    api: Emulator,
    body: Any = GOOD,
    headers: Any = KEY,
    path: Any = "/v1/messages",
    method: Any = "POST",
) -> tuple[int, Any, dict[str, str]]:
    connection = http.client.HTTPConnection(api.url.removeprefix("http://"))
    data = body if isinstance(body, (bytes, str)) else json.dumps(body)
    connection.request(method, path, data, headers)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    return response.status, json.loads(text), dict(response.headers.items())


def without(key: Any) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name != key}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (without("model"), "model: Field required"),
        (without("max_tokens"), "max_tokens: Field required"),
        (without("messages"), "messages: Field required"),
        ({**GOOD, "messages": []}, "at least one message"),
        ({**GOOD, "messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
        ({**GOOD, "messages": [{"role": "assistant", "content": "x"}]}, "first message"),
        ({**GOOD, "messages": [{"role": "user", "content": ""}]}, "non-empty"),
        ({**GOOD, "max_tokens": 0}, "greater than or equal to 1"),
        ({**GOOD, "max_tokens": 10**6}, "maximum allowed number of output tokens"),
        ({**GOOD, "max_tokens": "5"}, "valid integer"),
        ({**GOOD, "made_up": 1}, "Extra inputs are not permitted"),
        (
            {**GOOD, "messages": [{"role": "user", "content": "x" * 4_100_000}]},
            "prompt is too long",
        ),
        ({**GOOD, "thinking": {"type": "enabled", "budget_tokens": 10}}, "1024"),
        ({**GOOD, "tool_choice": {"type": "any"}}, "tool_choice"),
        ({**GOOD, "model": "claude-sonnet-5-5", "speed": "fast"}, "fast mode"),
        ("{not json", "not valid JSON"),
        ("[]", "not a JSON object"),
    ],
)
def test_bad_requests(api: Emulator, body: Any, message: Any) -> None:
    status, answer, headers = send(api, body)
    assert status == 400
    assert answer["error"]["type"] == "invalid_request_error"
    assert message in answer["error"]["message"]
    assert answer["request_id"] == headers["request-id"]


def test_tool_results_must_pair(api: Emulator) -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "x", "input": {}}
    talk = [*HELLO, {"role": "assistant", "content": [call]}, {"role": "user", "content": "so?"}]
    assert "without `tool_result`" in send(api, {**GOOD, "messages": talk})[1]["error"]["message"]
    stray = {"type": "tool_result", "tool_use_id": "toolu_9", "content": "x"}
    talk = [{"role": "user", "content": [stray]}]
    assert (
        "unexpected `tool_use_id`" in send(api, {**GOOD, "messages": talk})[1]["error"]["message"]
    )


def test_keys(api: Emulator) -> None:
    version = {"anthropic-version": "2023-06-01"}
    assert send(api, headers=version)[0] == 401
    assert send(api, headers={**version, "x-api-key": "sk-invalid"})[0] == 401
    assert send(api, headers={**version, "authorization": "Bearer k"})[0] == 200
    assert send(api, headers={"x-api-key": "k"})[0] == 400


def test_unknown_things(api: Emulator) -> None:
    for model in ("claude-unknown-1", "gpt-4"):
        status, answer, _ = send(api, {**GOOD, "model": model})
        assert (status, answer["error"]["type"]) == (404, "not_found_error")
    assert send(api, path="/v1/nothing")[0] == 404
    assert send(api, method="DELETE")[0] == 405
    assert send(api, headers={}, path="/v1/nothing")[0] == 401


def test_too_large() -> None:
    with Emulator(max_body=1000) as api:
        status, answer, _ = send(
            api, {**GOOD, "messages": [{"role": "user", "content": "x" * 2000}]}
        )
    assert (status, answer["error"]["type"]) == (413, "request_too_large")


def test_sampling_parameters_depend_on_the_version(api: Emulator) -> None:
    new = {**KEY, "anthropic-version": "2026-10-21"}
    for name, value in (("temperature", 1), ("top_p", 0.9), ("top_k", 5)):
        assert send(api, {**GOOD, name: value})[0] == 200
        assert send(api, {**GOOD, name: value}, new)[0] == 400
    assert send(api, {**GOOD, "temperature": 3})[0] == 400


def test_rate_limit(ask: Any) -> None:
    with Emulator(rate_limit=2) as api:
        api.clock.advance(60 - api.clock.now() % 60)
        assert [send(api)[0] for _ in range(3)] == [200, 200, 429]
        status, answer, headers = send(api)
        assert (status, answer["error"]["type"]) == (429, "rate_limit_error")
        assert 0 < int(headers["retry-after"]) <= 60
        assert headers["anthropic-ratelimit-requests-remaining"] == "0"
        assert send(api, {**GOOD, "model": "claude-haiku-4-5"})[0] == 200
        api.clock.advance(60)
        assert send(api)[0] == 200


def test_sdk_sees_the_error_classes(client: Any, ask: Any) -> None:
    with pytest.raises(anthropic.NotFoundError):
        client.messages.create(**ask(model="claude-unknown"))
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(**ask(max_tokens=0))
