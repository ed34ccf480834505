"""The API's content blocks as message parts of the OpenTelemetry GenAI conventions.

One row per block type of the Messages API, stable and beta, of requests and responses. What is of no
use to a reader and only travels back to the API (signatures, encrypted content, cache control) is
left out. Blocks may be mappings or models of the SDK; a type that is not known yet becomes a
`generic` part.

The parts: https://github.com/open-telemetry/semantic-conventions-genai, the JSON schemas of
`gen_ai.input.messages` and its siblings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from otel_claude.call.usage import fields, text

Part = dict[str, Any]
"""A message part: `type`, and the fields of that type."""
Message = dict[str, Any]
"""`role` and `parts`."""

# Made by the API to be sent back as it is, or about billing.
_OPAQUE: Final = frozenset(
    {
        "cache_control",
        "citations",
        "data",
        "encrypted_content",
        "encrypted_index",
        "encrypted_stdout",
        "signature",
    }
)


def part_of(block: object) -> Part:
    """One content block as a part."""
    if isinstance(block, str):
        return {"type": "text", "content": block}
    said = fields(block)
    kind = text(said.get("type")) or "unknown"
    return _KINDS.get(kind, _generic)(kind, said)


def parts_of(content: object) -> list[Part]:
    """The content of a message, a string or a list of blocks, as parts."""
    if isinstance(content, str):
        return [{"type": "text", "content": content}]
    if isinstance(content, list | tuple):
        return [part_of(block) for block in content]
    return []


def message_of(message: object) -> Message:
    """One message of a request. The provider's role stays: a tool's result is said by the user."""
    said = fields(message)
    return {"role": text(said.get("role")) or "user", "parts": parts_of(said.get("content"))}


def definition_of(tool: object) -> Part:
    """A tool that the request offers: a function of the application, or one of the API's own."""
    said = fields(tool)
    kind = text(said.get("type"))
    name = text(said.get("name")) or text(said.get("mcp_server_name"))
    if kind in (None, "custom"):
        found: Part = {"type": "function", "name": name or "unknown"}
        if description := text(said.get("description")):
            found["description"] = description
        if isinstance(schema := said.get("input_schema"), Mapping):
            found["parameters"] = schema
        return found
    return {"type": kind, "name": name} if name else {"type": kind}


def plain(value: object) -> Any:
    """A value inside a block, as plain JSON types; media and documents in it become parts."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    said = fields(value)
    if said.get("type") in ("image", "document"):
        return part_of(said)
    return {
        str(key): plain(item)
        for key, item in said.items()
        if item is not None and key not in _OPAQUE
    }


def _text(_kind: str, said: Mapping[str, Any]) -> Part:
    return {"type": "text", "content": text(said.get("text")) or ""}


def _thinking(_kind: str, said: Mapping[str, Any]) -> Part:
    return {"type": "reasoning", "content": text(said.get("thinking")) or ""}


def _tool_use(_kind: str, said: Mapping[str, Any]) -> Part:
    part = {"type": "tool_call", **_id(said.get("id")), "name": text(said.get("name")) or "unknown"}
    return part | _arguments(said)


def _arguments(said: Mapping[str, Any]) -> Part:
    given = said.get("input")
    if isinstance(given, Mapping):
        return {"arguments": given}
    # What came of the arguments before a stream was cut is no object.
    return {"arguments_json": given} if isinstance(given, str) and given else {}


def _tool_result(_kind: str, said: Mapping[str, Any]) -> Part:
    content = said.get("content")
    part: Part = {
        "type": "tool_call_response",
        **_id(said.get("tool_use_id")),
        "response": parts_of(content) if isinstance(content, list | tuple) else content or "",
    }
    if said.get("is_error") is True:
        part["is_error"] = True
    return part


def _server_tool_use(kind: str, said: Mapping[str, Any]) -> Part:
    name = text(said.get("name")) or "unknown"
    if kind == "mcp_tool_use":
        called: Part = {"type": "mcp"}
        if server := text(said.get("server_name")):
            called["server_name"] = server
    else:
        called = {"type": name}
    called |= _arguments(said)
    return {
        "type": "server_tool_call",
        **_id(said.get("id")),
        "name": name,
        "server_tool_call": called,
    }


def _server_tool_result(kind: str, said: Mapping[str, Any]) -> Part:
    answer: Part = {"type": kind.removesuffix("_tool_result")}
    content = said.get("content")
    if content is not None:
        answer["content"] = plain(content)
    if said.get("is_error") is True:
        answer["is_error"] = True
    return {
        "type": "server_tool_call_response",
        **_id(said.get("tool_use_id")),
        "server_tool_call_response": answer,
    }


def _media(kind: str, said: Mapping[str, Any]) -> Part:
    """An image or a document: its bytes, or where they are."""
    source = fields(said.get("source"))
    get = source.get
    mime = {"mime_type": found} if (found := text(get("media_type"))) else {}
    part: Part
    if (file_id := text(get("file_id"))) is not None:
        part = {"type": "file", "modality": kind, **mime, "file_id": file_id}
    elif (url := text(get("url"))) is not None:
        part = {"type": "uri", "modality": kind, **mime, "uri": url}
    elif get("type") == "text":
        part = {"type": "text", "content": text(get("data")) or ""}
    elif get("type") == "base64":
        part = {"type": "blob", "modality": kind, **mime, "content": text(get("data")) or ""}
    else:
        part = {"type": "generic", "generic_type": kind, "content": parts_of(get("content"))}
    for name in ("title", "context"):
        if (words := text(said.get(name))) is not None:
            part[name] = words
    return part


def _upload(_kind: str, said: Mapping[str, Any]) -> Part:
    return {"type": "file", "modality": "document", "file_id": text(said.get("file_id")) or ""}


def _compaction(_kind: str, said: Mapping[str, Any]) -> Part:
    content = text(said.get("content"))
    return {"type": "compaction"} if content is None else {"type": "compaction", "content": content}


def _generic(kind: str, said: Mapping[str, Any]) -> Part:
    kept = plain({name: value for name, value in said.items() if name != "type"})
    return {**kept, "type": "generic", "generic_type": kind}


def _id(value: object) -> Part:
    found = text(value)
    return {} if found is None else {"id": found}


_KINDS: Final[Mapping[str, Callable[[str, Mapping[str, Any]], Part]]] = {
    "text": _text,
    "thinking": _thinking,
    "redacted_thinking": _thinking,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
    "server_tool_use": _server_tool_use,
    "mcp_tool_use": _server_tool_use,
    "web_search_tool_result": _server_tool_result,
    "web_fetch_tool_result": _server_tool_result,
    "code_execution_tool_result": _server_tool_result,
    "bash_code_execution_tool_result": _server_tool_result,
    "text_editor_code_execution_tool_result": _server_tool_result,
    "tool_search_tool_result": _server_tool_result,
    "advisor_tool_result": _server_tool_result,
    "mcp_tool_result": _server_tool_result,
    "image": _media,
    "document": _media,
    "container_upload": _upload,
    "compaction": _compaction,
    "search_result": _generic,
    "tool_reference": _generic,
    "browser_state": _generic,
    "fallback": _generic,
    "mcp_tool_listing": _generic,
    "tool_addition": _generic,
    "tool_removal": _generic,
}

KNOWN: Final[frozenset[str]] = frozenset(_KINDS)
"""The block types that have a row here."""
