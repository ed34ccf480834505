"""The SDK's own spans (1.14 and later), and the trace context that goes to the API.

One span per call: for the calls that we trace, the SDK's is dropped and ours takes its place,
also on the wire, so that Anthropic's server-side spans hang under the span that is exported.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otel_claude.call.call import Call


def without_span(options: Any) -> Any:
    """A copy of request options for which the SDK makes no span; the same where it makes none.

    Fields of the copy can be set freely: options given by the application stay as they are.
    """
    if getattr(options, "span_name", None) is None:
        return options
    replaced = copy.copy(options)
    replaced.span_name = None
    return replaced


def with_span_of(call: Call, options: Any, client: Any) -> Any:
    """A copy of request options that carries our trace context in place of the SDK's span.

    The same options where we have nothing to put in its place: then the SDK's span stands.
    """
    if not call.headers:
        return options
    replaced = copy.copy(options)
    if getattr(options, "span_name", None) is not None:
        replaced.span_name = None
    if _propagates(client):
        given = options.headers if isinstance(options.headers, Mapping) else {}
        kept = {k: v for k, v in given.items() if k.lower() not in call.headers}
        replaced.headers = {**kept, **call.headers}
    return replaced


def _propagates(client: Any) -> bool:
    """False where the client was told not to send trace context (`propagation=False`)."""
    resolved = getattr(client, "_open_telemetry", None)
    return not isinstance(resolved, Mapping) or resolved.get("propagation", True) is not False
