"""Every content block of the installed SDK becomes a part that the conventions' schemas accept.

Run with the newest SDK: a block type, delta or tool that is new there fails here until it has a row.
"""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import pytest
from anthropic._models import construct_type

from otel_claude.call.content import DELTAS, Content
from otel_claude.call.parts import KNOWN, definition_of, part_of

from . import sdk_types
from .content import PARTS, problems

BLOCKS = sdk_types.blocks()
SECRET_KEYS = {"signature", "encrypted_content", "encrypted_index", "encrypted_stdout"}


def test_no_block_type_is_unknown_and_none_is_made_up() -> None:
    types = {block.type or "" for block in BLOCKS}
    assert types - KNOWN == set()
    assert KNOWN - types == set()
    assert len(BLOCKS) > 60


def test_no_delta_is_unknown() -> None:
    assert {block.type for block in sdk_types.blocks(sdk_types.DELTAS)} == DELTAS.keys()


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_a_block_becomes_a_valid_part(block: sdk_types.Block) -> None:
    assert block.examples
    for example in block.examples:
        part = part_of(example)
        assert part["type"] in PARTS
        message = {"role": "user", "parts": [part]}
        for value in ([message], json.dumps([message])):
            assert problems("gen_ai.input.messages", value) == []
        assert not SECRET_KEYS & _keys(part)


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(_keys, value.values()))
    return set().union(*map(_keys, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize(
    ("module", "union"), [row for row in sdk_types.UNIONS if row[1].endswith("ContentBlock")]
)
def test_models_of_the_sdk_convert_as_their_json_does(module: str, union: str) -> None:
    kinds = getattr(import_module(module), union)
    for block in sdk_types.blocks(((module, union),)):
        for example in block.examples:
            model: Any = construct_type(type_=kinds, value=example)
            assert type(model).__name__ == block.name
            assert part_of(model) == part_of(model.to_dict(warnings=False))


def test_tools_become_definitions() -> None:
    found = [
        definition_of(example)
        for tool in sdk_types.blocks(sdk_types.TOOLS)
        for example in tool.examples[:1]
    ]
    assert len(found) > 40
    assert problems("gen_ai.tool.definitions", found) == []
    assert {"function", "web_search_20250305", "mcp_toolset"} <= {tool["type"] for tool in found}
    (function, *_) = [tool for tool in found if tool["type"] == "function"]
    assert function["parameters"]["type"] == "object"


def test_a_type_that_nobody_knows_becomes_a_generic_part() -> None:
    part = part_of({"type": "hologram", "depth": 3, "signature": "x", "nothing": None})
    assert part == {"type": "generic", "generic_type": "hologram", "depth": 3}
    for odd in ({}, {"type": 7}, None, 3, {"type": None}):
        assert part_of(odd)["type"] == "generic"


def test_system_prompts_are_text_parts() -> None:
    content = Content()
    for system in ("Be brief.", [{"type": "text", "text": "Be brief.", "cache_control": {}}]):
        content.request = {"system": system}
        assert content.system_instructions == [{"type": "text", "content": "Be brief."}]
        assert problems("gen_ai.system_instructions", content.system_instructions) == []
