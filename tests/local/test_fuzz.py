"""Whatever is sent: a 4xx, or it is stored, cut where it is too long. The server stays up."""

from __future__ import annotations

import gzip
import json
import resource
import time

import httpx2
import pytest
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings, strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_claude import semconv
from otel_claude.local import wire
from otel_claude.local.backend import Backend
from otel_claude.local.rows import DECODERS
from otel_claude.local.server import Server, listen
from tests.local.conftest import PROTOBUF, traffic

ONE = next(traffic(3).requests())


@pytest.fixture(scope="module")
def http():
    backend = Backend()
    with Server(backend, listen("127.0.0.1", 0, token=None)) as running:
        with httpx2.Client(base_url=running.url, trust_env=False, timeout=60) as client:
            yield client
    backend.close()


FEW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def healthy(http):
    assert http.get("/api/summary").status_code == 200
    assert http.get("/health").json()["status"] == "ok"


@FEW
@given(
    signal=st.sampled_from(["traces", "logs", "metrics"]),
    cut=st.integers(0, len(ONE)),
    flips=st.lists(st.tuples(st.integers(0, len(ONE) - 1), st.integers(0, 255)), max_size=20),
)
def test_broken_protobuf(http, signal, cut, flips):
    body = bytearray(ONE)
    for place, value in flips:
        body[place] = value
    answer = http.post(f"/v1/{signal}", content=bytes(body[:cut]), headers=PROTOBUF)
    assert answer.status_code in (200, 400)
    healthy(http)


_VALUES = st.recursive(
    st.one_of(
        st.text(max_size=30).map(lambda text: {"stringValue": text}),
        st.integers(-(2**63), 2**63 - 1).map(lambda number: {"intValue": str(number)}),
        st.floats().map(lambda number: {"doubleValue": repr(number)}),
        st.booleans().map(lambda yes: {"boolValue": yes}),
        st.binary(max_size=5).map(lambda raw: {"bytesValue": raw.hex() * 4}),
        st.just({}),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: {"arrayValue": {"values": items}}),
        st.dictionaries(st.text(max_size=5), inner, max_size=3).map(
            lambda items: {
                "kvlistValue": {"values": [{"key": k, "value": v} for k, v in items.items()]}
            }
        ),
    ),
    max_leaves=6,
)
_NAMES = st.one_of(
    st.sampled_from([a.name for a in semconv.SPAN_ATTRIBUTES]),
    st.sampled_from([semconv.INPUT_MESSAGES, semconv.TAG_PREFIX + "k"]),
    st.text(max_size=20),
)


def spans(attributes, start):
    chat = {"key": semconv.OPERATION_NAME, "value": {"stringValue": "chat"}}
    span = {
        "traceId": "01" * 16,
        "spanId": f"{start:016x}",
        "name": "x",
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": "5",
        "attributes": [chat, *attributes],
    }
    scoped = {"scope": {"name": semconv.SCOPE}, "spans": [span]}
    return {"resourceSpans": [{"scopeSpans": [scoped]}]}


@FEW
@given(
    attributes=st.lists(
        st.builds(lambda key, value: {"key": key, "value": value}, _NAMES, _VALUES), max_size=8
    ),
)
def test_attributes_of_wrong_types(http, attributes):
    body = json.dumps(spans(attributes, time.time_ns())).encode()
    answer = http.post("/v1/traces", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 400), answer.text
    healthy(http)
    for path in ("calls", "costs?by=tag.k", "latency", "timeseries", "usage", "errors"):
        assert http.get(f"/api/{path}").status_code == 200
    for call in http.get("/api/calls?limit=1").json()["calls"]:
        assert http.get(f"/api/calls/{call['id']}").status_code == 200


def test_huge_attributes_are_stored_cut(http):
    huge = "x" * 5_000_000
    attributes = [
        {"key": name, "value": {"stringValue": huge}}
        for name in (semconv.FEATURE, "something", semconv.INPUT_MESSAGES)
    ]
    attributes += [{"key": f"k{n}", "value": {"stringValue": "y" * 500}} for n in range(5_000)]
    value = spans(attributes, time.time_ns())
    value["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["spanId"] = "aa" * 8
    value["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"] = "bb" * 16
    message = json_format.ParseDict(wire._with_bytes(value), ExportTraceServiceRequest())
    body = message.SerializeToString()
    assert http.post("/v1/traces", content=body, headers=PROTOBUF).status_code == 200
    found = http.get(f"/api/calls/{'aa' * 8}")
    assert len(found.content) < 3_000_000
    assert found.json()["call"]["feature"].endswith("[cut, 5000000 characters]")
    assert found.json()["attributes"]["k1"] == "y" * 500
    healthy(http)


def bombs():
    """Small on the wire, large when unpacked or parsed."""
    yield gzip.compress(bytes(300_000_000), 9), {"content-encoding": "gzip"}, 413
    members = gzip.compress(bytes(1_000_000), 9) * 100
    yield members, {"content-encoding": "gzip"}, 413
    # An array of millions of empty values: two bytes each.
    values = b"\x0a\x00" * 8_000_000
    yield gzip.compress(_attribute(values), 9), {"content-encoding": "gzip"}, 200


def _attribute(values):
    def field(number, body):
        length, size = b"", len(body)
        while True:
            size, low = size >> 7, size & 127
            length += bytes([low | (128 if size else 0)])
            if not size:
                break
        return bytes([number << 3 | 2]) + length + body

    pair = field(1, b"k") + field(2, field(5, values))
    ids = field(1, b"\x01" * 16) + field(2, b"\x07" * 8)
    start = bytes([7 << 3 | 1]) + time.time_ns().to_bytes(8, "little")
    span = ids + start + field(9, pair)
    return field(1, field(2, field(2, span)))


@pytest.mark.parametrize("bomb", range(3))
def test_bombs(http, bomb):
    body, headers, status = list(bombs())[bomb]
    answer = http.post("/v1/traces", content=body, headers={**PROTOBUF, **headers})
    assert answer.status_code == status
    healthy(http)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert peak < 2_500, "MB: of this whole test process"


def test_a_deep_message_is_refused(http):
    deep = '{"arrayValue":{"values":[' * 500 + '{"stringValue":"x"}' + "]}}" * 500
    shallow = json.dumps(spans([{"key": "deep", "value": "HERE"}], time.time_ns()))
    body = shallow.replace('"HERE"', deep)
    answer = http.post("/v1/traces", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    healthy(http)


@pytest.mark.parametrize("signal", sorted(DECODERS))
def test_an_empty_request_is_fine(http, signal):
    assert http.post(f"/v1/{signal}", content=b"", headers=PROTOBUF).status_code == 200
