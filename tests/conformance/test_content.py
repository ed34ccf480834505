"""The schemas of content: parts that the conventions describe, and ways to get them wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .content import DEFINITIONS, PARTS, problems

GOOD_PARTS: list[dict[str, Any]] = [
    {"type": "text", "content": "Hello"},
    {"type": "text", "content": "", "citations": []},
    {"type": "reasoning", "content": ""},
    {"type": "tool_call", "id": "toolu_1", "name": "get_weather", "arguments": {"city": "Oslo"}},
    {"type": "tool_call", "name": "now"},
    {"type": "tool_call_response", "id": "toolu_1", "response": "Rain"},
    {"type": "tool_call_response", "response": [{"type": "text", "text": "Rain"}]},
    {
        "type": "server_tool_call",
        "id": "srvtoolu_1",
        "name": "web_search",
        "server_tool_call": {"type": "web_search", "query": "Oslo"},
    },
    {
        "type": "server_tool_call_response",
        "id": "srvtoolu_1",
        "server_tool_call_response": {"type": "web_search", "results": []},
    },
    {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "aGk="},
    {"type": "uri", "modality": "document", "uri": "https://example.com/a.pdf"},
    {"type": "file", "modality": "document", "file_id": "file_1"},
    {"type": "compaction", "content": "So far ...", "id": "c1"},
    {"type": "compaction"},
    {"type": "generic", "generic_type": "search_result", "title": "x"},
    {"type": "not_known_yet", "anything": 1},
]

BAD_PARTS: list[Any] = [
    "text",
    {},
    {"type": ""},
    {"type": None},
    {"content": "no type"},
    {"type": "text"},
    {"type": "text", "content": None},
    {"type": "text", "content": ["Hello"]},
    {"type": "text", "text": "under the API's own name"},
    {"type": "reasoning"},
    {"type": "tool_call", "id": "toolu_1", "arguments": {}},
    {"type": "tool_call", "name": "f", "arguments": "{}"},
    {"type": "tool_call", "name": "f", "id": None},
    {"type": "tool_call_response", "id": "toolu_1"},
    {"type": "server_tool_call", "name": "web_search"},
    {"type": "server_tool_call", "name": "web_search", "server_tool_call": {"query": "x"}},
    {"type": "server_tool_call", "server_tool_call": {"type": "web_search"}},
    {"type": "server_tool_call_response", "id": "srvtoolu_1"},
    {"type": "blob", "content": "aGk="},
    {"type": "blob", "modality": "image"},
    {"type": "blob", "modality": "image", "content": "aGk=", "mime_type": None},
    {"type": "uri", "modality": "image"},
    {"type": "uri", "uri": "https://example.com/a.png"},
    {"type": "file", "modality": "document"},
    {"type": "file", "file_id": "file_1"},
    {"type": "generic"},
]


def _messages(part: Any, role: str = "user") -> list[dict[str, Any]]:
    return [{"role": role, "parts": [part], "finish_reason": "stop"}]


def _names(parts: list[Any]) -> set[Any]:
    return {part.get("type") for part in parts if isinstance(part, dict)}


def test_every_part_has_good_and_bad_examples() -> None:
    free = {"compaction"}  # none of its fields must be there
    assert PARTS.keys() <= _names(GOOD_PARTS)
    assert PARTS.keys() - free <= _names(BAD_PARTS)


@pytest.mark.parametrize("part", GOOD_PARTS, ids=json.dumps)
def test_good_parts(part: Any) -> None:
    for value in (_messages(part), json.dumps(_messages(part)), tuple(_messages(part))):
        assert problems("gen_ai.input.messages", value) == []
    assert problems("gen_ai.output.messages", _messages(part, "assistant")) == []


@pytest.mark.parametrize("part", BAD_PARTS, ids=json.dumps)
def test_bad_parts(part: Any) -> None:
    for value in (_messages(part), json.dumps(_messages(part))):
        assert problems("gen_ai.input.messages", value)
    assert problems("gen_ai.output.messages", _messages(part, "assistant"))


TEXT = {"type": "text", "content": "Hello"}
FUNCTION = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}

GOOD: list[tuple[str, Any]] = [
    ("input.messages", []),
    ("input.messages", [{"role": "user", "parts": [], "name": "Ann"}]),
    ("output.messages", [{"role": "assistant", "parts": [TEXT], "finish_reason": "stop"}]),
    ("system_instructions", [TEXT, TEXT]),
    ("tool.definitions", [FUNCTION, {"type": "web_search_20250305", "name": "web_search"}]),
    ("tool.call.arguments", {"city": "Oslo"}),
    ("tool.call.result", {"content": "Rain"}),
]
BAD: list[tuple[str, Any]] = [
    ("input.messages", {"role": "user", "parts": []}),
    ("input.messages", "Hello"),
    ("input.messages", "not json {"),
    ("input.messages", None),
    ("input.messages", [{"parts": [TEXT]}]),
    ("input.messages", [{"role": "user"}]),
    ("input.messages", [{"role": "user", "content": "under the API's own name"}]),
    ("input.messages", [{"role": "", "parts": []}]),
    ("input.messages", [{"role": "user", "parts": [], "name": None}]),
    ("output.messages", []),
    ("output.messages", [{"role": "assistant", "parts": []}]),
    ("output.messages", [{"role": "assistant", "parts": [], "finish_reason": "stop"}] * 2),
    ("output.messages", [{"role": "assistant", "parts": [], "finish_reason": None}]),
    ("system_instructions", TEXT),
    ("system_instructions", ["Be brief."]),
    ("system_instructions", [{"type": "reasoning", "content": "x"}]),
    ("system_instructions", [{"type": "text"}]),
    ("tool.definitions", [{"name": "get_weather"}]),
    ("tool.definitions", [{"type": "function"}]),
    ("tool.definitions", [{"type": "function", "name": "f", "parameters": None}]),
    ("tool.definitions", [{"type": "function", "name": "f", "description": None}]),
    ("tool.call.arguments", ["Oslo"]),
    ("tool.call.arguments", "Oslo"),
    ("tool.call.result", "[1]"),
]


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_good_content(name: str, value: Any) -> None:
    assert problems(f"gen_ai.{name}", value) == []
    assert problems(f"gen_ai.{name}", json.dumps(value)) == []


@pytest.mark.parametrize(("name", "value"), BAD)
def test_bad_content(name: str, value: Any) -> None:
    assert problems(f"gen_ai.{name}", value)


def test_a_function_must_have_a_name() -> None:
    assert set(DEFINITIONS) == {"function"}
