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
from tools.operations.names import label

HERE = Path(__file__).parent
SCALE = 1 / 12
JOBS, AT_ONCE = 50, 5


def _panel(name: str, title: str) -> str:
    asked = [a for a in queries(name) if a.kind == "stat" and a.where.endswith(f": {title} (A)")]
    (found,) = asked
    return found.expr


def run(api: Emulator, otlp: str) -> None:
    """Every second process sends deltas, as documented for those that restart under one name."""
    env = environment(api, otlp)
    delta = {**env, "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta"}
    for first in range(0, JOBS, AT_ONCE):
        batch = [
            {**(delta if number % 2 else env), "OTEL_SERVICE_NAME": "jobs", "JOB": str(number)}
            for number in range(first, first + AT_ONCE)
        ]
        finish([launch(HERE / "job.py", 2, env=one) for one in batch])
    restarting = {**delta, "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=web-0"}
    for web in (env, restarting):
        for calls in (9, 3, 6):
            named = {**web, "OTEL_SERVICE_NAME": "web", "JOB": "web"}
            finish([launch(HERE / "job.py", calls, env=named)])
    for server in (env, delta):
        forks = {**server, "OTEL_SERVICE_NAME": "forks"}
        subprocess.run([sys.executable, str(HERE / "forks.py"), "4"], env=forks, check=True)


@pytest.mark.timeout(1200)  # some 70 programs are started
def test_short_lives_restarts_and_forks_equal_the_ledger(tmp_path):
    with Sink() as sink, stack.gateway(tmp_path, sink.env) as collector:
        _, server = stack.prometheus(tmp_path, collector, SCALE)
        with server, Emulator() as api:
            start = time.time()
            run(api, collector.otlp)
            calls = len(api.ledger)
            failed = len([entry for entry in api.ledger if entry.status >= 400])
            usd = float(bill_of(api).usd)
            stack.recorded(server, calls)
            span = f"{round(time.time() - start) + 30}s"
            for board, title, truth in (
                ("otel-claude-overview", "Calls", calls),
                ("otel-claude-overview", "Spend", usd),
                ("otel-claude-cost", "Spend", usd),
                ("otel-claude-errors", "Failed calls", failed),
                ("otel-claude-overview", "Failed", failed / calls),
            ):
                expr = timed(_panel(board, title), "20s", span)
                assert server.value(expr) == pytest.approx(truth, rel=0.01), (board, title)
            tenant = label(semconv.TENANT)
            spent = server.query(f"sum by ({tenant}) (max_over_time(claude:spend_usd:1h[1h])) > 0")
            assert {labels.get(tenant) for labels, _ in spent} >= {f"t{n}" for n in range(JOBS)}
            assert stack.missed(server) == 0
