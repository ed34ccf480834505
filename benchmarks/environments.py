"""Environments for the other packages: one each, kept outside of the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.subjects import NotAvailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.subjects import Subject


def cache() -> Path:
    """Where environments are kept: `OTEL_CLAUDE_BENCHMARKS`, or a folder of the user's cache."""
    if chosen := os.environ.get("OTEL_CLAUDE_BENCHMARKS"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "otel-claude-benchmarks"


def python_of(subject: Subject) -> str:
    """The interpreter for a subject, whose environment is made where there is none yet.

    The SDK and OpenTelemetry have the versions that the benchmark itself runs with, where the
    package agrees with them, else the newest that it agrees with.

    Raises:
        NotAvailableError: its package cannot be installed; the message is the installer's.
    """
    if subject.distribution is None:
        return sys.executable
    tag = f"{sys.implementation.cache_tag}-{version('anthropic')}-{version('opentelemetry-sdk')}"
    folder = cache() / f"{subject.name}-{tag}"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if (folder / "installed").exists():
        return str(python)
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=_uv() is None)
    same = [f"{name}=={version(name)}" for name in ("anthropic", "opentelemetry-sdk")]
    if _install(python, [subject.distribution, *same]) is not None:
        reason = _install(python, [subject.distribution, "anthropic", "opentelemetry-sdk"])
        if reason is not None:
            raise NotAvailableError(f"{subject.distribution} cannot be installed: {reason}")
    (folder / "installed").touch()
    return str(python)


def _uv() -> str | None:
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


def _install(python: Path, requirements: Sequence[str]) -> str | None:
    """Install, and why that failed; None where it did not."""
    uv = _uv()
    command = (
        [str(python), "-m", "pip", "install"]
        if uv is None
        else [uv, "pip", "install", "--python", str(python)]
    )
    run = subprocess.run(
        [*command, "--quiet", *requirements], capture_output=True, text=True, check=False
    )
    if run.returncode == 0:
        return None
    words = (run.stderr or run.stdout).strip().splitlines()
    return words[-1].strip() if words else "without a word"
