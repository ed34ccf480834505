"""OTLP written by hand, as JSON (ids in hexadecimal), for what no program of ours would send."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

import requests

Json = dict[str, Any]
CUMULATIVE, DELTA = 2, 1


def value(of: Any) -> Json:
    """A value as OTLP writes it."""
    if isinstance(of, dict):
        return {"kvlistValue": {"values": attributes(of)}}
    if isinstance(of, list):
        return {"arrayValue": {"values": [value(item) for item in of]}}
    if isinstance(of, float):
        return {"doubleValue": of}
    return {"intValue": str(of)} if isinstance(of, int) else {"stringValue": of}


def attributes(pairs: Json) -> list[Json]:
    """Attributes as OTLP writes them."""
    return [{"key": key, "value": value(of)} for key, of in pairs.items()]


def span(name: str, trace_id: str = "", *, status: int = 0, **more: Any) -> Json:
    """A span that has just ended; `attributes` are a plain mapping, ids are made up."""
    now = time.time_ns()
    pairs = more.pop("attributes", {})
    return {
        "traceId": trace_id or secrets.token_hex(16),
        "spanId": secrets.token_hex(8),
        "name": name,
        "kind": 3,
        "startTimeUnixNano": str(now - 10**6),
        "endTimeUnixNano": str(now),
        "status": {"code": status},
        "attributes": attributes(pairs),
        **more,
    }


def traces(spans: list[Json], *, service: str = "shop", scope: str = "otel_claude") -> Json:
    """An export request of one service and one instrumentation."""
    resource = {"attributes": attributes({"service.name": service, "service.instance.id": "1"})}
    scopes = [{"scope": {"name": scope}, "spans": spans}]
    return {"resourceSpans": [{"resource": resource, "scopeSpans": scopes}]}


def log(body: Any, *, scope: str = "shop", **more: Any) -> Json:
    """An export request of one log record; `attributes` are a plain mapping."""
    pairs = attributes(more.pop("attributes", {}))
    record = {"timeUnixNano": str(time.time_ns()), "body": value(body), "attributes": pairs, **more}
    resource = {"attributes": attributes({"service.name": "shop"})}
    scopes = [{"scope": {"name": scope}, "logRecords": [record]}]
    return {"resourceLogs": [{"resource": resource, "scopeLogs": scopes}]}


def counter(name: str, points: list[tuple[float, Json]], *, temporality: int, **on: Any) -> Json:
    """An export request of one counter: (value, attributes) per point; `on` is the resource."""
    now = time.time_ns()
    made = [
        {
            "asDouble": number,
            "attributes": attributes(pairs),
            "startTimeUnixNano": str(now - 10**9),
            "timeUnixNano": str(now),
        }
        for number, pairs in points
    ]
    data = {"aggregationTemporality": temporality, "isMonotonic": True, "dataPoints": made}
    resource = {"attributes": attributes({key.replace("__", "."): of for key, of in on.items()})}
    scopes = [{"scope": {"name": "test"}, "metrics": [{"name": name, "sum": data}]}]
    return {"resourceMetrics": [{"resource": resource, "scopeMetrics": scopes}]}


def send(address: str, signal: str, document: Json) -> None:
    """Post an export request; the whole of it has to be accepted."""
    answer = requests.post(
        f"{address}/v1/{signal}",
        data=json.dumps(document),
        headers={"content-type": "application/json"},
        timeout=60,
    )
    assert answer.ok, answer.text
    assert answer.json().get("partialSuccess", {}) == {}, answer.text
