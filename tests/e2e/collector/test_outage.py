"""The trace backend is down and the collector is killed: nothing that it accepted is lost."""

from __future__ import annotations

import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from otel_claude import semconv
from otel_claude.testing import Emulator
from tests.e2e.backends import ONE_FILE, Collector, Prometheus
from tests.e2e.collector.launch import environment, launch
from tests.e2e.collector.otlp import Json, send, span, traces
from tests.e2e.collector.sink import Sink
from tests.e2e.servers import eventually, free_ports

CLOCK = Path(__file__).with_name("clock.py")
QUEUED = "otelcol_exporter_queue_size{"
SLOWER = 2.0  # times: what counts as a change of the application's latency on a shared machine


def spans(number: int) -> Json:
    return traces([span("sent") for _ in range(number)], scope="sender")


class Sender:
    """Sends spans without a pause; `accepted` are those that the collector said 200 to."""

    def __init__(self, otlp: str) -> None:
        self.otlp = otlp
        self.accepted: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)

    def _send(self) -> None:
        while not self._ended.is_set():
            document = spans(20)
            try:
                send(self.otlp, "traces", document)
            except (requests.RequestException, AssertionError):
                continue  # not accepted: the application would try again
            sent = document["resourceSpans"][0]["scopeSpans"][0]["spans"]
            self.accepted += [each["spanId"] for each in sent]
            time.sleep(0.005)

    def __enter__(self) -> Sender:  # noqa: PYI034 - Self came with Python 3.11
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


@contextmanager
def clock(env: dict[str, str]) -> Iterator[list[tuple[float, float]]]:
    """An application that makes calls meanwhile: when each began, and seconds it took."""
    process = launch(CLOCK, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    took: list[tuple[float, float]] = []

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            began, seconds = line.split()
            took.append((float(began), float(seconds)))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield took
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=60)
        reader.join()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def queued(collector: Collector) -> float:
    """Bytes in the queue of the traces exporter, as the collector says itself."""
    lines = requests.get(collector.self_metrics, timeout=10).text.splitlines()
    found = [line for line in lines if line.startswith(QUEUED) and "otlp_http/traces" in line]
    return sum(float(line.split()[-1]) for line in found)


@pytest.mark.timeout(600)
def test_nothing_accepted_is_lost_and_the_application_does_not_notice(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    env = {
        "TRACES_ENDPOINT": f"http://127.0.0.1:{port}",
        "LOGS_ENDPOINT": f"http://127.0.0.1:{port}",
    }
    collector = Collector(tmp_path, env=env)

    def more(sender: Sender, number: int) -> None:
        wanted = len(sender.accepted) + number
        eventually(lambda: len(sender.accepted), lambda n: n >= wanted)

    with Emulator() as api, collector, Prometheus(tmp_path, collector.pages) as prometheus:
        with clock(environment(api, collector.otlp)) as took, Sender(collector.otlp) as sender:

            def further(calls: int) -> None:
                wanted = len(took) + calls
                eventually(lambda: len(took), lambda n: n >= wanted)

            with Sink(port) as first:
                eventually(lambda: len(took), lambda n: n >= 200)
                more(sender, 2000)
            down = time.time()
            more(sender, 5000)
            eventually(lambda: queued(collector), lambda n: n > 10_000)

            collector.stop(signal.SIGKILL)
            further(50)
            collector.start()
            more(sender, 5000)
            further(100)
            up = time.time()
        with Sink(port) as second:
            accepted = set(sender.accepted) - set(first.span_ids)
            eventually(lambda: len(accepted - set(second.span_ids)), lambda lost: lost == 0)
            calls = len(api.ledger)
            counted = "sum(claude_client_requests_total)"
            eventually(lambda: prometheus.value(counted), lambda n: n == calls)
        spans_there = [*first.received.spans, *second.received.spans]
        ours = {span.span_id for span in spans_there if semconv.OUTCOME in span.attributes}

    repeated = len(spans_there) - len({span.span_id for span in spans_there})
    before = [seconds for began, seconds in took if began < down][50:]
    during = [seconds for began, seconds in took if down <= began < up]
    ratio = statistics.median(during) / statistics.median(before)
    print(
        f"{len(sender.accepted)} spans accepted, none lost, {repeated} delivered twice; {len(ours)} of"
        f" the application's {calls} calls have their span; median call"
        f" {statistics.median(before) * 1e3:.2f} ms before, {statistics.median(during) * 1e3:.2f}"
        f" ms during {up - down:.1f} s of outage, {len(took)} calls"
    )
    assert ratio < SLOWER


def test_what_it_cannot_keep_it_does_not_accept(tmp_path: Path) -> None:
    """A full queue is no silent loss: applications are told to try again."""
    tight = tmp_path / "tight.yaml"
    tight.write_text("exporters: {otlp_http/traces: {sending_queue: {queue_size: 600_000}}}")
    nowhere = {"TRACES_ENDPOINT": f"http://127.0.0.1:{free_ports(1)[0]}"}
    with Collector(tmp_path, ONE_FILE, tight, env=nowhere) as collector:

        def refused() -> int:
            answer = requests.post(f"{collector.otlp}/v1/traces", json=spans(500), timeout=30)
            return answer.status_code

        assert eventually(refused, lambda status: status != 200) in (429, 503)
