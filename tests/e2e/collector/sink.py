"""An OTLP backend in the test's process: keeps what arrives, decoded and as it came."""

from __future__ import annotations

import gzip
from types import TracebackType

from otel_claude.cli.receiver import Receiver
from otel_claude.local.wire import RefusedError


class Sink(Receiver):
    """A receiver that also remembers the bytes.

    Attributes:
        bodies: every request's body, unpacked.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__(port=port)
        self.bodies: list[bytes] = []
        self._closed = False

    def __enter__(self) -> Sink:  # noqa: PYI034 - Self came with Python 3.11
        super().__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closed = True  # connections that are still open get no further
        super().__exit__(kind, error, traceback)

    def take(self, path: str, encoding: str, media: str, body: bytes) -> bytes:
        if self._closed:
            raise RefusedError(503, "the test has closed this backend")
        answer = super().take(path, encoding, media, body)
        self.bodies.append(gzip.decompress(body) if encoding == "gzip" else body)
        return answer

    @property
    def env(self) -> dict[str, str]:
        """What tells the one-file configuration to send here."""
        return {"TRACES_ENDPOINT": self.url, "LOGS_ENDPOINT": self.url}

    @property
    def span_ids(self) -> list[str]:
        """One per span that arrived, repetitions included."""
        return [span.span_id for span in self.received.spans]
