"""How a call failed, in the API's own words, and the category an operator would file it under."""

from collections.abc import Mapping
from typing import Final, NamedTuple

CLIENT_TIMEOUT: Final = "client_timeout_error"
CONNECTION: Final = "connection_error"
TRUNCATED: Final = "api_error"

# error.type -> category. The types are those of the API's error bodies
# (https://docs.claude.com/en/api/errors) and the SDK's words for what never reached the API.
CATEGORIES: Final[Mapping[str, str]] = {
    "rate_limit_error": "rate_limit",
    "overloaded_error": "overloaded",
    "api_error": "server_error",
    "timeout_error": "timeout",
    CLIENT_TIMEOUT: "timeout",
    CONNECTION: "connection",
    "invalid_request_error": "invalid_request",
    "request_too_large": "invalid_request",
    "conflict_error": "invalid_request",
    "authentication_error": "auth_error",
    "permission_error": "auth_error",
    "billing_error": "billing",
    "not_found_error": "not_found",
    "budget_exceeded": "budget",
}

_BY_STATUS: Final[Mapping[int, str]] = {
    400: "invalid_request",
    401: "auth_error",
    402: "billing",
    403: "auth_error",
    404: "not_found",
    408: "timeout",
    409: "invalid_request",
    413: "invalid_request",
    422: "invalid_request",
    429: "rate_limit",
    504: "timeout",
    529: "overloaded",
}

# The API files these under invalid_request_error and says which only in the message.
_BY_MESSAGE: Final[tuple[tuple[str, str], ...]] = (
    ("prompt is too long", "context_too_long"),
    ("exceed context limit", "context_too_long"),
    ("content filtering policy", "content_filter"),
    ("credit balance is too low", "billing"),
)


class Refused(Exception):  # noqa: N818 - no error of the call: somebody decided so
    """A call must not be made. Raised by a gate, it leaves the SDK before anything is sent."""

    error_type = "refused"


class Failure(NamedTuple):
    """Why a call failed.

    Attributes:
        type: `error.type`: the API's word, else the SDK's, else the status or the class.
        category: one of a dozen operator's words, see `CATEGORIES`.
        exception: qualified name of the exception's class, None where none was raised.
        message: the exception's message. It is content: emitted only where content is captured.
        stacktrace: likewise, as Python prints it; None where nobody wants content.
    """

    type: str
    category: str
    exception: str | None = None
    message: str | None = None
    stacktrace: str | None = None


def categorize(error_type: str, status: int | None = None, message: str | None = None) -> str:
    """The category of an error, `unknown` where nothing tells. Never raises."""
    category = CATEGORIES.get(error_type)
    if category == "invalid_request" and message:
        lowered = message.lower()
        for words, better in _BY_MESSAGE:
            if words in lowered:
                return better
    if category is not None:
        return category
    if status is None:
        return "unknown"
    return _BY_STATUS.get(status) or ("server_error" if status >= 500 else "unknown")
