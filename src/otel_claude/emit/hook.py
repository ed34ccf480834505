"""The completion hook of OpenTelemetry's GenAI utilities: content goes where the hook puts it.

The hook is an entry point of the group `opentelemetry_genai_completion_hook`, chosen by name in
`OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK`. Its message types are those of the package
`opentelemetry-util-genai`, which is imported only where a hook was chosen.
"""

from __future__ import annotations

import base64
from dataclasses import fields as fields_of
from typing import TYPE_CHECKING, Any

from otel_claude import semconv

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_claude.call.parts import Part


class HookError(Exception):
    """The hook that was chosen cannot be had; the message says why."""


class Hook:
    """Calls the chosen hook with the content of each call.

    Args:
        name: of the entry point.

    Raises:
        HookError: the package is missing, or has no such hook.
    """

    def __init__(self, name: str) -> None:
        try:
            from opentelemetry.util.genai import completion_hook, types
        except ImportError:
            raise HookError("pip install opentelemetry-util-genai for a completion hook") from None
        self._types = types
        self._parts = part_types(types)
        self._hook: Any = completion_hook.load_completion_hook()
        if type(self._hook).__name__ == "_NoOpCompletionHook":
            raise HookError(f"there is no completion hook {name!r}")

    def completed(self, found: Mapping[str, Any], span: Any, log_record: Any) -> None:
        """Tell the hook of a call.

        Args:
            found: the content by attribute, redacted.
            span: of the call, still open; None where there is none.
            log_record: the event that will be emitted; None where none will.
        """
        tools = found.get(semconv.TOOL_DEFINITIONS)
        self._hook.on_completion(
            inputs=self._messages(found.get(semconv.INPUT_MESSAGES), self._types.InputMessage),
            outputs=self._messages(found.get(semconv.OUTPUT_MESSAGES), self._types.OutputMessage),
            system_instruction=list(map(self._part, found.get(semconv.SYSTEM_INSTRUCTIONS, ()))),
            tool_definitions=None if tools is None else list(map(self._tool, tools)),
            span=span,
            log_record=log_record,
        )

    def _messages(self, messages: Any, kind: Callable[..., Any]) -> list[Any]:
        return [
            kind(**{**message, "parts": list(map(self._part, message["parts"]))})
            for message in messages or ()
        ]

    def _part(self, part: Part) -> Any:
        return to_part(part, self._types, self._parts)

    def _tool(self, tool: Part) -> Any:
        if tool["type"] != "function":
            return self._types.GenericToolDefinition(name=tool["name"], type=tool["type"])
        return self._types.FunctionToolDefinition(
            name=tool["name"],
            description=tool.get("description"),
            parameters=tool.get("parameters"),
        )


def to_part(part: Part, types: Any, kinds: Mapping[str, Any]) -> Any:
    """A part in the hook's types; what they have no type for keeps its name alone.

    Args:
        part: redacted.
        types: their module.
        kinds: what `part_types` found there.
    """
    kind = kinds.get(part["type"])
    if kind is None:
        return types.GenericPart(type=part.get("generic_type") or part["type"])
    given = {field.name: part.get(field.name) for field in fields_of(kind)}
    if part["type"] == "blob":
        given["content"] = _bytes(part["content"])
    return kind(**given)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except ValueError:
        return text.encode()


def part_types(types: Any) -> dict[str, Any]:
    """Type of a part -> the class for it in their module."""
    return {
        "text": types.TextPart,
        "reasoning": types.ReasoningPart,
        "tool_call": types.ToolCallRequestPart,
        "tool_call_response": types.ToolCallResponsePart,
        "server_tool_call": types.ServerToolCallPart,
        "server_tool_call_response": types.ServerToolCallResponsePart,
        "blob": types.BlobPart,
        "file": types.FilePart,
        "uri": types.UriPart,
        "compaction": types.CompactionPart,
    }
