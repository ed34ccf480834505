"""The OTLP receiver: what it takes, and what it refuses."""

from __future__ import annotations

import gzip
import http.client
import zlib

import pytest

pytest.importorskip("opentelemetry.proto")

from typing import TYPE_CHECKING

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    AGGREGATION_TEMPORALITY_DELTA,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from otel_claude.cli.receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

PROTOBUF = {"content-type": "application/x-protobuf"}
SCOPE = InstrumentationScope(name="some.scope")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def post(receiver: Receiver, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(receiver.url.removeprefix("http://"), timeout=5)
    given = {**PROTOBUF, **{name.replace("_", "-"): value for name, value in headers.items()}}
    try:
        connection.request("POST", path, body, given)
        answer = connection.getresponse()
        assert answer.getheader("content-type") == "application/x-protobuf"
        return answer.status, answer.read()
    finally:
        connection.close()


def pair(key: str, **value: object) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(**value))  # type: ignore[arg-type]


def a_span() -> bytes:
    numbers = ArrayValue(values=[AnyValue(int_value=1), AnyValue(double_value=2.5)])
    span = Span(
        name="chat",
        trace_id=b"\x01" * 16,
        span_id=b"\x02" * 8,
        parent_span_id=b"\x03" * 8,
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=1_000_000_000,
        end_time_unix_nano=3_500_000_000,
        status=Status(code=Status.STATUS_CODE_ERROR),
        attributes=[
            pair("text", string_value="x"),
            pair("yes", bool_value=True),
            pair("numbers", array_value=numbers),
            KeyValue(key="none"),
        ],
    )
    resource = Resource(attributes=[pair("service.name", string_value="app")])
    scoped = ScopeSpans(scope=SCOPE, spans=[span])
    request = ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=[scoped])]
    )
    body: bytes = request.SerializeToString()
    return body


def test_takes_spans(receiver: Receiver) -> None:
    status, answer = post(receiver, "/v1/traces", a_span())
    assert status == 200
    assert ExportTraceServiceResponse.FromString(answer) == ExportTraceServiceResponse()
    (span,) = receiver.received.spans
    assert (span.name, span.kind, span.status, span.scope) == (
        "chat",
        "client",
        "error",
        "some.scope",
    )
    assert (span.trace_id, span.span_id, span.parent_id) == ("01" * 16, "02" * 8, "03" * 8)
    assert span.seconds == 2.5
    assert span.attributes == {"text": "x", "yes": True, "numbers": [1, 2.5], "none": None}
    assert span.resource == {"service.name": "app"}


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("GZIP", gzip.compress)],
)
def test_takes_compressed_bodies(receiver: Receiver, encoding: str, pack: object) -> None:
    assert callable(pack)
    status, _ = post(receiver, "/v1/traces", pack(a_span()), content_encoding=encoding)
    assert status == 200
    assert len(receiver.received.spans) == 1


def test_takes_metrics(receiver: Receiver) -> None:
    labels = [pair("model", string_value="m")]
    metrics = [
        Metric(
            name="money",
            unit="{USD}",
            sum=Sum(
                aggregation_temporality=AGGREGATION_TEMPORALITY_CUMULATIVE,
                data_points=[NumberDataPoint(as_double=1.5, attributes=labels)],
            ),
        ),
        Metric(
            name="calls",
            sum=Sum(
                aggregation_temporality=AGGREGATION_TEMPORALITY_DELTA,
                data_points=[NumberDataPoint(as_int=3)],
            ),
        ),
        Metric(name="left", gauge=Gauge(data_points=[NumberDataPoint(as_int=7)])),
        Metric(
            name="time",
            histogram=Histogram(
                data_points=[HistogramDataPoint(sum=4.5, count=3, bucket_counts=[1, 2])]
            ),
        ),
        Metric(name="nothing"),
    ]
    request = ExportMetricsServiceRequest(
        resource_metrics=[
            ResourceMetrics(scope_metrics=[ScopeMetrics(scope=SCOPE, metrics=metrics)])
        ]
    )
    assert post(receiver, "/v1/metrics", request.SerializeToString())[0] == 200
    money, calls, left, time = receiver.received.points
    assert (money.kind, money.delta, money.value, money.unit) == ("sum", False, 1.5, "{USD}")
    assert money.attributes == {"model": "m"}
    assert (calls.delta, calls.value) == (True, 3)
    assert (left.kind, left.delta, left.value) == ("gauge", False, 7)
    assert (time.kind, time.value, time.count, time.buckets) == ("histogram", 4.5, 3, (1, 2))


def test_takes_log_records(receiver: Receiver) -> None:
    record = LogRecord(event_name="happened", severity_text="WARN", span_id=b"\x02" * 8)
    request = ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(scope=SCOPE, log_records=[record])])]
    )
    assert post(receiver, "/v1/logs", request.SerializeToString())[0] == 200
    (found,) = receiver.received.records
    assert (found.name, found.severity, found.span_id) == ("happened", "WARN", "02" * 8)


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/v1/traces", b"\xff\xff not protobuf", {}, 400),
        ("/v1/metrics", b"\x0a\x7f", {}, 400),
        ("/v1/logs", b"\x00", {}, 400),
        ("/v1/traces", b"not gzip", {"content_encoding": "gzip"}, 400),
        ("/v1/traces", gzip.compress(b"x" * 99)[:-9], {"content_encoding": "gzip"}, 400),
        ("/v1/traces", b"not deflate", {"content_encoding": "deflate"}, 400),
        ("/v1/traces", b"", {"content_encoding": "br"}, 415),
        ("/v1/traces", b"{}", {"content_type": "text/plain"}, 415),
        ("/v1/profiles", b"", {}, 404),
        ("/", b"", {}, 404),
    ],
)
def test_refuses(
    receiver: Receiver, path: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    found, answer = post(receiver, path, body, **headers)
    assert found == status
    assert answer[0] == 0x12, "a google.rpc.Status with a message"
    assert answer[1] == len(answer) - 2
    assert receiver.received.spans == []


def test_a_refusal_leaves_the_connection_usable(receiver: Receiver) -> None:
    connection = http.client.HTTPConnection(receiver.url.removeprefix("http://"), timeout=5)
    for body, status in ((b"\x00", 400), (a_span(), 200)):
        connection.request("POST", "/v1/traces", body, PROTOBUF)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
    connection.close()
    assert len(receiver.received.spans) == 1


def test_wants_a_length(receiver: Receiver) -> None:
    connection = http.client.HTTPConnection(receiver.url.removeprefix("http://"), timeout=5)
    connection.putrequest("POST", "/v1/traces")
    connection.endheaders()
    assert connection.getresponse().status == 411
    connection.close()
