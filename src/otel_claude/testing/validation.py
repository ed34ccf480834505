"""What the API refuses with a 400 (or 404) before it runs anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_claude.testing import cache, models
from otel_claude.testing.errors import ApiError, invalid
from otel_claude.testing.models import FAST, FAST_IGNORED, Model
from otel_claude.testing.tokens import Segment, as_blocks, prompt_tokens

SAMPLING = ("temperature", "top_p", "top_k")
STRICT_VERSION = "2026-10-21"
"""From this API version on, sampling parameters are refused."""

FIELDS = frozenset(
    [
        "model",
        "max_tokens",
        "messages",
        "metadata",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "thread",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
        "service_tier",
        "container",
        "context_management",
        "mcp_servers",
        "output_config",
        "output_format",
        "cache_control",
        "inference_geo",
        "speed",
        "betas",
        "billing_policy",
        "compaction",
        "diagnostics",
        "fallback_credit_token",
        "fallbacks",
        "user_profile_id",
        "anthropic_version",
        "anthropic_beta",
        "task_budget",
        "agent_memory",
        "plugins",
        "skills",
    ]
)


def messages(body: Mapping[str, Any], version: str) -> Model:
    """Check a messages request and find its model.

    Raises:
        ApiError: as the API does.
    """
    model = model_of(body)
    most = body.get("max_tokens")
    if most is None:
        raise invalid("max_tokens: Field required")
    if isinstance(most, bool) or not isinstance(most, int):
        raise invalid("max_tokens: Input should be a valid integer")
    if most < 1:
        raise invalid("max_tokens: Input should be greater than or equal to 1")
    if not isinstance(body.get("stream", False), bool):
        raise invalid("stream: Input should be a valid boolean")
    for name in body:
        if name not in FIELDS:
            raise invalid(f"{name}: Extra inputs are not permitted")
    _sampling(body, version)
    conversation(body)
    _thinking(body, most)
    _tools(body)
    _speed(body, model)
    return model


def size(body: Mapping[str, Any], model: Model, pieces: list[Segment], betas: str) -> None:
    """Check what needs counting: prompt length, output length, cache breakpoints.

    Raises:
        ApiError: as the API does.
    """
    ceiling = 300_000 if "output-300k" in betas else model.max_tokens
    if body.get("max_tokens", 1) > ceiling:
        raise invalid(
            f"max_tokens: {body['max_tokens']} > {ceiling}, which is the maximum allowed number of "
            f"output tokens for {model.id}"
        )
    tokens = prompt_tokens(pieces)
    if tokens > model.max_input_tokens:
        raise invalid(f"prompt is too long: {tokens} tokens > {model.max_input_tokens} maximum")
    cache.check(pieces)


def model_of(body: Mapping[str, Any]) -> Model:
    """The model of a request.

    Raises:
        ApiError: 400 without a model, 404 for one that does not exist.
    """
    name = body.get("model")
    if name is None:
        raise invalid("model: Field required")
    if not isinstance(name, str):
        raise invalid("model: Input should be a valid string")
    model = models.resolve(name)
    if model is None:
        raise ApiError(404, f"model: {name}")
    return model


def _sampling(body: Mapping[str, Any], version: str) -> None:
    given = [name for name in SAMPLING if body.get(name) is not None]
    if given and version >= STRICT_VERSION:
        raise invalid(f"{given[0]}: Extra inputs are not permitted")
    heat = body.get("temperature")
    if heat is not None and not (isinstance(heat, (int, float)) and 0 <= heat <= 1):
        raise invalid("temperature: range: 0..1")


def conversation(body: Mapping[str, Any]) -> None:
    """Check roles, content, and that tool results answer tool calls.

    Raises:
        ApiError: as the API does.
    """
    listed = body.get("messages")
    if listed is None:
        raise invalid("messages: Field required")
    if not isinstance(listed, list):
        raise invalid("messages: Input should be a valid list")
    if not listed:
        raise invalid("messages: at least one message is required")
    for index, message in enumerate(listed):
        _message(index, message)
    if listed[0]["role"] == "assistant":
        raise invalid('messages: first message must use the "user" role')
    _tool_pairs(listed)


def _message(index: int, message: Any) -> None:
    if not isinstance(message, Mapping):
        raise invalid(f"messages.{index}: Input should be a valid dictionary")
    if "role" not in message:
        raise invalid(f"messages.{index}.role: Field required")
    if message["role"] not in ("user", "assistant", "system"):
        raise invalid(f"messages.{index}.role: Input should be 'user' or 'assistant'")
    content = message.get("content")
    if content is None:
        raise invalid(f"messages.{index}.content: Field required")
    if not isinstance(content, (str, list)):
        raise invalid(f"messages.{index}.content: Input should be a valid string or list")
    if not content and message["role"] == "user":
        raise invalid(f"messages.{index}: user messages must have non-empty content")
    for block in as_blocks(content):
        if not isinstance(block.get("type"), str):
            raise invalid(f"messages.{index}.content: a block has no type")
        if block["type"] == "text" and not block.get("text"):
            raise invalid("messages: text content blocks must be non-empty")


def _ids(message: Mapping[str, Any], kind: str, key: str) -> list[str]:
    blocks = as_blocks(message.get("content"))
    return [str(block.get(key)) for block in blocks if block["type"] == kind]


def _tool_pairs(listed: list[Any]) -> None:
    called: list[str] = []
    for index, message in enumerate(listed):
        answered = _ids(message, "tool_result", "tool_use_id")
        missing = [tool_id for tool_id in called if tool_id not in answered]
        if missing and message["role"] == "user":
            raise invalid(
                f"messages.{index - 1}: `tool_use` ids were found without `tool_result` blocks "
                f"immediately after: {', '.join(missing)}. Each `tool_use` block must have a "
                "corresponding `tool_result` block in the next message."
            )
        stray = [tool_id for tool_id in answered if tool_id not in called]
        if stray:
            raise invalid(
                f"messages.{index}.content: unexpected `tool_use_id` found in `tool_result` blocks: "
                f"{stray[0]}. Each `tool_result` block must have a corresponding `tool_use` block "
                "in the previous message."
            )
        called = _ids(message, "tool_use", "id") if message["role"] == "assistant" else []


def _thinking(body: Mapping[str, Any], most: int) -> None:
    thinking = body.get("thinking")
    if thinking is None:
        return
    kind = thinking.get("type") if isinstance(thinking, Mapping) else None
    if kind not in ("enabled", "disabled", "adaptive"):
        raise invalid("thinking.type: Input should be 'enabled', 'disabled' or 'adaptive'")
    if kind == "enabled":
        budget = thinking.get("budget_tokens")
        if not isinstance(budget, int):
            raise invalid("thinking.enabled.budget_tokens: Field required")
        if budget < 1024:
            raise invalid(
                "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
            )
        if budget >= most:
            raise invalid("`max_tokens` must be greater than `thinking.budget_tokens`")


def _tools(body: Mapping[str, Any]) -> None:
    tools = body.get("tools")
    if tools is not None and not isinstance(tools, list):
        raise invalid("tools: Input should be a valid list")
    names: list[str] = []
    for index, tool in enumerate(tools or ()):
        if not isinstance(tool, Mapping):
            raise invalid(f"tools.{index}: Input should be a valid dictionary")
        if (tool.get("type") or "custom") == "custom":
            for key in ("name", "input_schema"):
                if key not in tool:
                    raise invalid(f"tools.{index}.custom.{key}: Field required")
        if tool.get("name") in names:
            raise invalid("tools: Tool names must be unique.")
        names += [tool["name"]] if "name" in tool else []
    choice = body.get("tool_choice")
    if isinstance(choice, Mapping):
        if not names and choice.get("type") in ("any", "tool"):
            raise invalid("tool_choice: may only be specified while providing tools")
        if choice.get("type") == "tool" and choice.get("name") not in names:
            raise invalid(f"tool_choice: tool {choice.get('name')!r} not found in provided tools")


def _speed(body: Mapping[str, Any], model: Model) -> None:
    speed = body.get("speed")
    if speed not in (None, "standard", "fast"):
        raise invalid("speed: Input should be 'standard' or 'fast'")
    if speed == "fast" and model.id not in FAST | FAST_IGNORED:
        raise invalid(f"speed: fast mode is not available for {model.id}")
