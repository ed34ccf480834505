"""The API's errors: which type goes with which status, and how the body looks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

TYPE_OF_STATUS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
MESSAGES = {
    401: "invalid x-api-key",
    403: "Your API key does not have permission to use the specified resource.",
    413: "Request exceeds the maximum size",
    429: "This request would exceed your organization's rate limit. Please try again later.",
    500: "Internal server error",
    504: "Request timed out",
    529: "Overloaded",
}


def type_of(status: int) -> str:
    """The error type that the API documents for an HTTP status."""
    return TYPE_OF_STATUS.get(status, "api_error" if status >= 500 else "invalid_request_error")


def body_of(
    error_type: str, message: str, request_id: str, details: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The JSON body of an error, also the data of a mid-stream `error` event."""
    error: dict[str, Any] = {"type": error_type, "message": message}
    if details:
        error["details"] = details
    return {"type": "error", "error": error, "request_id": request_id}


@dataclass(eq=False)
class ApiError(Exception):
    """An error that the emulated API answers with.

    Args:
        status: HTTP status.
        message: human-readable text; by default the API's usual one for the status.
        type: error type; by default the documented one for the status.
        headers: further response headers, e.g. `retry-after`.
        details: `error.details`, where the API gives machine-readable ones (`error_code`).
    """

    status: int
    message: str = ""
    type: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Fill in what the status implies."""
        super().__init__(self.message)
        self.type = self.type or type_of(self.status)
        self.message = self.message or MESSAGES.get(self.status, f"Error {self.status}")


def invalid(message: str) -> ApiError:
    """A 400 `invalid_request_error`."""
    return ApiError(400, message)
