"""What an application can see of what the SDK gave it, as plain data that can be compared."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

# Headers that differ between any two runs: times.
_TIMES = ("date", "-reset")
_VOLATILE_ATTRIBUTES = frozenset({"response", "request", "with_traceback"})


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _public(value: Any) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [name for name in dir(value) if not name.startswith("_")]


def _families(value: Any) -> list[str]:
    """The public classes of the SDK of which the value is an instance."""
    import anthropic

    names = ("Stream", "AsyncStream", "MessageStream", "AsyncMessageStream", "APIResponse")
    kinds = [getattr(anthropic, name, None) for name in names]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SDK 0.x warns of `isinstance(..., Stream)` on its helpers
        return [kind.__name__ for kind in kinds if kind is not None and isinstance(value, kind)]


def exception(error: BaseException) -> dict[str, Any]:
    """Class, message, attributes and chain of an exception. Keeps no reference to it."""
    import anthropic

    seen: dict[str, Any] = {
        "class": _name(type(error)),
        "message": str(error),
        "args": len(error.args),
        "attributes": {
            name: describe(value)
            for name, value in sorted(vars(error).items())
            if name not in _VOLATILE_ATTRIBUTES and not name.startswith("_")
        },
        "is": [
            kind.__name__
            for kind in (
                anthropic.AnthropicError,
                anthropic.APIError,
                anthropic.APIStatusError,
                anthropic.APIConnectionError,
                anthropic.APITimeoutError,
                asyncio.CancelledError,
                TimeoutError,
            )
            if isinstance(error, kind)
        ],
        "cause": _name(type(error.__cause__)) if error.__cause__ is not None else None,
        "context": _name(type(error.__context__)) if error.__context__ is not None else None,
        "suppressed": error.__suppress_context__,
    }
    response = getattr(error, "response", None)
    if response is not None:
        seen["response"] = [_name(type(response)), response.status_code, _headers(response)]
    return seen


def _headers(response: Any) -> list[list[str]]:
    return [[k, v] for k, v in sorted(response.headers.items()) if not k.endswith(_TIMES)]


def stream(value: Any) -> dict[str, Any]:
    """A stream, a manager of one, or a raw response: type, families, what it says and offers."""
    seen: dict[str, Any] = {
        "type": _name(type(value)),
        "families": _families(value),
        "offers": _public(value),
    }
    response = getattr(value, "response", None) or getattr(value, "http_response", None)
    if response is not None:
        seen["response"] = [_name(type(response)), response.status_code, _headers(response)]
    for name in ("request_id", "_request_id", "retries_taken", "is_closed", "status_code"):
        found = getattr(value, name, None)
        if not callable(found):
            seen[name] = found
    return seen


def describe(value: Any) -> Any:
    """Plain data for anything a program sees. Never keeps a reference to the value."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes):
        return {"bytes": value.decode("latin-1")}
    if isinstance(value, BaseException):
        return exception(value)
    if isinstance(value, list | tuple):
        return [describe(item) for item in value]
    if isinstance(value, dict):
        return {str(key): describe(item) for key, item in value.items()}
    if hasattr(value, "model_dump"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydantic, on odd data
            data = value.model_dump(mode="json", exclude={"__api_exclude__"})
        return {
            "model": _name(type(value)),
            "data": data,
            "request_id": getattr(value, "_request_id", None),
        }
    return stream(value)
