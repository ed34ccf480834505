"""Raw responses: `with_raw_response`, `with_streaming_response`, and plain HTTP responses.

What the application gets is the SDK's wrapper. Where its body was read already, the call is
over and its usage stands in the body. Where it was not, the call ends with the stream that
`parse()` returns, or when the response is dropped.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from otel_claude.capture import drops
from otel_claude.capture.response import read_message
from otel_claude.capture.stream import STATE

if TYPE_CHECKING:
    from otel_claude.call.call import Call


def http_response_of(result: Any) -> Any:
    """The HTTP response behind a raw response of the SDK, or the HTTP response itself."""
    return getattr(result, "http_response", result)


def returned(call: Call, result: Any) -> None:
    """Finish the call where the body is there, else follow the response."""
    response = http_response_of(result)
    if getattr(response, "_content", None) is not None:
        read_body(call, response)
        call.finish("completed")
        return
    result.__dict__[STATE] = call
    weakref.finalize(result, drops.dropped, call)


def read_body(call: Call, response: Any) -> None:
    """Read the message in a body that was read already; nothing where it is no JSON object."""
    try:
        message = response.json()
    except ValueError:
        return
    if isinstance(message, dict):
        read_message(call, message)
