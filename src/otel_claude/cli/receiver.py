"""An OTLP/HTTP receiver in this process: what the real exporter sends ends up in lists.

For the demo and tests; `otel_claude.local` is the one that keeps what it gets.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from otel_claude.cli.received import Received, points_in, records_in, spans_in
from otel_claude.local import wire
from otel_claude.local.wire import RefusedError

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

_POLL = 0.02  # seconds until the end is noticed
_PATIENCE = 5.0  # seconds an idle connection is kept

SIGNALS: dict[str, tuple[str, Callable[[Any], Iterator[Any]]]] = {
    "traces": ("spans", spans_in),
    "metrics": ("points", points_in),
    "logs": ("records", records_in),
}
"""Signal -> field of `Received`, how its message is read."""

Keep = Callable[[str, Any, int], None]
"""Told of every message: its signal, the message, bytes of it."""


class Receiver:
    """Listens on a port of the loopback interface while it is entered; 0 stands for a free one.

        with Receiver() as receiver:
            OTLPSpanExporter(endpoint=receiver.url + "/v1/traces")
            ...
            receiver.received.spans

    Args:
        keep: where messages go besides, before they are acknowledged.

    Attributes:
        received: what has arrived so far.
    """

    def __init__(self, keep: Keep | None = None, port: int = 0) -> None:
        self.received = Received()
        self._keep = keep
        self._lock = threading.Lock()
        self._server = _Server(self, port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL,), daemon=True
        )

    @property
    def url(self) -> str:
        """Base address, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
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
        signal = path.removeprefix("/v1/") if path.startswith("/v1/") else ""
        wire.check_signal(signal)
        unpacked = wire.unpack(encoding, body)
        message = wire.parse(signal, wire.media_of(media), unpacked)
        name, read = SIGNALS[signal]
        items = list(read(message))
        if self._keep is not None:
            self._keep(signal, message, len(unpacked))
        with self._lock:
            getattr(self.received, name).extend(items)
        return wire.accepted(signal, wire.media_of(media))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Idle keep-alive connections of the exporters must not hold up the end.
    block_on_close = False

    def __init__(self, receiver: Receiver, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
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
            self._answer(refused.status, wire.refusal(self._media, refused.message))
        else:
            self._answer(200, answer)

    @property
    def _media(self) -> str:
        """What the answer is written in: the same as the question, if that can be read."""
        try:
            return wire.media_of(self.headers.get("content-type", ""))
        except RefusedError:
            return wire.PROTOBUF

    def _take(self) -> bytes:
        length = self.headers.get("content-length", "")
        if not length.isdecimal():
            self.close_connection = True  # where the body ends is not known
            raise RefusedError(411, "content-length is missing")
        if int(length) > wire.MAX_BODY:
            self.close_connection = True  # it is not read
            raise RefusedError(413, f"the body is longer than {wire.MAX_BODY} bytes")
        return self.server.receiver.take(
            self.path.partition("?")[0],
            self.headers.get("content-encoding", "").strip().lower(),
            self.headers.get("content-type", ""),
            self.rfile.read(int(length)),
        )

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", self._media)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing: standard error belongs to the progress bar."""
