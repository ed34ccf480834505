"""HTTP/1.1 on a socket: read a request, send a reply, and misbehave exactly as told."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass, field
from email.utils import formatdate
from http.client import responses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

_HEAD_LIMIT = 65_536
_CHUNK = 65_536
_PEEK = getattr(socket, "MSG_PEEK", 0) | getattr(socket, "MSG_DONTWAIT", 0)


class HungUp(Exception):  # noqa: N818 - an ending, not an error
    """The connection is over, by whichever side."""


@dataclass(frozen=True)
class RawRequest:
    """A request as it stands on the wire; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    too_large: bool = False


@dataclass
class Reply:
    """An answer, and the faults to build into it.

    Attributes:
        body: the body, for a reply in one piece.
        events: the chunks of a stream; None for a reply in one piece.
        pauses: seconds to wait before each chunk; empty for none.
        delay: seconds to wait before the headers.
        hang_up: close instead of sending anything.
        drop: close after what is sent, without the ending that HTTP wants.
        sent: called with how many chunks are about to have been sent, before the last of them,
            and again with the true number where sending failed.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    events: list[bytes] | None = None
    pauses: list[float] = field(default_factory=list)
    delay: float = 0.0
    hang_up: bool = False
    drop: bool = False
    sent: Callable[[int, bool], None] = lambda _count, _ok: None


class Wire:
    """One connection of one client."""

    def __init__(self, sock: socket.socket, stop: threading.Event, max_body: int) -> None:
        self._sock = sock
        self._stop = stop
        self._max_body = max_body
        self._buffer = bytearray()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """Hang up. Never raises."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    def _fill(self) -> None:
        data = self._sock.recv(_CHUNK)
        if not data:
            raise HungUp
        self._buffer += data

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            self._fill()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._fill()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def read(self) -> RawRequest:
        """The next request.

        Raises:
            HungUp: the client is gone, or does not speak HTTP.
        """
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > _HEAD_LIMIT:
                raise HungUp
            self._fill()
        first, *lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        parts = first.split(" ")
        if len(parts) != 3:
            raise HungUp
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            name, value = name.strip().lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        if headers.get("expect", "").lower() == "100-continue":
            self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body, too_large = self._body(headers)
        return RawRequest(parts[0], parts[1], headers, body, too_large)

    def _body(self, headers: dict[str, str]) -> tuple[bytes, bool]:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            body = bytearray()
            while size := int(self._line().partition(b";")[0], 16):
                body += self._exactly(size)
                self._line()
            while self._line():
                pass
            return bytes(body), len(body) > self._max_body
        size = int(headers.get("content-length") or 0)
        if size <= self._max_body:
            return self._exactly(size), False
        while size:
            size -= len(self._exactly(min(size, _CHUNK)))
        return b"", True

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise HungUp
        with contextlib.suppress(BlockingIOError):
            if _PEEK and self._sock.recv(1, _PEEK) == b"":
                raise HungUp

    def send(self, reply: Reply) -> None:
        """Send a reply.

        Raises:
            HungUp: the connection is over afterwards: because the client left, because the
                emulator stops, or because the reply says so.
        """
        if reply.delay:
            self._pause(reply.delay)
        if reply.hang_up:
            raise HungUp
        head = _head(reply)
        if reply.events is None:
            reply.sent(1, True)
            body = reply.body[: len(reply.body) // 2] if reply.drop else reply.body
            self._write(head + body, reply, 0)
        elif reply.pauses:
            self._send_slowly(head, reply, reply.events)
        else:
            reply.sent(len(reply.events), True)
            ending = b"" if reply.drop else b"0\r\n\r\n"
            self._write(head + _chunks(reply.events) + ending, reply, 0)
        if reply.drop:
            raise HungUp

    def _send_slowly(self, head: bytes, reply: Reply, events: list[bytes]) -> None:
        self._write(head, reply, 0)
        for index, data in enumerate(events):
            try:
                self._pause(reply.pauses[index] if index < len(reply.pauses) else 0.0)
            except (HungUp, OSError):
                reply.sent(index, False)
                raise
            last = index == len(events) - 1
            if last:
                reply.sent(index + 1, True)
            ending = b"0\r\n\r\n" if last and not reply.drop else b""
            self._write(_chunk(data) + ending, reply, index)
        if not events and not reply.drop:
            self._write(b"0\r\n\r\n", reply, 0)

    def _write(self, data: bytes, reply: Reply, done: int) -> None:
        try:
            self._sock.sendall(data)
        except OSError:
            reply.sent(done, False)
            raise HungUp from None


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _chunks(events: list[bytes]) -> bytes:
    """Events as chunks of about 16 kB: fewer pieces for the client to take apart."""
    parts: list[bytes] = []
    group: list[bytes] = []
    size = 0
    for data in events:
        group.append(data)
        size += len(data)
        if size > 16_384:
            parts.append(_chunk(b"".join(group)))
            group, size = [], 0
    if group:
        parts.append(_chunk(b"".join(group)))
    return b"".join(parts)


def _head(reply: Reply) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {responses.get(reply.status, 'Status')}"]
    headers = {"date": formatdate(usegmt=True), "server": "otel-claude-emulator", **reply.headers}
    if reply.events is None:
        headers.setdefault("content-type", "application/json")
        headers["content-length"] = str(len(reply.body))
    else:
        headers["transfer-encoding"] = "chunked"
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", errors="replace")
