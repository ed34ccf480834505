"""What is sent by OTLP is there, once, when it is acknowledged; all else is refused."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest
from google.protobuf import json_format
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from otel_claude import ClaudeInstrumentor, semconv
from otel_claude.local import wire
from tests.local.conftest import PROTOBUF, traffic

DEFLATE = zlib.compress


@pytest.fixture
def pipeline(server):
    """The real exporters, into the server."""
    resource = Resource.create({"service.name": "app", "deployment.environment.name": "test"})
    tracers, meters, loggers = (
        TracerProvider(resource=resource),
        MeterProvider(
            [
                PeriodicExportingMetricReader(
                    OTLPMetricExporter(endpoint=f"{server.url}/v1/metrics")
                )
            ],
            resource=resource,
        ),
        LoggerProvider(resource=resource),
    )
    tracers.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{server.url}/v1/traces"))
    )
    loggers.add_log_record_processor(
        BatchLogRecordProcessor(OTLPLogExporter(endpoint=f"{server.url}/v1/logs"))
    )
    yield tracers, meters, loggers
    for provider in (tracers, meters, loggers):
        provider.shutdown()


def flush(pipeline):
    for provider in pipeline:
        assert provider.force_flush()


def test_calls_of_the_real_sdk_arrive_with_every_attribute(
    pipeline, backend, http, api, client, ask, telemetry
):
    tracers, meters, loggers = pipeline
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    tracers.add_span_processor(SimpleSpanProcessor(telemetry.exporter))
    ClaudeInstrumentor().instrument(
        tracer_provider=tracers, meter_provider=meters, logger_provider=loggers
    )
    import anthropic

    from otel_claude import attribution

    with attribution(user="u-1", session="s-1", feature="f", plan="gold"):
        with client.messages.stream(**ask()) as events:
            events.get_final_message()
        client.messages.create(**ask())
        with pytest.raises(anthropic.BadRequestError):
            client.messages.create(**ask("bad_request"))
        client.messages.count_tokens(
            model="claude-sonnet-5-5", messages=[{"role": "user", "content": "x"}]
        )
    flush(pipeline)
    rows = {row["span_id"]: row for row in backend.store.rows("SELECT * FROM calls")}
    assert len(rows) == len(telemetry.spans) == 4
    for span in telemetry.spans:
        found = http.get(f"/api/calls/{span.context.span_id:016x}").json()
        sent = json.loads(json.dumps(dict(span.attributes)))
        assert found["attributes"] == sent
        assert found["resource"]["service.name"] == "app"
        row = rows[f"{span.context.span_id:016x}"]
        assert row["start_ns"] == span.start_time
        assert row["environment"] == "test"
        assert row["tags"] == {"plan": "gold"}
    (failed,) = [row for row in rows.values() if row["outcome"] == "failed"]
    page = http.get(f"/api/calls/{failed['span_id']}").json()
    assert [event["name"] for event in page["events"]] == [semconv.EVENT_EXCEPTION]
    summed = http.get("/api/summary").json()["totals"]
    assert (summed["calls"], summed["errors"]) == (3, 1)
    expected = sum(e.usage["input_tokens"] for e in api.ledger if e.usage)
    assert summed["input_tokens"] == expected


def test_an_answer_means_it_is_on_disk(http, backend, tmp_path):
    for number, body in enumerate(traffic(40).requests(size=10), start=1):
        assert http.post("/v1/traces", content=body, headers=PROTOBUF).status_code == 200
        # What another process would find after a kill: file and log as they are.
        copy = tmp_path / f"copy{number}.duckdb"
        for end in ("", ".wal"):
            there = tmp_path / f"calls.duckdb{end}"
            if there.exists():
                copy.with_name(copy.name + end).write_bytes(there.read_bytes())
        with duckdb.connect(str(copy)) as other:
            assert other.execute("SELECT count(*) FROM calls").fetchone() == (number * 10,)


def test_the_same_again_adds_nothing(http, backend):
    bodies = list(traffic(100).requests(size=50))
    for body in [*bodies, *bodies, bodies[1]]:
        assert http.post("/v1/traces", content=body, headers=PROTOBUF).status_code == 200
    assert backend.store.rows("SELECT count(*) AS n FROM calls") == [{"n": 100}]
    health = http.get("/health").json()
    assert (health["stored_items"], health["duplicate_items"]) == (100, 150)


def test_the_same_twice_in_one_request_is_there_once(http, backend):
    message = ExportTraceServiceRequest.FromString(next(traffic(3).requests()))
    message.resource_spans.add().CopyFrom(message.resource_spans[0])
    http.post("/v1/traces", content=message.SerializeToString(), headers=PROTOBUF)
    assert backend.store.rows("SELECT count(*) AS n FROM calls") == [{"n": 3}]


def test_exporters_at_the_same_time_lose_nothing(http, backend, server):
    bodies = [body for seed in range(4) for body in traffic(600, seed=seed).requests(size=60)] * 2
    with ThreadPoolExecutor(8) as pool:
        statuses = list(
            pool.map(
                lambda body: http.post("/v1/traces", content=body, headers=PROTOBUF).status_code,
                bodies,
            )
        )
    assert set(statuses) == {200}
    assert backend.store.rows("SELECT count(*) AS n FROM calls") == [{"n": 2400}]


@pytest.mark.parametrize(
    ("pack", "encoding"),
    [(gzip.compress, "gzip"), (DEFLATE, "deflate"), (lambda body: body, "identity")],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_encodings_and_media(http, backend, pack, encoding, as_json):
    body, media = next(traffic(5).requests()), wire.PROTOBUF
    if as_json:
        body, media = in_json(body), wire.JSON
    headers = {"content-type": f"{media}; charset=utf-8", "content-encoding": encoding}
    answer = http.post("/v1/traces", content=pack(body), headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media
    if as_json:
        assert answer.json() == {}
    else:
        assert ExportTraceServiceResponse.FromString(answer.content).ByteSize() == 0
    (row,) = backend.store.rows(
        "SELECT count(*) AS n, min(length(trace_id)) AS t, min(length(span_id)) AS s FROM calls"
    )
    assert row == {"n": 5, "t": 32, "s": 16}


def in_json(body: bytes) -> bytes:
    """OTLP's JSON: ids are hexadecimal there."""
    message = ExportTraceServiceRequest.FromString(body)
    value = json_format.MessageToDict(message)
    spans = [s for g in message.resource_spans for c in g.scope_spans for s in c.spans]
    said = [s for g in value["resourceSpans"] for c in g["scopeSpans"] for s in c["spans"]]
    for span, target in zip(spans, said, strict=True):
        target["traceId"], target["spanId"] = span.trace_id.hex(), span.span_id.hex()
    return json.dumps(value).encode()


