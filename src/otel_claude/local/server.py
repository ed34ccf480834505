"""Runs the web application: in the foreground for `up`, or in a thread."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Final

import uvicorn

from otel_claude.local.app import make_app
from otel_claude.local.guard import LOOPBACK

if TYPE_CHECKING:
    from types import TracebackType

    from otel_claude.local.backend import Backend
    from otel_claude.local.fleet.view import View

PORT: Final = 4318
HOST: Final = "127.0.0.1"
_IDLE: Final = 75  # seconds a connection is kept; exporters come every 5 to 60
_GRACE: Final = 5  # seconds that open requests have at the end
_POLL: Final = 0.01


class AddressError(Exception):
    """The server cannot listen there; the message says why and what to do."""


def listen(host: str, port: int, *, token: str | None) -> socket.socket:
    """A socket that listens.

    Args:
        host: name or number of an interface; another than loopback only with a token.
        port: 0 for a free one.
        token: what will be asked for.

    Raises:
        AddressError: it is taken, there is no such address, or a token is missing.
    """
    if host not in LOOPBACK and not token:
        raise AddressError(
            f"{host} can be reached from other machines: set a token first "
            "(--token-file FILE, or OTEL_CLAUDE_TOKEN)"
        )
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise AddressError(f"{host} is no address to listen at: {error}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise AddressError(f"{host}:{port} cannot be listened at: {error}") from error
    return listener


def listen_near(port: int) -> socket.socket:
    """A socket that listens on the loopback interface: at that port, or where it is taken at any.

    Raises:
        AddressError: there is none at all.
    """
    try:
        return listen(HOST, port, token=None)
    except AddressError:
        return listen(HOST, 0, token=None)


def url_of(listener: socket.socket) -> str:
    """The address of a listening socket, as a browser of this machine takes it."""
    host, port = listener.getsockname()[:2]
    host = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - asked, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server:
    """A backend behind an address.

        with Server(backend, listen("127.0.0.1", 0, token=None)) as server:
            server.url

    Args:
        backend: is closed by whoever made it.
        listener: is closed at the end.
        token: needed for everything, if given.
    """

    def __init__(
        self, backend: Backend | View, listener: socket.socket, *, token: str | None = None
    ) -> None:
        self.url = url_of(listener)
        self._listener = listener
        self._server = uvicorn.Server(
            uvicorn.Config(
                make_app(backend, token=token),
                log_config=None,
                access_log=False,
                lifespan="on",
                ws="none",
                timeout_keep_alive=_IDLE,
                timeout_graceful_shutdown=_GRACE,
                h11_max_incomplete_event_size=64 * 1024,
                server_header=False,
            )
        )
        self._hub = backend.hub
        self._thread = threading.Thread(target=self._run, name="otel-claude-server", daemon=True)

    def run(self) -> None:
        """Serve until SIGINT or SIGTERM."""
        with contextlib.suppress(KeyboardInterrupt):  # it ends as it should
            self._run()

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])

    def stop(self) -> None:
        """Have it end soon; from any thread."""
        self._server.should_exit = True

    def __enter__(self) -> Server:  # noqa: PYI034 - Self came with Python 3.11
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(_POLL)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        self._thread.join()
