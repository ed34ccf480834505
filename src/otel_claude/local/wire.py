"""OTLP over HTTP: from the body of a request to its protobuf message, and answers to it.

Nothing here trusts the sender: sizes are bounded before and after unpacking, and whatever is
wrong becomes a `RefusedError` with an HTTP status.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import TYPE_CHECKING, Any, Final

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
MAX_BODY: Final = 32 * 1024 * 1024  # bytes, as they are sent and after gzip
_MEMBERS: Final = 100  # of a gzip body: what is left of it is copied for each

MESSAGES: Final[Mapping[str, tuple[Any, Any, str]]] = {
    "traces": (ExportTraceServiceRequest, ExportTraceServiceResponse, "rejected_spans"),
    "metrics": (ExportMetricsServiceRequest, ExportMetricsServiceResponse, "rejected_data_points"),
    "logs": (ExportLogsServiceRequest, ExportLogsServiceResponse, "rejected_log_records"),
}
"""Signal -> request, response, field of the response that says how many items were refused."""

_IDS: Final = frozenset(
    ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id")
)


class RefusedError(Exception):
    """A request that cannot be taken: an HTTP status, and why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def check_signal(signal: str) -> None:
    """Raise a `RefusedError` (404) where there is no such signal."""
    if signal not in MESSAGES:
        paths = ", ".join(f"/v1/{name}" for name in MESSAGES)
        raise RefusedError(404, f"no such path; there are {paths}")


def media_of(content_type: str) -> str:
    """The media type of a request: `PROTOBUF` or `JSON`.

    Raises:
        RefusedError: it is another (415).
    """
    media = content_type.partition(";")[0].strip().lower()
    if media not in (PROTOBUF, JSON):
        raise RefusedError(415, f"content type must be {PROTOBUF} or {JSON}")
    return media


def unpack(encoding: str, body: bytes, limit: int = MAX_BODY) -> bytes:
    """A body without its content encoding.

    Raises:
        RefusedError: it is broken (400), of another encoding (415), or unpacks to more than
            `limit` bytes (413); then no more than that was unpacked.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise RefusedError(415, f"content encoding {encoding[:40]!r} is not supported")
    unpacked = bytearray()
    try:
        for _ in range(_MEMBERS):  # gzip may have several
            if not body:
                break
            # 32 + 15: gzip or zlib, whichever the header says.
            unpacker = zlib.decompressobj(47)
            unpacked += unpacker.decompress(body, limit + 1 - len(unpacked))
            if len(unpacked) > limit:
                raise RefusedError(413, f"the body unpacks to more than {limit} bytes")
            if not unpacker.eof:
                raise RefusedError(400, f"the body is not whole {encoding}")
            body = unpacker.unused_data
        if body:
            raise RefusedError(400, f"the body has more than {_MEMBERS} parts")
    except zlib.error:
        raise RefusedError(400, f"the body is not {encoding}") from None
    return bytes(unpacked)


def parse(signal: str, media: str, body: bytes) -> Any:
    """The message of an export request.

    Args:
        signal: traces, metrics or logs.
        media: `PROTOBUF` or `JSON`.
        body: unpacked.

    Raises:
        RefusedError: the body is no such message (400).
    """
    message = MESSAGES[signal][0]
    if media == PROTOBUF:
        try:
            return message.FromString(body)
        except DecodeError:
            raise RefusedError(400, "the body is not the protobuf message of this path") from None
    try:
        value = json.loads(body)
        if not isinstance(value, dict):
            raise RefusedError(400, "the body is no JSON object")
        return json_format.ParseDict(_with_bytes(value), message(), ignore_unknown_fields=True)
    except (ValueError, TypeError, AttributeError, RecursionError, json_format.ParseError) as error:
        raise RefusedError(400, f"the body is not the JSON of this path: {error}"[:500]) from None


def _with_bytes(value: Any) -> Any:
    """Ids as protobuf's JSON has them: in OTLP they are hexadecimal, there they are base64."""
    if isinstance(value, dict):
        return {
            key: base64.b64encode(bytes.fromhex(item)).decode()
            if key in _IDS and isinstance(item, str)
            else _with_bytes(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_with_bytes(item) for item in value]
    return value


def accepted(signal: str, media: str, *, rejected: int = 0, why: str = "") -> bytes:
    """The answer to a request that was taken, with the number of items that were not."""
    _, response, field = MESSAGES[signal]
    answer = response()
    if rejected:
        setattr(answer.partial_success, field, rejected)
        answer.partial_success.error_message = why
    if media == JSON:
        return bytes(json_format.MessageToJson(answer, indent=None), "utf-8")
    return bytes(answer.SerializeToString())


def refusal(media: str, message: str) -> bytes:
    """The body of an error: a google.rpc.Status, as OTLP wants it.

    By hand, because its package is no dependency of opentelemetry-proto: field 2, a string, whose
    length fits one byte.
    """
    if media == JSON:
        return json.dumps({"message": message}).encode()
    text = message.encode()[:127]
    return b"\x12" + bytes([len(text)]) + text