def test_both_media_store_the_same(http, backend):
    body = next(traffic(20).requests())
    http.post("/v1/traces", content=body, headers=PROTOBUF)
    columns = "* EXCLUDE (received_ns)"
    before = backend.store.rows(f"SELECT {columns} FROM calls ORDER BY span_id")
    with backend.store.writing() as cursor:
        cursor.execute("DELETE FROM calls")
    http.post("/v1/traces", content=in_json(body), headers={"content-type": "application/json"})
    assert backend.store.rows(f"SELECT {columns} FROM calls ORDER BY span_id") == before


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/v1/traces", b"\xff\xff not protobuf", {}, 400),
        ("/v1/metrics", b"\x0a\x7f", {}, 400),
        ("/v1/logs", b"\x00", {}, 400),
        ("/v1/traces", b"not gzip", {"content-encoding": "gzip"}, 400),
        ("/v1/traces", gzip.compress(b"x" * 99)[:-9], {"content-encoding": "gzip"}, 400),
        ("/v1/traces", gzip.compress(b"") * 101, {"content-encoding": "gzip"}, 400),
        ("/v1/traces", b"", {"content-encoding": "br"}, 415),
        ("/v1/traces", b"{}", {"content-type": "text/plain"}, 415),
        ("/v1/traces", b"[]", {"content-type": "application/json"}, 400),
        ("/v1/traces", b'{"resourceSpans": 7}', {"content-type": "application/json"}, 400),
        ("/v1/traces", b"[" * 100_000, {"content-type": "application/json"}, 400),
        (
            "/v1/traces",
            b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz"}]}]}]}',
            {"content-type": "application/json"},
            400,
        ),
        ("/v1/traces", gzip.compress(bytes(wire.MAX_BODY + 1)), {"content-encoding": "gzip"}, 413),
        ("/v1/traces", bytes(wire.MAX_BODY + 1), {}, 413),
        ("/v1/profiles", b"", {}, 404),
    ],
)
def test_refuses(http, backend, path, body, headers, status):
    answer = http.post(path, content=body, headers={**PROTOBUF, **headers})
    assert answer.status_code == status
    assert http.get("/health").json()["rejected_requests"] == 1
    assert backend.store.rows("SELECT count(*) AS n FROM calls") == [{"n": 0}]


