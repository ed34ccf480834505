"""Reads what a response says into its `Call`. Missing and odd fields are absent, never errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from otel_claude.call.usage import Iteration, count, fields, text

if TYPE_CHECKING:
    from otel_claude.call.call import Call

STATE: Final = "_otel_claude"
"""Under which a response or a stream that is followed has its call."""
_TEXTS: Final = (str, bytes)
_REQUEST_ID: Final = b"request-id"
_ORGANIZATION: Final = b"anthropic-organization-id"
_USUAL_LIMIT: Final = b"anthropic-ratelimit-requests-limit"
_IDS: Final = {
    _REQUEST_ID: "request-id",
    _ORGANIZATION: "anthropic-organization-id",
    b"anthropic-workspace-id": "anthropic-workspace-id",
}


def read_headers(call: Call, response: Any) -> None:
    """Keep the response headers, and the few that say who was asked as text.

    From the raw list, by which one pass is enough: a look-up in httpx's headers costs as much as
    all of this. The dozen that are about rate limits are read when somebody collects them.
    """
    headers = dict(response.headers.raw)
    usual = _USUAL_LIMIT in headers
    if not usual or _REQUEST_ID not in headers or _ORGANIZATION not in headers:
        # Written in another case, maybe.
        headers = {name.lower(): value for name, value in headers.items()}
    for name, kept in _IDS.items():
        if (value := headers.get(name)) is not None:
            call.response_headers[kept] = value.decode("latin-1")
    # An answer that says nothing of rate limits leaves what an attempt before it said.
    if usual or any(name.startswith(b"anthropic-") and name not in _IDS for name in headers):
        call.raw_headers = headers


def read_attempt(call: Call, response: Any) -> None:
    """Read status, headers and the size of what was sent from the response of an attempt."""
    status = response.status_code
    if isinstance(status, int):
        call.status = status
    read_headers(call, response)
    if call.body_size is None:
        content = getattr(response.request, "_content", None)
        if isinstance(content, bytes):
            call.body_size = len(content)


def read_message(call: Call, message: object) -> None:
    """Read a whole message: a model of the SDK, or the mapping of its JSON."""
    said = fields(message)
    if not said:
        return
    if call.operation == "count_tokens":
        call.counted_input_tokens = count(said.get("input_tokens"))
        return
    read_message_head(call, said)
    call.usage.read(said.get("usage"))
    read_ending(call, said)
    if call.content is not None:
        call.content.read_answer(said)
    content = said.get("content")
    # Of this message: a middleware may have had another one before.
    call.has_output, call.compacted, call.declined = bool(said.get("completion")), False, []
    if type(content) is list or (isinstance(content, Sequence) and not isinstance(content, _TEXTS)):
        for block in content:
            read_block(call, block)


def read_message_head(call: Call, said: Any) -> None:
    """Read what a message and the `message` of `message_start` have in common."""
    get = said.get
    call.response_id = text(get("id")) or call.response_id
    call.response_model = text(get("model")) or call.response_model
    if get("container") is not None:
        call.container_used = True
    if (diagnostics := get("diagnostics")) is not None:
        reason = fields(fields(diagnostics).get("cache_miss_reason"))
        call.cache_miss_reason = text(reason.get("type"))
        call.cache_missed_tokens = count(reason.get("cache_missed_input_tokens"))


def read_ending(call: Call, said: Any) -> None:
    """Read how the model stopped: from a message, or from the `delta` of `message_delta`."""
    get = said.get
    call.stop_reason = text(get("stop_reason")) or call.stop_reason
    if get("container") is not None:
        call.container_used = True
    if (details := get("stop_details")) is not None:
        call.stop_category = text(fields(details).get("category"))


def read_block(call: Call, block: object) -> None:
    """Read a content block: that there is one, and what the few that matter to billing say."""
    call.has_output = True
    kind = getattr(block, "type", None) or fields(block).get("type")
    if kind == "tool_use":
        if call.run is not None:
            said = fields(block)
            call.run.waiting.append((text(said.get("name")) or "", text(said.get("id")) or ""))
    elif kind == "compaction":
        call.compacted = True
    elif kind == "fallback":
        said = fields(block)
        call.declined.append(text(fields(said.get("trigger")).get("category")))
        call.response_model = text(fields(said.get("to")).get("model")) or call.response_model


def add_hops(call: Call) -> None:
    """Add the usage of the attempts before the last, which the answer itself does not have.

    The SDK's fallback middleware asks another model after a refusal. What the API says of a
    fallback on the server is said here of one in the client: an entry per hop, each on its model.
    """
    entries = []
    for number, message in enumerate(call.hops, 1):
        last = number == len(call.hops)
        usage = fields(message.get("usage"))
        for said in map(fields, usage.get("iterations") or [{**usage, "type": "message"}]):
            entry = Iteration()
            entry.type, entry.model = text(said.get("type")), text(said.get("model"))
            if entry.type == "message":
                entry.model = entry.model or text(message.get("model"))
                entry.type = "fallback_message" if last else "message"
            entry.read_tokens(said)
            entries.append(entry)
        if not last and message.get("stop_reason") == "refusal":
            call.declined.append(text(fields(message.get("stop_details")).get("category")))
    call.usage.iterations = tuple(entries)
