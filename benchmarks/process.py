"""A subject's process, from the side of the benchmark."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.subjects import NotAvailableError, environment_of

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from benchmarks.subjects import Subject

ROOT: Final = Path(__file__).resolve().parent.parent


class Process:
    """The worker of a subject, which waits for commands and costs nothing meanwhile.

    Args:
        subject: what it turns on.
        python: the interpreter of the environment it runs in.

    Raises:
        NotAvailableError: the subject could not be turned on; the message says why.
    """

    def __init__(self, subject: Subject, python: str) -> None:
        self.subject = subject
        self.python = python
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.worker", subject.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            cwd=tempfile.gettempdir(),
            env={**environment_of(subject), "PYTHONPATH": str(ROOT)},
        )
        try:
            self._hear()
        except NotAvailableError:
            self.close()
            raise

    def ask(self, do: str, **arguments: Any) -> Any:
        """Have the worker do something, and its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        return self._hear()

    def _hear(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise NotAvailableError(f"its process ended: {self._last_words()}")
        said = json.loads(line)
        if reason := said.get("unavailable"):
            raise NotAvailableError(reason)
        if reason := said.get("error"):
            raise NotAvailableError(reason)
        return said

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = self._log.read().strip().splitlines()
        return lines[-1] if lines else "without a word"

    def close(self) -> None:
        """End the worker."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
