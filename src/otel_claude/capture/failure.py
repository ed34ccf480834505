"""What an exception that leaves the SDK says about the call."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from otel_claude.call.errors import (
    CLIENT_TIMEOUT,
    CONNECTION,
    TRUNCATED,
    Failure,
    categorize,
)

if TYPE_CHECKING:
    from otel_claude.call.call import Call
    from otel_claude.call.errors import Refused

# Ours to know only by name: httpx and httpx2 have the same classes, and which one is installed
# depends on the SDK's version.
_TIMEOUTS: Final = frozenset({"APITimeoutError", "TimeoutException", "TimeoutError"})
_CONNECTIONS: Final = frozenset({"APIConnectionError", "TransportError", "ConnectionError"})

# For failed attempts whose body nobody read; the status is then all there is.
_TYPE_OF_STATUS: Final[Mapping[int, str]] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def said_type(body: object) -> str | None:
    """The `type` of the API's error envelope, `{"type": "error", "error": {"type": ...}}`."""
    if isinstance(body, Mapping):
        inner = body.get("error")
        if isinstance(inner, Mapping):
            said = inner.get("type")
            return said if isinstance(said, str) and said else None
    return None


def error_type_of(error: BaseException) -> str:
    """`error.type` for an exception: the API's word, the SDK's, the status, the class. In that order."""
    said = said_type(getattr(error, "body", None))
    if said is None:
        own = getattr(error, "type", None)
        said = own if isinstance(own, str) and own and own != "error" else None
    if said is not None:
        return said
    names = {base.__name__ for base in type(error).__mro__}
    if names & _TIMEOUTS:
        return CLIENT_TIMEOUT
    if names & _CONNECTIONS:
        return CONNECTION
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and status >= 400:
        return str(status)
    return _qualified(type(error))


def _qualified(kind: type) -> str:
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def failure_of(error: BaseException, *, traced: bool = False) -> Failure:
    """The failure that an exception stands for; with its stack trace where `traced`."""
    error_type = error_type_of(error)
    status = getattr(error, "status_code", None)
    message = str(error)
    return Failure(
        type=error_type,
        category=categorize(error_type, status if isinstance(status, int) else None, message),
        exception=_qualified(type(error)),
        message=message,
        stacktrace="".join(traceback.format_exception(error)) if traced else None,
    )


def refusal_of(refused: Refused) -> Failure:
    """The failure of a call that a gate refused."""
    kind = refused.error_type
    return Failure(kind, categorize(kind), _qualified(type(refused)), str(refused))


def truncated() -> Failure:
    """The server stopped without `message_stop`; the SDK raises nothing."""
    return Failure(type=TRUNCATED, category=categorize(TRUNCATED))


def attempt_error_type(response: Any, error: BaseException | None) -> str:
    """`error.type` of a failed attempt that will be retried: by response, else by exception."""
    if response is None:
        return error_type_of(error) if error is not None else CONNECTION
    said = None
    # A streamed response is closed unread before the retry; reading it here would raise.
    if getattr(response, "_content", None):
        try:
            said = said_type(response.json())
        except ValueError:
            said = None
    if said is not None:
        return said
    status = response.status_code
    return _TYPE_OF_STATUS.get(status) or str(status)


def ended_by(call: Call, error: BaseException) -> None:
    """Finish a call that an exception ended: failed, or cancelled where it is no `Exception`.

    `CancelledError`, trio's `Cancelled`, `KeyboardInterrupt` and `GeneratorExit` are no errors
    of the call: somebody stopped it.
    """
    if isinstance(error, Exception):
        call.finish("failed", failure_of(error, traced=call.content is not None))
    else:
        call.finish("cancelled")
