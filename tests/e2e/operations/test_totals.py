"""Panels, rules and alerts add up where `increase()` does not: short lives, restarts, forks."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from otel_claude import semconv
from otel_claude.testing import Emulator
from tests.e2e.collector.launch import bill_of, environment, finish, launch
from tests.e2e.collector.sink import Sink
from tests.e2e.operations import stack
from tests.e2e.operations.dashboards import queries, timed
from tests.e2e.servers import eventually
from tools.operations.names import label

HERE = Path(__file__).parent
SCALE = 1 / 12
JOBS, AT_ONCE = 50, 5


def _panel(name: str, title: str) -> str:
    (found,) = [a.expr for a in queries(name) if a.where.split(": ", 1)[1] == f"{title} (A)"]
    return found


@pytest.mark.parametrize("temporality", ["cumulative", "delta"])
def test_short_lives_restarts_and_forks_equal_the_ledger(tmp_path, temporality):
    """50 processes of seconds, a service that restarts under the same name, forked workers."""
    preference = {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": temporality}
    with Sink() as sink, stack.gateway(tmp_path, sink.env) as collector:
        _, server = stack.prometheus(tmp_path, collector, SCALE)
        with server, Emulator() as api:
            start = time.time()
            env = environment(api, collector.otlp, **preference)
            jobs = [
                {**env, "OTEL_SERVICE_NAME": "jobs", "JOB": str(number)} for number in range(JOBS)
            ]
            for first in range(0, JOBS, AT_ONCE):
                batch = jobs[first : first + AT_ONCE]
                finish([launch(HERE / "job.py", 2, env=one) for one in batch])
            web = {**env, "OTEL_SERVICE_NAME": "web", "JOB": "web"}
            if temporality == "delta":
                # As a container has that restarts in its pod. With cumulative sums the collector
                # cannot tell 3 after 9 calls from 12: there each life needs a name of its own.
                web["OTEL_RESOURCE_ATTRIBUTES"] = "service.instance.id=web-0"
            for calls in (9, 3, 6):
                finish([launch(HERE / "job.py", calls, env=web)])
            forks = {**env, "OTEL_SERVICE_NAME": "forks"}
            subprocess.run([sys.executable, str(HERE / "forks.py"), "4"], env=forks, check=True)
            calls = len([entry for entry in api.ledger if entry.path.endswith("messages")])
            failed = len([entry for entry in api.ledger if entry.status >= 400])
            bill = bill_of(api)
            recorded = "sum(sum_over_time(claude:requests:increase[1h]))"
            eventually(lambda: server.value(recorded), lambda n: n >= calls * 0.99)
            span = f"{round(time.time() - start) + 30}s"
            for board, title, truth in (
                ("otel-claude-overview", "Calls", calls),
                ("otel-claude-overview", "Spend", float(bill.usd)),
                ("otel-claude-cost", "Spend", float(bill.usd)),
                ("otel-claude-errors", "Failed calls", failed),
                ("otel-claude-overview", "Failed", failed / calls),
            ):
                expr = timed(_panel(board, title), "20s", span)
                assert server.value(expr) == pytest.approx(truth, rel=0.01), (board, title)
            spent = label(semconv.TENANT)
            tenants = server.query(
                f"sum by ({spent}) (sum_over_time(claude:spend_usd:1h[2m]) > 0) > 0"
            )
            assert {labels.get(spent) for labels, _ in tenants} >= {f"t{n}" for n in range(JOBS)}
            assert stack.missed(server) == 0
