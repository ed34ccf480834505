"""A webhook that remembers what Alertmanager tells it."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class Told:
    """One alert of one notification."""

    receiver: str
    status: str
    name: str
    labels: dict[str, str]
    annotations: dict[str, str]


class Webhook:
    """An HTTP server on a free port; the path of a request is the receiver.

    Attributes:
        url: its base address.
        told: every alert of every notification, in order.
    """

    def __init__(self) -> None:
        told: list[Told] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body: dict[str, Any] = json.loads(
                    self.rfile.read(int(self.headers["content-length"]))
                )
                for alert in body["alerts"]:
                    labels = alert["labels"]
                    told.append(
                        Told(
                            self.path.strip("/"),
                            alert["status"],
                            labels["alertname"],
                            labels,
                            alert["annotations"],
                        )
                    )
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - inherited
                pass

        self.told = told
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *how: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def names(self, status: str, receiver: str = "") -> set[str]:
        """Which alerts have come with that status, to that receiver or to any."""
        return {t.name for t in self.told if t.status == status and receiver in ("", t.receiver)}

    def resolved(self) -> set[str]:
        """Alerts whose newest notification says that they are over."""
        newest = {t.name: t.status for t in self.told}
        return {name for name, status in newest.items() if status == "resolved"}
