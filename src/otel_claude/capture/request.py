"""Recognises the requests that are calls, and reads the plain fields of their bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from otel_claude.capture import batches

if TYPE_CHECKING:
    from otel_claude.call.call import Operation

_OPERATIONS: Final[Mapping[str, Operation]] = {
    "/v1/messages": "chat",
    "/v1/messages?beta=true": "chat",
    "/v1/complete": "text_completion",
    "/v1/messages/batches": "batch",
    "/v1/messages/batches?beta=true": "batch",
    "/v1/messages/count_tokens": "count_tokens",
    "/v1/messages/count_tokens?beta=true": "count_tokens",
}

# Answered with something worth a look, but no calls: nothing is recorded for these.
LOOKED_AT: Final[frozenset[Operation]] = frozenset({"batch_retrieve", "session"})

# Fields of the body, with the types in which they count as said. The SDK puts sentinels where
# nothing was given, and a program may put anything.
_FIELDS: Final[Mapping[str, tuple[type, ...]]] = {
    "max_tokens": (int,),
    "temperature": (int, float),
    "top_p": (int, float),
    "top_k": (int,),
    "service_tier": (str,),
    "inference_geo": (str,),
    "speed": (str,),
}


def operation_of(options: Any) -> Operation | None:
    """The operation that request options stand for, None where they are not a call."""
    url = options.url
    operation = _OPERATIONS.get(url)
    if operation is not None:
        return operation if options.method.lower() == "post" else None
    if "/v1/messages/batches/" in url:
        if batches.is_results(options):
            return "batch"
        return "batch_retrieve" if batches.is_retrieval(options) else None
    return "session" if url.startswith("/v1/sessions") else None


def body_of(options: Any) -> Mapping[str, Any]:
    """The fields of the request body; those of `extra_body` beat those of the method."""
    said = options.json_data
    body: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
    extra = getattr(options, "extra_json", None)
    if isinstance(extra, Mapping) and extra:
        return {**body, **extra}
    return body


def model_of(body: Mapping[str, Any]) -> str | None:
    """The model that was asked for, where it is a name."""
    model = body.get("model")
    return model if isinstance(model, str) and model else None


def request_fields(body: Mapping[str, Any], options: Any) -> dict[str, Any]:
    """The plain fields of a request, under the API's names: parameters and counts, no content.

    Iterators are left alone: reading them would take them from the request.
    """
    read: dict[str, Any] = {}
    for name, types in _FIELDS.items():
        value = body.get(name)
        if isinstance(value, types) and not isinstance(value, bool):
            read[name] = value
    for name in ("messages", "tools", "requests"):
        value = body.get(name)
        if isinstance(value, list | tuple):
            read[name] = len(value)
    if isinstance(tools := body.get("tools"), list | tuple) and any(map(_frees_code, tools)):
        read["code_execution_free"] = True
    if isinstance(policy := body.get("billing_policy"), Mapping):
        read["billed_elsewhere"] = policy.get("bill_to") == "user_profile"
    if isinstance(thinking := body.get("thinking"), Mapping):
        if isinstance(kind := thinking.get("type"), str):
            read["thinking_type"] = kind
        if isinstance(budget := thinking.get("budget_tokens"), int):
            read["thinking_budget"] = budget
    _read_output(body, read)
    if betas := _betas(options):
        read["betas"] = betas
    return read


def _frees_code(tool: object) -> bool:
    """Whether a tool makes code execution free of charge: web search and fetch of 2026-02-09 on."""
    kind = tool.get("type") if isinstance(tool, Mapping) else None
    if not isinstance(kind, str) or not kind.startswith(("web_search_", "web_fetch_")):
        return False
    return kind.rpartition("_")[2] >= "20260209"


def _read_output(body: Mapping[str, Any], read: dict[str, Any]) -> None:
    config = body.get("output_config")
    wanted = body.get("output_format")
    if isinstance(config, Mapping):
        if isinstance(effort := config.get("effort"), str):
            read["effort"] = effort
        wanted = config.get("format") or wanted
    if isinstance(wanted, Mapping):
        read["output_type"] = "json"


def _betas(options: Any) -> tuple[str, ...]:
    headers = options.headers
    if not isinstance(headers, Mapping):
        return ()
    value = headers.get("anthropic-beta")
    if not isinstance(value, str):
        return ()
    return tuple(name for part in value.split(",") if (name := part.strip()))
