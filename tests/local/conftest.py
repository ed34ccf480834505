"""A backend behind a real address, and clients for it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx2
import pytest

pytest.importorskip("duckdb")
pytest.importorskip("fastapi")

from benchmarks.traffic import Traffic
from otel_claude.local.backend import Backend
from otel_claude.local.server import Server, listen

PROTOBUF = {"content-type": "application/x-protobuf"}


@pytest.fixture
def backend(tmp_path) -> Iterator[Backend]:
    made = Backend(str(tmp_path / "calls.duckdb"))
    yield made
    made.close()


@pytest.fixture
def server(backend) -> Iterator[Server]:
    with Server(backend, listen("127.0.0.1", 0, token=None)) as running:
        yield running


@pytest.fixture
def http(server) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, trust_env=False, timeout=30) as client:
        yield client


def traffic(calls: int, *, hours: float = 20, seed: int = 0, **more) -> Traffic:
    """Calls that ended shortly before now."""
    seconds = hours * 3600
    start = time.time_ns() - int((seconds + 60) * 1e9)
    return Traffic(calls, start, seconds, seed=seed, **more)


def send(http: httpx2.Client, sent: Traffic) -> None:
    for body in sent.requests():
        assert http.post("/v1/traces", content=body, headers=PROTOBUF).status_code == 200
