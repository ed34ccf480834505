"""Raw responses: `with_raw_response`, `with_streaming_response`, and plain HTTP responses.

What the application gets is the SDK's wrapper. Where its body was read already, the call is over
and its usage stands in the body. Where it was not, whoever reads it is watched: the stream that
`parse()` returns, or the application itself.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from otel_claude.capture import tee
from otel_claude.capture.response import STATE, read_message

if TYPE_CHECKING:
    from otel_claude.call.call import Call


def returned(call: Call, result: Any) -> None:
    """Finish the call where the body is there, else follow the response."""
    response = getattr(result, "http_response", result)
    if getattr(response, "_content", None) is not None:
        read_body(call, response)
        call.finish("completed")
        return
    result.__dict__[STATE] = call
    if call.is_inference or call.operation == "count_tokens":
        tee.attach(call, response)
    weakref.finalize(response, call.finish, "abandoned")


def read_hop(call: Call, response: Any) -> None:
    """Keep the answer to an attempt: a middleware may go on to another, and both are billed."""
    if getattr(response, "_content", None) is not None:
        try:
            message = response.json()
        except ValueError:
            return
        if isinstance(message, dict) and isinstance(message.get("usage"), dict):
            call.hops.append(message)


def read_body(call: Call, response: Any) -> None:
    """Read the message in a body that was read already; nothing where it is no JSON object."""
    try:
        message = response.json()
    except ValueError:
        return
    if isinstance(message, dict):
        read_message(call, message)
