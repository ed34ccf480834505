"""Real servers for the tests: started on free ports of the loopback interface, stopped by their pid."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, TypeVar

import pytest
import requests

if TYPE_CHECKING:
    from typing_extensions import Self

ROOT = Path(__file__).parents[2]
_PATIENCE = 120.0  # seconds: a busy machine is no failure
_POLL = 0.05  # seconds

T = TypeVar("T")
S = TypeVar("S", bound="Server")


def missing(reason: str) -> NoReturn:
    """Skip, saying why; in CI fail, because there everything has been installed."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def program(script: str, *arguments: str) -> Path:
    """The file whose path a script of `.ci` prints for `--where`; skips where it is not there."""
    found = subprocess.run(
        ["bash", str(ROOT / ".ci" / script), "--where", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    path = Path(found.stdout.split()[-1])
    if not path.exists():
        missing(f"{path.name} is not installed: run .ci/{script}")
    return path


def free_ports(number: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    sockets = [socket.socket() for _ in range(number)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def eventually(
    found: Callable[[], T], wanted: Callable[[T], object] = bool, patience: float = _PATIENCE
) -> T:
    """Ask until the answer is as wanted, and return it; fail with the last answer when it never is.

    An answer that is an error of the network counts as not yet.
    """
    last: object = None
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            last = answer = found()
        except requests.RequestException as error:
            last = error
        else:
            if wanted(answer):
                return answer
        time.sleep(_POLL)
    pytest.fail(f"still {last!r} after {patience:.0f} s")


class Server:
    """A process that is up when a URL answers 200; its output goes to a file.

    with Server("prometheus", [...], ready="http://.../-/ready", folder=tmp_path) as server: ...
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        ready: str,
        folder: Path,
        env: Mapping[str, str] | None = None,
        patience: float = _PATIENCE,
    ) -> None:
        self.name = name
        self.patience = patience
        self.command = [str(part) for part in command]
        self.ready = ready
        self.folder = folder
        self.log = folder / f"{name}.log"
        self.env = {**os.environ, **(env or {})}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=self.folder, env=self.env, stdout=log, stderr=log
            )
        until = time.monotonic() + self.patience
        while time.monotonic() < until:
            if self.process.poll() is not None:
                pytest.fail(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")
            try:
                if requests.get(self.ready, timeout=5).status_code == 200:
                    return
            except requests.RequestException:
                pass
            time.sleep(_POLL)
        self.stop()
        pytest.fail(f"{self.name} did not answer at {self.ready}:\n{self.tail()}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it and wait for that; with SIGKILL where it does not heed the signal."""
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def tail(self) -> str:
        """The end of what it wrote."""
        return self.log.read_text(errors="replace")[-4000:]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
