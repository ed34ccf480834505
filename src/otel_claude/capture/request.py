"""Recognises the requests that are calls, and reads the plain fields of their bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from otel_claude.call.call import Operation

_OPERATIONS: Final[Mapping[str, Operation]] = {
    "/v1/messages": "chat",
    "/v1/messages?beta=true": "chat",
    "/v1/messages/count_tokens": "count_tokens",
    "/v1/messages/count_tokens?beta=true": "count_tokens",
}

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
    operation = _OPERATIONS.get(options.url)
    if operation is not None and options.method.lower() == "post":
        return operation
    return None


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
    for name in ("messages", "tools"):
        value = body.get(name)
        if isinstance(value, list | tuple):
            read[name] = len(value)
    if isinstance(thinking := body.get("thinking"), Mapping):
        if isinstance(kind := thinking.get("type"), str):
            read["thinking_type"] = kind
        if isinstance(budget := thinking.get("budget_tokens"), int):
            read["thinking_budget"] = budget
    _read_output(body, read)
    if betas := _betas(options):
        read["betas"] = betas
    return read


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
