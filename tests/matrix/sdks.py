"""Runs the matrix: one subprocess per SDK version, in that version's own environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

VERSIONS = ("0.51.0", "0.125.0", "1.0.0", "1.17.0", "2.0.0", "2.11.0", "2.14.0")
# A third of a process' time goes by waiting for delays and timeouts.
AT_A_TIME = (os.cpu_count() or 1) + 1

_ROOT = Path(__file__).parents[2]
_SCRIPT = _ROOT / ".ci" / "sdks.sh"


class NoEnvironmentError(Exception):
    """An SDK version has no environment on this machine; the message says how to make it."""


@cache
def environments() -> dict[str, Path]:
    """Version -> its environment, whether that is there or not."""
    told = subprocess.run(
        ["bash", str(_SCRIPT), "--where"],
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return {
        version: Path(path)
        for version, _, path in (s.partition(" ") for s in told.split("\n"))
        if version
    }


def python_of(version: str) -> str:
    """The interpreter of an SDK's environment.

    Raises:
        NoEnvironmentError: it was not made yet.
    """
    env = environments()[version]
    if not (env / ".complete").exists():
        raise NoEnvironmentError(
            f"SDK {version} has no environment here; `PYTHON={sys.executable} .ci/sdks.sh` makes it"
        )
    return str(env / "bin" / "python")


def in_sdk(version: str, module: str, *arguments: str, timeout: float = 600) -> None:
    """Run a module of the tests with an SDK version, on the sources of this checkout.

    Raises:
        NoEnvironmentError: there is no such environment.
        AssertionError: the module failed; with the end of what it printed.
    """
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("ANTHROPIC_", "OTEL_"))}
    done = subprocess.run(
        [python_of(version), "-m", module, *arguments],
        cwd=_ROOT,
        env={**clean, "PYTHONPATH": f"{_ROOT / 'src'}{os.pathsep}{_ROOT}"},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, (
        f"{module} on SDK {version}:\n{(done.stdout + done.stderr)[-4000:]}"
    )


def run(version: str, cells: Iterable[str]) -> Any:
    """Run these cells with an SDK version; what `runner` wrote.

    Raises:
        NoEnvironmentError: there is no such environment.
    """
    with tempfile.TemporaryDirectory(prefix="otel-claude-matrix-") as folder:
        names, output = Path(folder, "cells.json"), Path(folder, "results.json")
        names.write_text(json.dumps(sorted(cells)))
        in_sdk(version, "tests.matrix.runner", str(output), str(names))
        return json.loads(output.read_text())


def run_all(wanted: dict[str, set[str]]) -> dict[str, Any]:
    """Version -> results, or the exception that stopped it; a few versions at a time."""

    def one(version: str) -> Any:
        try:
            return run(version, wanted[version])
        except Exception as problem:
            return problem

    # The newest takes longest.
    versions = sorted(wanted, key=VERSIONS.index, reverse=True)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return dict(zip(versions, pool.map(one, versions), strict=True))
