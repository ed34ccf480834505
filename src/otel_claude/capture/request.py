"""Recognises the requests that are calls, and reads the plain fields of their bodies."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from otel_claude._characters import sendable
from otel_claude.call.usage import text

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

# Compiled when first used, and kept by `re`: importing them costs nothing.
RESULTS: Final = r"/v1/messages/batches/([^/?]+)/results"
"""The results of a batch, whose id is the first group."""
_BATCH: Final = r"/v1/messages/batches/([^/?]+)(\?.*)?$"

# A session, or a page of them; not what is inside one, whose usage is part of the session's.
_SESSION: Final = r"/v1/sessions(/[^/?]+)?(\?.*)?$"

# Answered with something worth a look, but no calls: nothing is recorded for these.
LOOKED_AT: Final[frozenset[Operation]] = frozenset({"batch_retrieve", "session"})

_NUMBER: Final = (int, float)

# Fields of the body that are read as they are, with the types in which they count as said. The
# SDK puts sentinels where nothing was given, and a program may put anything.
_PLAIN: Final[Mapping[str, tuple[type, ...]]] = {
    "max_tokens": (int,),
    "temperature": _NUMBER,
    "top_p": _NUMBER,
    "top_k": (int,),
    "service_tier": (str,),
    "inference_geo": (str,),
    "speed": (str,),
}


def operation_of(options: Any) -> Operation | None:
    """The operation that request options stand for, None where they are not a call."""
    url = options.url
    operation = _OPERATIONS.get(url) or _OPERATIONS.get(_path_of(url))
    if operation is not None:
        return operation if options.method.lower() == "post" else None
    if "/v1/messages/batches/" in url:
        if options.method.lower() != "get":
            return None
        if re.search(RESULTS, url):
            return "batch"
        # The answer says when the batch was created.
        return "batch_retrieve" if re.search(_BATCH, url) else None
    return "session" if re.match(_SESSION, url) else None


def _path_of(url: str) -> str:
    """The path of a URL that an application wrote: whole, without its slash, or with a query."""
    path = re.split("[?#]", url, maxsplit=1)[0]
    path = path.partition("://")[2].partition("/")[2] if "://" in path else path
    return "/" + path.lstrip("/")


def body_of(options: Any) -> Mapping[str, Any]:
    """The fields of the request body; those of `extra_body` beat those of the method."""
    said = options.json_data
    # What is a dict need not be asked whether it is a Mapping, which takes longer.
    body: Mapping[str, Any] = said if type(said) is dict or isinstance(said, Mapping) else {}
    extra = getattr(options, "extra_json", None)
    if extra and isinstance(extra, Mapping):
        return {**body, **extra}
    return body


def request_fields(body: Mapping[str, Any], options: Any) -> dict[str, Any]:
    """The plain fields of a request, under the API's names: parameters and counts, no content."""
    read: dict[str, Any] = {}
    for name, value in body.items():
        if not _says.get(type(value), True):
            continue
        if (types := _PLAIN.get(name)) is not None:
            if isinstance(value, types) and value is not True and value is not False:
                read[name] = value
            elif not isinstance(value, _SAYING):
                _learn(type(value))
        elif (reader := _READERS.get(name)) is not None:
            reader(name, value, read)
    if betas := _betas(options):
        read["betas"] = betas
    return read


_SAYING: Final = (str, int, float, list, tuple, Mapping)
_MOST_TYPES: Final = 64  # a program may make classes as it goes
_says: Final[dict[type, bool]] = {}
"""False for the types of the SDK's sentinels: most fields of most requests have one of these."""


def _learn(kind: type) -> None:
    if len(_says) < _MOST_TYPES:
        _says[kind] = False


def _read_size(name: str, value: Any, read: dict[str, Any]) -> None:
    """How many there are. Iterators are left alone: reading would take them from the request."""
    if isinstance(value, list | tuple):
        read[name] = len(value)
        if name == "tools" and any(map(_frees_code, value)):
            read["code_execution_free"] = True


def _read_thinking(_name: str, value: Any, read: dict[str, Any]) -> None:
    if isinstance(value, Mapping):
        if isinstance(kind := value.get("type"), str):
            read["thinking_type"] = kind
        if isinstance(budget := value.get("budget_tokens"), int):
            read["thinking_budget"] = budget


def _read_output(name: str, value: Any, read: dict[str, Any]) -> None:
    if not isinstance(value, Mapping):
        return
    if name == "output_config":
        if isinstance(effort := value.get("effort"), str):
            read["effort"] = effort
        value = value.get("format")
    if isinstance(value, Mapping):
        read["output_type"] = "json"


def _read_billing(_name: str, value: Any, read: dict[str, Any]) -> None:
    if isinstance(value, Mapping) and value.get("bill_to") == "user_profile":
        read["billed_elsewhere"] = True


def _read_metadata(_name: str, value: Any, read: dict[str, Any]) -> None:
    if isinstance(value, Mapping) and (user := text(value.get("user_id"))):
        read["user_id"] = user


_READERS: Final[Mapping[str, Callable[[str, Any, dict[str, Any]], None]]] = {
    "messages": _read_size,
    "metadata": _read_metadata,
    "tools": _read_size,
    "requests": _read_size,
    "thinking": _read_thinking,
    "output_config": _read_output,
    "output_format": _read_output,
    "billing_policy": _read_billing,
}


def _frees_code(tool: object) -> bool:
    """Whether a tool makes code execution free of charge: web search and fetch of 2026-02-09 on."""
    kind = tool.get("type") if isinstance(tool, Mapping) else None
    if not isinstance(kind, str) or not kind.startswith(("web_search_", "web_fetch_")):
        return False
    return kind.rpartition("_")[2] >= "20260209"


def _betas(options: Any) -> tuple[str, ...]:
    headers = options.headers
    if not isinstance(headers, Mapping):
        return ()
    value = headers.get("anthropic-beta")
    if not isinstance(value, str):
        return ()
    return tuple(name for part in sendable(value).split(",") if (name := part.strip()))
