"""An OTLP/HTTP receiver in this process: what the real exporter sends ends up in lists.

Protobuf only, as the Python exporter sends it, with or without gzip.
"""

from __future__ import annotations

import gzip
import threading
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # ships no types
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_claude.cli.received import Received, points_in, records_in, spans_in

if TYPE_CHECKING:
    from types import TracebackType

_PROTOBUF = "application/x-protobuf"
_POLL = 0.02  # seconds until the end is noticed
_PATIENCE = 5.0  # seconds an idle connection is kept

Decode = Callable[[bytes], Iterator[Any]]

SIGNALS: dict[str, tuple[str, Decode, bytes]] = {
    "/v1/traces": ("spans", spans_in, ExportTraceServiceResponse().SerializeToString()),
    "/v1/metrics": ("points", points_in, ExportMetricsServiceResponse().SerializeToString()),
    "/v1/logs": ("records", records_in, ExportLogsServiceResponse().SerializeToString()),
}
"""Path -> field of `Received`, how to decode the body, the answer."""


class RefusedError(Exception):
    """A request that cannot be taken: an HTTP status, and why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Receiver:
    """Listens on a free port of the loopback interface while it is entered.

        with Receiver() as receiver:
            OTLPSpanExporter(endpoint=receiver.url + "/v1/traces")
            ...
            receiver.received.spans

    Attributes:
        received: what has arrived so far.
    """

    def __init__(self) -> None:
        self.received = Received()
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL,), daemon=True
        )

    @property
    def url(self) -> str:
        """Base address, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Receiver:  # noqa: PYI034 - Self came with Python 3.11
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, path: str, encoding: str, media: str, body: bytes) -> bytes:
        """Keep what an export request brings, all or nothing, and return the answer to it.

        Raises:
            RefusedError: it is not a request that this receiver understands.
        """
        signal = SIGNALS.get(path)
        if signal is None:
            raise RefusedError(404, f"no such path; there are {', '.join(SIGNALS)}")
        if media.split(";")[0].strip().lower() != _PROTOBUF:
            raise RefusedError(415, f"content type must be {_PROTOBUF}")
        name, decode, answer = signal
        try:
            items = list(decode(_unpacked(encoding, body)))
        except DecodeError:
            raise RefusedError(400, "the body is not the protobuf message of this path") from None
        with self._lock:
            getattr(self.received, name).extend(items)
        return answer


def _unpacked(encoding: str, body: bytes) -> bytes:
    if encoding in ("", "identity"):
        return body
    try:
        if encoding == "gzip":
            return gzip.decompress(body)
        if encoding == "deflate":
            return zlib.decompress(body)
    except (OSError, EOFError, zlib.error):
        raise RefusedError(400, f"the body is not {encoding}") from None
    raise RefusedError(415, f"content encoding {encoding} is not supported")


def _status_message(message: str) -> bytes:
    """A google.rpc.Status, as OTLP wants the body of an error.

    By hand, because its package is no dependency of opentelemetry-proto: field 2, a string, whose
    length fits one byte.
    """
    text = message.encode()[:127]
    return b"\x12" + bytes([len(text)]) + text


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Idle keep-alive connections of the exporters must not hold up the end.
    block_on_close = False

    def __init__(self, receiver: Receiver) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.receiver = receiver

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE
    server: _Server

    def do_POST(self) -> None:
        """Take an export request."""
        try:
            answer = self._take()
        except RefusedError as refused:
            self._answer(refused.status, _status_message(refused.message))
        else:
            self._answer(200, answer)

    def _take(self) -> bytes:
        length = self.headers.get("content-length", "")
        if not length.isdecimal():
            self.close_connection = True  # where the body ends is not known
            raise RefusedError(411, "content-length is missing")
        return self.server.receiver.take(
            self.path.partition("?")[0],
            self.headers.get("content-encoding", "").strip().lower(),
            self.headers.get("content-type", ""),
            self.rfile.read(int(length)),
        )

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", _PROTOBUF)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing: standard error belongs to the progress bar."""
