"""Real Redis servers, started by the tests that need them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

redis = pytest.importorskip("redis")

PROGRAM = shutil.which("redis-server")
_HIGHEST = 65_535 - 10_000  # servers of a cluster talk to each other on a port so much higher


class Server:
    """A Redis server that can be stopped, paused, filled and started again."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._options = options
        self.port = _HIGHEST + 1
        while self.port > _HIGHEST:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        """Start it, empty."""
        assert PROGRAM is not None
        options = ("--save", "", "--appendonly", "no", "--bind", "127.0.0.1", *self._options)
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "--port", str(self.port), "--dir", str(self._folder), *options],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 20
        while True:
            try:
                self.client().ping()
            except redis.RedisError:
                assert time.monotonic() < deadline, "redis-server does not answer"
                time.sleep(0.01)
            else:
                return

    def client(self) -> Any:
        return redis.Redis.from_url(self.url, socket_timeout=10)

    def stop(self) -> None:
        self.go_on()
        self._process.terminate()
        self._process.wait(20)

    def pause(self) -> None:
        """Connections stay, and nothing answers."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def commands(self) -> dict[str, int]:
        """Command -> how often it was run from outside, what scripts and tests ask aside."""
        info = self.client().info("commandstats")
        return {
            name.removeprefix("cmdstat_"): said["calls"]
            for name, said in info.items()
            if name.removeprefix("cmdstat_") in ("evalsha", "eval", "script|load", "get", "set")
        }


@pytest.fixture
def needs_redis() -> None:
    if PROGRAM is None:
        why = "no redis-server on the PATH (Debian: apt-get install redis-server)"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)


@pytest.fixture
def server(needs_redis: None, tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def cluster(needs_redis: None, tmp_path: Path) -> Iterator[Server]:
    """One node with all slots: it refuses scripts whose keys are in several, as any cluster does."""
    made = Server(tmp_path, "--cluster-enabled", "yes")
    client = made.client()
    client.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
    deadline = time.monotonic() + 20
    while b"cluster_state:ok" not in client.execute_command("CLUSTER", "INFO"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield made
    made.stop()
