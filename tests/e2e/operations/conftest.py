"""One Prometheus filled by the demo's workload through the collector, for all tests that ask it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from otel_claude.testing import Emulator
from tests.e2e.backends import Prometheus
from tests.e2e.collector.launch import WORKLOAD, Bill, bill_of, environment, finish, launch
from tests.e2e.collector.sink import Sink
from tests.e2e.operations import rare, stack
from tools.operations.thresholds import Thresholds

HERE = Path(__file__).parent
SCALE = 1 / 12
CALLS, PROCESSES = 60, 4


@dataclass
class Filled:
    """What was sent, and where it can be asked for.

    Attributes:
        start: when the first call was made, seconds since the epoch.
        calls: how many were made.
    """

    prometheus: Prometheus
    limits: Thresholds
    sink: Sink
    bill: Bill
    start: float
    calls: int


@pytest.fixture(scope="package")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    folder = tmp_path_factory.mktemp("filled")
    with Sink() as sink, stack.gateway(folder, sink.env, stack.BROKEN) as collector:
        limits, server = stack.prometheus(folder, collector, SCALE)
        with server, Emulator() as api:
            start = time.time()
            env = environment(api, collector.otlp)
            # No instrumentation: it sends what it wants to send itself.
            feeds = {**env, "OTEL_METRICS_EXPORTER": "none"}
            delta = {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta"}
            jobs = environment(api, collector.otlp, OTEL_SERVICE_NAME="jobs", **delta)
            fed = launch(HERE / "feed.py", 10, env=feeds)
            finish(
                [
                    launch(WORKLOAD, CALLS, seed, env=jobs if seed % 2 else env)
                    for seed in range(PROCESSES)
                ]
            )
            finish([launch(HERE / "rare.py", env=env)])
            finish([fed])
            calls = CALLS * PROCESSES + len(rare.CALLS)
            stack.recorded(server, calls)
            yield Filled(server, limits, sink, bill_of(api, {rare.UNPRICED}), start, calls)
