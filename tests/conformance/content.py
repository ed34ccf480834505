"""JSON schemas of captured content, stricter than the conventions' own in one way.

Upstream lets a part of a known type through whatever it lacks, by a fallback for any object with a
`type`; here that fallback is for unknown types only, as it will be when open proposals land. Empty
fields are left out, never null.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_NAME: Final[Schema] = {"type": "string", "minLength": 1}
_TYPED: Final[Schema] = {
    "type": "object",
    "properties": {"type": _NAME},
    "required": ["type"],
}

# Type of part -> its fields; a name that ends in `!` must be there.
PARTS: Final[Mapping[str, Mapping[str, Schema]]] = {
    "text": {"content!": _TEXT},
    "reasoning": {"content!": _TEXT},
    "tool_call": {"name!": _NAME, "id": _NAME, "arguments": {"type": "object"}},
    "tool_call_response": {"response!": {}, "id": _NAME},
    "server_tool_call": {"name!": _NAME, "id": _NAME, "server_tool_call!": _TYPED},
    "server_tool_call_response": {"id": _NAME, "server_tool_call_response!": _TYPED},
    "blob": {"modality!": _NAME, "content!": _TEXT, "mime_type": _NAME},
    "uri": {"modality!": _NAME, "uri!": _NAME, "mime_type": _NAME},
    "file": {"modality!": _NAME, "file_id!": _NAME, "mime_type": _NAME},
    "compaction": {"content": _TEXT, "id": _NAME},
    "generic": {"generic_type!": _NAME},
}

DEFINITIONS: Final[Mapping[str, Mapping[str, Schema]]] = {
    "function": {"name!": _NAME, "description": _TEXT, "parameters": {"type": "object"}},
}


def _by_type(kinds: Mapping[str, Mapping[str, Schema]]) -> Schema:
    """An object whose `type` decides what else it must have; unknown types are free."""
    return {
        **_TYPED,
        "allOf": [
            {
                "if": {"properties": {"type": {"const": kind}}},
                "then": {
                    "properties": {name.rstrip("!"): schema for name, schema in fields.items()},
                    "required": [name[:-1] for name in fields if name.endswith("!")],
                },
            }
            for kind, fields in kinds.items()
        ],
    }


def _list(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


PART: Final = _by_type(PARTS)
_MESSAGE: Final[Schema] = {
    "type": "object",
    "properties": {"role": _NAME, "parts": _list(PART), "name": _NAME, "finish_reason": _NAME},
    "required": ["role", "parts"],
}
# Newer conventions do without the reason; those released, and viewers, refuse a message without.
_ANSWER: Final[Schema] = {**_MESSAGE, "required": ["role", "parts", "finish_reason"]}

SCHEMAS: Final[Mapping[str, Schema]] = {
    "gen_ai.input.messages": _list(_MESSAGE),
    # Anthropic answers with exactly one candidate.
    "gen_ai.output.messages": _list(_ANSWER, minItems=1, maxItems=1),
    "gen_ai.system_instructions": _list(
        {
            "type": "object",
            "properties": {"type": {"const": "text"}, "content": _TEXT},
            "required": ["type", "content"],
        }
    ),
    "gen_ai.tool.definitions": _list(_by_type(DEFINITIONS)),
    "gen_ai.tool.call.arguments": {"type": "object"},
    "gen_ai.tool.call.result": {"type": "object"},
}

_VALIDATORS: Final = {name: Draft202012Validator(schema) for name, schema in SCHEMAS.items()}


def problems(name: str, value: Any) -> list[str]:
    """What is wrong with the value of a content attribute: a JSON string, or the structure itself."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            return [f"no JSON: {error}"]
    found = _VALIDATORS[name].iter_errors(_plain(value))
    return [f"{error.json_path}: {error.message}" for error in found]


def _plain(value: Any) -> Any:
    """The same with lists for tuples and dicts for mappings, as a JSON schema expects them."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value
