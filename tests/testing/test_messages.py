"""`POST /v1/messages` without faults, through the real SDK."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from otel_claude.testing.tokens import text_tokens

from .conftest import plain

if TYPE_CHECKING:
    from otel_claude.testing import Emulator

WEATHER = {
    "name": "get_weather",
    "description": "Weather of a place",
    "input_schema": {
        "type": "object",
        "properties": {"location": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
        "required": ["location", "days"],
    },
}


def test_message_has_the_shape_of_the_api(api: Emulator, client: Any, ask: Any) -> None:
    message = client.messages.create(**ask())
    assert message.type == "message"
    assert message.role == "assistant"
    assert message.id.startswith("msg_01")
    assert len(message.id) == len("msg_01") + 22
    assert message._request_id.startswith("req_01")
    assert message.stop_reason == "end_turn"
    assert message.model == "claude-sonnet-5-5"
    assert message.usage.input_tokens == 8 + 4 + text_tokens("Hello")
    assert message.usage.output_tokens == len(message.content[0].text.split())
    usage = plain(message.usage)
    assert usage["service_tier"] == "standard"
    assert usage["inference_geo"] == "global"
    assert usage["cache_creation"] == {
        "ephemeral_5m_input_tokens": 0,
        "ephemeral_1h_input_tokens": 0,
    }
    assert "iterations" not in usage


def test_headers(api: Emulator, client: Any, ask: Any) -> None:
    raw = client.messages.with_raw_response.create(**ask())
    headers = raw.headers
    assert headers["request-id"].startswith("req_01")
    assert headers["anthropic-organization-id"]
    assert headers["anthropic-workspace-id"]
    for name in ("requests", "tokens", "input-tokens", "output-tokens"):
        assert int(headers[f"anthropic-ratelimit-{name}-limit"]) > 0
        assert headers[f"anthropic-ratelimit-{name}-reset"].endswith("Z")
    first = int(headers["anthropic-ratelimit-requests-remaining"])
    again = client.messages.with_raw_response.create(**ask())
    assert int(again.headers["anthropic-ratelimit-requests-remaining"]) in (first - 1, 3999)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("claude-opus-4-5", "claude-opus-4-5-20251101"),
        ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
        ("claude-haiku-4-5", "claude-haiku-4-5-20251001"),
        ("claude-opus-4-0", "claude-opus-4-20250514"),
        ("claude-opus-5-5", "claude-opus-5-5"),
        ("claude-fable-9", "claude-fable-9"),
    ],
)
def test_aliases_come_back_as_dated_ids(client: Any, ask: Any, asked: Any, served: Any) -> None:
    assert client.messages.create(**ask(model=asked)).model == served


def test_max_tokens_cuts_exactly(client: Any, ask: Any) -> None:
    message = client.messages.create(**ask(max_tokens=7))
    assert message.stop_reason == "max_tokens"
    assert message.usage.output_tokens == 7
    assert len(message.content[0].text.split()) == 7


def test_stop_sequences(client: Any, ask: Any) -> None:
    found = client.messages.create(
        **ask(scenario="text=one two STOP three", stop_sequences=["STOP"])
    )
    assert (found.stop_reason, found.stop_sequence) == ("stop_sequence", "STOP")
    assert found.content[0].text.strip() == "one two"
    spoken = client.messages.create(**ask("Finish with END please", stop_sequences=["END"]))
    assert (spoken.stop_reason, spoken.stop_sequence) == ("stop_sequence", "END")
    silent = client.messages.create(**ask(stop_sequences=["@@@"]))
    assert (silent.stop_reason, silent.stop_sequence) == ("end_turn", None)


def test_tool_call_then_answer(client: Any, ask: Any) -> None:
    first = client.messages.create(**ask(tools=[WEATHER]))
    assert first.stop_reason == "tool_use"
    call = first.content[-1]
    assert call.type == "tool_use"
    assert call.name == "get_weather"
    assert call.id.startswith("toolu_01")
    assert isinstance(call.input["location"], str)
    assert call.input["days"] >= 1
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "18 degrees"}
    turns = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": [plain(block) for block in first.content]},
        {"role": "user", "content": [result]},
    ]
    last = client.messages.create(**ask(messages=turns, tools=[WEATHER]))
    assert last.stop_reason == "end_turn"
    assert last.content[0].type == "text"


@pytest.mark.parametrize(
    ("choice", "kinds"),
    [
        ({"type": "none"}, ["text"]),
        ({"type": "any"}, ["tool_use"]),
        ({"type": "tool", "name": "get_weather"}, ["tool_use"]),
        ({"type": "auto"}, ["text", "tool_use"]),
    ],
)
def test_tool_choice(client: Any, ask: Any, choice: Any, kinds: Any) -> None:
    message = client.messages.create(**ask(tools=[WEATHER], tool_choice=choice))
    assert [block.type for block in message.content] == kinds


def test_parallel_tools(client: Any, ask: Any) -> None:
    message = client.messages.create(**ask(scenario="tool=get_weather,times=3", tools=[WEATHER]))
    ids = {block.id for block in message.content if block.type == "tool_use"}
    assert len(ids) == 3


def test_tool_input_cut_by_max_tokens(client: Any, ask: Any) -> None:
    with client.messages.stream(
        **ask(tools=[WEATHER], max_tokens=3, tool_choice={"type": "any"})
    ) as stream:
        message = stream.get_final_message()
    assert message.stop_reason == "max_tokens"
    assert message.usage.output_tokens == 3


def test_thinking(client: Any, ask: Any) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    message = client.messages.create(**ask(max_tokens=2048, thinking=thinking))
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.content[0].signature
    usage = plain(message.usage)
    thought = len(message.content[0].thinking.split())
    assert usage["output_tokens_details"] == {"thinking_tokens": thought}
    assert usage["output_tokens"] == thought + len(message.content[1].text.split())


def test_structured_output(client: Any, ask: Any) -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "kind": {"enum": ["a", "b"]},
            "parts": {"type": "array", "items": {"$ref": "#/$defs/part"}, "minItems": 1},
            "maybe": {"anyOf": [{"type": "null"}, {"type": "boolean"}]},
        },
        "required": ["name", "kind", "parts", "maybe"],
        "$defs": {
            "part": {
                "type": "object",
                "properties": {"n": {"type": "number"}},
                "required": ["n"],
            }
        },
    }
    body = {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
    message = client.messages.create(**ask(extra_body=body))
    made = json.loads(message.content[0].text)
    assert set(made) == {"name", "kind", "parts", "maybe"}
    assert made["kind"] in ("a", "b")
    assert isinstance(made["parts"][0]["n"], (int, float))
    assert made["maybe"] in (None, True, False)


def test_parse_helper(client: Any, ask: Any) -> None:
    import pydantic

    if not hasattr(client.messages, "parse"):
        pytest.skip("no messages.parse in this SDK")

    class City(pydantic.BaseModel):
        name: str
        people: int

    message = client.messages.parse(**ask(output_format=City))
    assert isinstance(message.parsed_output, City)


def test_web_search_counts_and_adds_input(client: Any, ask: Any) -> None:
    tool = {"type": "web_search_20250305", "name": "web_search"}
    message = client.messages.create(**ask("Please search for news", tools=[tool]))
    kinds = [block.type for block in message.content]
    assert kinds == ["server_tool_use", "web_search_tool_result", "text"]
    assert plain(message.usage)["server_tool_use"]["web_search_requests"] == 1
    asked = ask("Please search for news", tools=[tool], stream=True)
    events = list(client.messages.create(**asked))
    start = next(event for event in events if event.type == "message_start").message.usage
    end = plain(next(event for event in events if event.type == "message_delta").usage)
    assert end["input_tokens"] == start.input_tokens + 500
    assert end["server_tool_use"]["web_search_requests"] == 1


def test_conditions_of_inference(client: Any, ask: Any) -> None:
    extra = {"inference_geo": "us", "speed": "fast", "service_tier": "auto"}
    message = client.messages.create(**ask(model="claude-opus-5-5", extra_body=extra))
    usage = plain(message.usage)
    assert (usage["inference_geo"], usage["speed"]) == ("us", "fast")
    slow = client.messages.create(**ask(model="claude-opus-4-6", extra_body={"speed": "fast"}))
    assert plain(slow.usage)["speed"] == "standard"


def test_beta_shows_iterations(api: Emulator, client: Any, ask: Any) -> None:
    message = client.beta.messages.create(**ask(betas=["context-1m-2025-08-07"]))
    usage = plain(message.usage)
    assert [entry["type"] for entry in usage["iterations"]] == ["message"]
    assert usage["iterations"][0]["output_tokens"] == usage["output_tokens"]


def test_tool_runner(api: Emulator, client: Any, ask: Any) -> None:
    if not hasattr(client.beta.messages, "tool_runner"):
        pytest.skip("no tool_runner in this SDK")
    from anthropic import beta_tool

    @beta_tool
    def double(number: int) -> str:
        """Double a number.

        Args:
            number: the number
        """
        return str(2 * number)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runner: Any = client.beta.messages.tool_runner(**ask(tools=[double]))
        turns = list(runner)
    assert [turn.stop_reason for turn in turns] == ["tool_use", "end_turn"]
    assert [entry.message_id for entry in api.ledger] == [turn.id for turn in turns]


def test_count_tokens(api: Emulator, client: Any, ask: Any) -> None:
    arguments = ask()
    arguments.pop("max_tokens")
    counted = client.messages.count_tokens(**arguments)
    assert counted.input_tokens == client.messages.create(**ask()).usage.input_tokens
    assert len(api.ledger) == 1


def test_models(client: Any) -> None:
    listed = list(client.models.list(limit=5))
    assert listed[0].id == "claude-fable-5-2"
    assert len({model.id for model in listed}) == len(listed) > 5
    assert client.models.retrieve("claude-haiku-4-5").id == "claude-haiku-4-5-20251001"


def test_completions(api: Emulator, client: Any) -> None:
    if not hasattr(client, "completions"):
        pytest.skip("no completions in this SDK")
    asked = {
        "model": "claude-2.1",
        "max_tokens_to_sample": 500,
        "prompt": "\n\nHuman: hi\n\nAssistant:",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = client.completions.create(**asked)
        pieces = list(client.completions.create(**asked, stream=True))
    assert whole.stop_reason == "stop_sequence"
    assert whole.completion
    assert pieces[-1].stop_reason == "stop_sequence"
    assert [entry.stream for entry in api.ledger] == [False, True]
