"""Kills the server with SIGKILL in the middle of its work, again and again.

`python -m tests.local.crash FILE` forks a server for each line on standard input and says
`pid url`; forking saves the imports.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.traffic import Traffic
from otel_claude.local.store import Store
from tests.local.conftest import PROTOBUF

SENDERS = 3


def ids(body: bytes) -> list[str]:
    return [
        span.span_id.hex()
        for group in ExportTraceServiceRequest.FromString(body).resource_spans
        for scoped in group.scope_spans
        for span in scoped.spans
    ]


@dataclass
class Sender:
    """An exporter: what it got no answer to, it sends again, to whichever server is there."""

    seed: int
    acknowledged: set[str] = field(default_factory=set)
    unanswered: bytes | None = None
    repeated: int = 0

    def bodies(self):
        number = 0
        while True:
            number += 1
            start = time.time_ns()
            yield from Traffic(60, start, 60, seed=self.seed * 100_000 + number).requests(20)

    def send_until_dead(self, url: str, bodies) -> None:
        with httpx2.Client(base_url=url, trust_env=False, timeout=30) as http:
            while True:
                body = self.unanswered or next(bodies)
                self.repeated += self.unanswered is not None
                self.unanswered = body
                try:
                    answer = http.post("/v1/traces", content=body, headers=PROTOBUF)
                except httpx2.TransportError:
                    return
                assert answer.status_code == 200, answer.text
                self.acknowledged.update(ids(body))
                self.unanswered = None


def check(path: str, senders: list[Sender]) -> int:
    """The file opens, everything acknowledged is there, nothing twice; how many there are."""
    store = Store(path)
    try:
        stored = [row["span_id"] for row in store.rows("SELECT span_id FROM calls")]
    finally:
        store.close()
    assert len(stored) == len(set(stored)), "a span is there twice"
    for sender in senders:
        assert sender.acknowledged <= set(stored), "an acknowledged span is lost"
    return len(stored)


def crash(path: str, rounds: int) -> tuple[int, int]:
    """Kill the server so often; how many spans are stored, how many requests were repeated."""
    chance = random.Random(rounds)
    senders = [Sender(seed) for seed in range(1, SENDERS + 1)]
    streams = [sender.bodies() for sender in senders]
    factory: Any = subprocess.Popen(
        [sys.executable, "-m", "tests.local.crash", path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for number in range(rounds):
            factory.stdin.write("\n")
            factory.stdin.flush()
            pid, url = factory.stdout.readline().split()
            threads = [
                threading.Thread(target=sender.send_until_dead, args=(url, bodies))
                for sender, bodies in zip(senders, streams, strict=True)
            ]
            before = sum(len(sender.acknowledged) for sender in senders)
            for thread in threads:
                thread.start()
            # Anywhere within the work: at least something was acknowledged.
            while sum(len(sender.acknowledged) for sender in senders) == before:
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.1))
            os.kill(int(pid), signal.SIGKILL)
            for thread in threads:
                thread.join()
            if number % 10 == 9:
                check(path, senders)
        return check(path, senders), sum(sender.repeated for sender in senders)
    finally:
        factory.stdin.close()
        factory.wait(30)
        factory.stdout.close()


def main() -> None:
    from otel_claude.local.backend import Backend
    from otel_claude.local.server import Server, listen

    path = sys.argv[1]
    for _ in sys.stdin:
        pid = os.fork()
        if not pid:
            listener = listen("127.0.0.1", 0, token=None)
            server = Server(Backend(path), listener)
            sys.stdout.write(f"{os.getpid()} {server.url}\n")
            sys.stdout.flush()
            server.run()
            os._exit(0)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
