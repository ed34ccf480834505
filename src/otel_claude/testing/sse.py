"""A message as a stream of events, and events as bytes (server-sent events or AWS frames)."""

from __future__ import annotations

import base64
import binascii
import json
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_claude.testing.usage import at_end, at_start

if TYPE_CHECKING:
    from otel_claude.testing.generate import Answer
    from otel_claude.testing.job import Job, Json


@dataclass
class Event:
    """One event, and how many output tokens have been sent when it has."""

    name: str
    data: Json
    tokens: int = 0


def events(job: Job, message: Json, result: Answer, usage: Json) -> list[Event]:
    """All events of a message, in the API's order."""
    shell = {**message, "content": [], "stop_reason": None, "stop_sequence": None}
    shell.pop("stop_details", None)
    if "usage" in message:
        shell["usage"] = at_start(job, usage)
    if result.extra == "fallback":
        shell["model"] = job.model.id
    found = [Event("message_start", {"type": "message_start", "message": shell})]
    tokens = 0
    for index, block in enumerate(result.blocks):
        start = {"type": "content_block_start", "index": index, "content_block": block.start}
        found.append(Event("content_block_start", start, tokens))
        if index == 0:
            found.append(Event("ping", {"type": "ping"}, tokens))
        for delta, count in block.deltas:
            tokens += count
            data = {"type": "content_block_delta", "index": index, "delta": delta}
            found.append(Event("content_block_delta", data, tokens))
        stop = {"type": "content_block_stop", "index": index}
        found.append(Event("content_block_stop", stop, tokens))
    if not result.blocks:
        found.append(Event("ping", {"type": "ping"}))
    found.append(Event("message_delta", _delta(message, result, usage), result.output_tokens))
    found.append(Event("message_stop", {"type": "message_stop"}, result.output_tokens))
    return found


def _delta(message: Json, result: Answer, usage: Json) -> Json:
    delta: Json = {"stop_reason": result.stop_reason, "stop_sequence": result.stop_sequence}
    delta["stop_details"] = result.stop_details
    if message.get("container"):
        delta["container"] = message["container"]
    data: Json = {"type": "message_delta", "delta": delta}
    if "usage" in message:
        data["usage"] = at_end(usage)
    return data


def encode(event: Event) -> bytes:
    """An event as `text/event-stream` has it."""
    data = json.dumps(event.data, separators=(",", ":"), ensure_ascii=False)
    return f"event: {event.name}\ndata: {data}\n\n".encode()


def _header(name: str, value: str) -> bytes:
    raw = value.encode()
    return struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(raw)) + raw


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """One message of `application/vnd.amazon.eventstream`."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    start = prelude + struct.pack("!I", binascii.crc32(prelude))
    message = start + head + payload
    return message + struct.pack("!I", binascii.crc32(message))


def encode_aws(event: Event) -> bytes:
    """An event as Bedrock frames it; an `error` event becomes an exception frame."""
    if event.name == "error":
        error = event.data.get("error", {})
        payload = json.dumps({"message": error.get("message", "")}).encode()
        kind = {
            "overloaded_error": "serviceUnavailableException",
            "rate_limit_error": "throttlingException",
            "invalid_request_error": "validationException",
            "timeout_error": "modelTimeoutException",
        }.get(str(error.get("type")), "internalServerException")
        names = {":exception-type": kind, ":content-type": "application/json"}
        return frame({**names, ":message-type": "exception"}, payload)
    inner = json.dumps(event.data, separators=(",", ":")).encode()
    payload = json.dumps({"bytes": base64.b64encode(inner).decode()}).encode()
    names = {":event-type": "chunk", ":content-type": "application/json"}
    return frame({**names, ":message-type": "event"}, payload)