def test_spans_that_cannot_be_are_counted_and_the_others_kept(http, backend):
    message = ExportTraceServiceRequest.FromString(next(traffic(4).requests()))
    spans = message.resource_spans[0].scope_spans[0].spans
    spans[0].trace_id = b"short"
    spans[1].start_time_unix_nano = 0
    spans[2].start_time_unix_nano = 2**64 - 1
    answer = http.post("/v1/traces", content=message.SerializeToString(), headers=PROTOBUF)
    assert answer.status_code == 200
    said = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert said.rejected_spans == 3
    assert said.error_message
    assert backend.store.rows("SELECT count(*) AS n FROM calls") == [{"n": 1}]


def test_too_many_items_are_refused(http):
    message = ExportTraceServiceRequest()
    spans = message.resource_spans.add().scope_spans.add().spans
    for _ in range(50_001):
        spans.add()
    body = message.SerializeToString()
    assert http.post("/v1/traces", content=body, headers=PROTOBUF).status_code == 413


def test_overload_asks_the_exporter_to_come_again(http, backend, monkeypatch):
    from otel_claude.local import writer

    monkeypatch.setattr(writer, "_MOST_BYTES", 1)
    monkeypatch.setattr(backend.writer, "_bytes", 1)
    answer = http.post("/v1/traces", content=next(traffic(1).requests()), headers=PROTOBUF)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    monkeypatch.undo()
    assert (
        http.post("/v1/traces", content=next(traffic(1).requests()), headers=PROTOBUF).status_code
        == 200
    )


def test_what_cannot_be_written_is_not_acknowledged_and_takes_nothing_with_it(
    http, backend, monkeypatch
):
    from otel_claude.local import writer

    insert, broken = writer._insert, next(traffic(1, seed=5).requests())
    bad = ExportTraceServiceRequest.FromString(broken)
    name = bad.resource_spans[0].scope_spans[0].spans[0].span_id.hex()

    def failing(cursor, table, rows):
        if name in rows.column("span_id").to_pylist():
            raise duckdb.IOException("no room on the disk")
        return insert(cursor, table, rows)

    monkeypatch.setattr(writer, "_insert", failing)
    good = next(traffic(3).requests())
    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(
                lambda body: http.post("/v1/traces", content=body, headers=PROTOBUF).status_code,
                [broken, good],
            )
        )
    assert answers == [500, 200]
    health = http.get("/health").json()
    assert health["status"] == "degraded"
    assert "no room" in health["last_error"]
    assert health["calls"] == 3
    monkeypatch.undo()
    assert http.post("/v1/traces", content=broken, headers=PROTOBUF).status_code == 200
    assert http.get("/health").json()["calls"] == 4


def test_log_records_of_others_are_acknowledged_and_passed_over(http, backend):
    message = ExportLogsServiceRequest()
    record = message.resource_logs.add().scope_logs.add().log_records.add()
    record.body.string_value = "hello"
    record.time_unix_nano = time.time_ns()
    answer = http.post("/v1/logs", content=message.SerializeToString(), headers=PROTOBUF)
    assert answer.status_code == 200
    assert backend.store.rows("SELECT count(*) AS n FROM events") == [{"n": 0}]
