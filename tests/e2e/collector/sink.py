"""An OTLP backend in the test's process: keeps what arrives, decoded and as it came."""

from __future__ import annotations

import gzip
import json
from typing import Any

import requests
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_claude.cli.receiver import Receiver

_REQUESTS: dict[str, Any] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}


class Sink(Receiver):
    """A receiver that also remembers the bytes.

    Attributes:
        bodies: every request's body, unpacked.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.bodies: list[bytes] = []

    def take(self, path: str, encoding: str, media: str, body: bytes) -> bytes:
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


def send(otlp: str, signal: str, document: dict[str, Any]) -> None:
    """Post OTLP that is written as JSON (ids in hexadecimal, as OTLP says) as protobuf does not."""
    answer = requests.post(
        f"{otlp}/v1/{signal}",
        data=json.dumps(document),
        headers={"content-type": "application/json"},
        timeout=30,
    )
    assert answer.ok, answer.text
    assert answer.json().get("partialSuccess", {}) == {}, answer.text


def as_json(signal: str, body: bytes) -> Any:
    """A request's body as plain data, for looking into all of it."""
    return json_format.MessageToDict(_REQUESTS[signal].FromString(body))
