"""`python -m benchmarks local`: what the embedded backend takes, keeps and answers.

Ingest with four exporter processes at once, size on disk, and every question of the dashboard at
a million calls. The exporters send requests that were encoded beforehand: what is measured is
the server, on the same two cores.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.traffic import SECOND, Traffic
from otel_claude.local.rows import spans_of
from otel_claude.local.store import Store
from otel_claude.local.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

EXPORTERS = 4
QUESTIONS = (
    "summary",
    "facets",
    "costs?by=model",
    "costs?by=feature",
    "costs?by=user",
    "costs?by=session",
    "costs?by=tag.experiment",
    "timeseries",
    "timeseries?by=model",
    "timeseries?by=feature&model=claude-haiku-4-5",
    "calls",
    "calls?sort=cost&show=expensive",
    "calls?show=slow",
    "calls?show=failed",
    "calls?offset=100000",
    "latency",
    "latency?by=feature",
    "errors",
    "usage",
    "tokens/window",
    "tokens/daily",
    "evaluations",
    "budgets",
    "forecast",
    "anomalies",
    "savings",
    "cache-misses",
    "sessions",
    "weekly",
    "reliability",
    "compare?by=model",
    "compare?by=tag.experiment",
)


@dataclass
class Limits:
    """What has to hold."""

    spans_a_second: float = 5_000
    bytes_a_call: float = 1_500
    seconds_a_question: float = 0.3


def main(calls: int = 1_000_000, ingested: int = 100_000) -> int:
    """Measure and print; 1 where a limit does not hold."""
    limits = Limits()
    with tempfile.TemporaryDirectory() as folder:
        rate, stored, size = ingest(Path(folder) / "ingest.duckdb", ingested)
        good = stored == ingested and rate >= limits.spans_a_second
        good = good and size / stored <= limits.bytes_a_call
        print(f"ingest: {rate:,.0f} spans/s from {EXPORTERS} exporters, {stored:,} of {ingested:,}")
        print(f"disk:   {size / stored * 100_000 / 1e6:,.1f} MB for 100,000 calls")
        path = Path(folder) / "large.duckdb"
        fill(path, calls)
        print(f"questions at {calls:,} calls within 30 days, milliseconds (best of 3):")
        for question, seconds in ask(path):
            good = good and seconds <= limits.seconds_a_question
            print(f"  {seconds * 1000:7.0f}  /api/{question}")
    print("all within limits" if good else "a limit does not hold")
    return 0 if good else 1


@contextlib.contextmanager
def serving(path: Path) -> Iterator[str]:
    """`otel-claude up` in a process of its own; its address."""
    command = "from otel_claude.cli import main; main()"
    given = ["up", "--db", str(path), "--port", "0", "--keep-days", "0"]
    process = subprocess.Popen(
        [sys.executable, "-c", command, *given], stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        yield process.stderr.readline().split()[1]
    finally:
        process.terminate()
        process.wait()


def ingest(path: Path, calls: int) -> tuple[float, int, int]:
    """Spans a second, spans stored, bytes on disk."""
    each = calls // EXPORTERS
    start = multiprocessing.get_context("spawn")
    with serving(path) as url:
        ready, go = start.Barrier(EXPORTERS + 1), start.Barrier(EXPORTERS + 1)
        exporters = [
            start.Process(target=_export, args=(url, each, seed, ready, go))
            for seed in range(EXPORTERS)
        ]
        for exporter in exporters:
            exporter.start()
        ready.wait()
        began = time.perf_counter()
        go.wait()
        for exporter in exporters:
            exporter.join()
        seconds = time.perf_counter() - began
    store = Store(str(path))
    stored = int(store.rows("SELECT count(DISTINCT span_id) AS n FROM calls")[0]["n"])
    store.checkpoint()
    store.close()
    return each * EXPORTERS / seconds, stored, path.stat().st_size


def _export(url: str, calls: int, seed: int, ready: Any, go: Any) -> None:
    start = time.time_ns() - 3600 * SECOND
    bodies = list(Traffic(calls, start, 3600, seed=seed, service=f"app-{seed}").requests())
    headers = {"content-type": "application/x-protobuf"}
    with httpx2.Client(base_url=url, trust_env=False, timeout=60) as http:
        http.get("/health")
        ready.wait()
        go.wait()
        for body in bodies:
            while http.post("/v1/traces", content=body, headers=headers).status_code == 503:
                time.sleep(0.1)


def fill(path: Path, calls: int) -> None:
    """Calls of the last 30 days: a tenth is made, the rest are copies with other ids and times."""
    store = Store(str(path))
    writer = Writer(store)
    period = 30 * 86_400
    made = calls // 10
    start = time.time_ns() - (period + 60) * SECOND
    for body in Traffic(made, start, period, users=2_000).requests(5_000):
        writer.submit(spans_of(ExportTraceServiceRequest.FromString(body), len(body))).result()
    writer.close()
    with store.writing() as cursor:
        cursor.execute(
            """INSERT INTO calls SELECT c.* REPLACE (
                c.start_ns + r.i * 1000003 AS start_ns,
                md5(c.trace_id || r.i) AS trace_id, left(md5(c.span_id || r.i), 16) AS span_id,
                c.duration * (1 + r.i / 100.0) AS duration)
            FROM calls AS c, range(1, 10) AS r(i) ORDER BY 1"""
        )
    store.checkpoint()
    store.close()


def ask(path: Path) -> Iterator[tuple[str, float]]:
    """Each question with its best time of three, in seconds, over all of the 30 days."""
    with serving(path) as url, httpx2.Client(base_url=url, trust_env=False, timeout=120) as http:
        for question in QUESTIONS:
            sign = "&" if "?" in question else "?"
            times = []
            for _ in range(3):
                began = time.perf_counter()
                answer = http.get(f"/api/{question}{sign}days=31")
                times.append(time.perf_counter() - began)
                if answer.status_code != 200:
                    raise RuntimeError(f"{question}: {answer.status_code} {answer.text[:200]}")
            yield question, min(times)
