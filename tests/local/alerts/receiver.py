"""A webhook of the test's own: a real HTTP server that keeps what it gets."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WAIT = 60


class Receiver(ThreadingHTTPServer):
    """Answers with `statuses`, one after the other, then with 200."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[Any] = []
        self.statuses: list[int] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/services/s3cret"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def texts(self):
        """Of the messages that were taken."""
        return [body["text"] for status, body in list(self.got) if status == 200]


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        server: Any = self.server
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        status = server.statuses.pop(0) if server.statuses else 200
        server.got.append((status, body))
        self.send_response(status)
        if status == 302:
            self.send_header("location", server.url)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


def until(condition):
    """Wait for a condition."""
    end = time.monotonic() + WAIT
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found
