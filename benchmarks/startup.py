"""What importing and turning on costs, in fresh processes."""

from __future__ import annotations

import json
import random
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any, Final

from benchmarks import environments
from benchmarks.spread import Spread
from benchmarks.subjects import DEFAULT, environment_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.subjects import Subject

# What an application with any instrumentation has anyway.
_BASE: Final = (
    "import anthropic, wrapt, opentelemetry.metrics, opentelemetry.trace\n"
    "from opentelemetry.instrumentation.instrumentor import BaseInstrumentor\n"
)
_PROGRAM: Final = """
import sys, time
start = time.process_time()
{base}
before = set(sys.modules)
between = time.process_time()
{enable}
after = time.process_time()
import json
modules = sorted(set(sys.modules) - before)
print(json.dumps({{"base": between - start, "added": after - between, "modules": modules}}))
"""
_EXTRAS: Final = (
    "fastapi",
    "google",
    "grpc",
    "jinja2",
    "opentelemetry.exporter",
    "opentelemetry.proto",
    "opentelemetry.sdk",
    "redis",
    "requests",
    "rich",
    "sqlite3",
    "starlette",
    "typer",
    "uvicorn",
    "yaml",
)
"""Modules that only extras need."""


def measure(pythons: Mapping[str, str], subjects: Sequence[Subject], rounds: int) -> dict[str, Any]:
    """Milliseconds of CPU that each subject adds to what every instrumented program imports.

    Args:
        pythons: the interpreter of each subject, by its name.
        subjects: those to measure.
        rounds: fresh processes of each.
    """
    order = list(subjects)
    added: dict[str, list[float]] = {subject.name: [] for subject in order}
    base: dict[str, list[float]] = {subject.name: [] for subject in order}
    modules: list[str] = []
    for number in range(rounds + 1):
        random.shuffle(order)
        for subject in order:
            said = _run(pythons[subject.name], subject.enable)
            if not number:  # bytecode is compiled, files come into the cache
                continue
            added[subject.name].append(said["added"] * 1e3)
            base[subject.name].append(said["base"] * 1e3)
            if subject is DEFAULT:
                modules = said["modules"]
    return {
        "base_ms": {name: Spread.of(values) for name, values in base.items()},
        "added_ms": {name: Spread.of(values) for name, values in added.items()},
        "modules": len(modules),
        "extras": [module for module in modules if _is_extra(module)],
    }


def _environment() -> dict[str, str]:
    """As everywhere, and bytecode is kept, as where packages are installed."""
    environ = environment_of(DEFAULT)
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**environ, "PYTHONPYCACHEPREFIX": str(environments.cache() / "bytecode")}


def _is_extra(module: str) -> bool:
    return any(module == extra or module.startswith(extra + ".") for extra in _EXTRAS)


def _run(python: str, enable: str) -> Any:
    run = subprocess.run(
        [python, "-c", _PROGRAM.format(base=_BASE, enable=enable)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tempfile.gettempdir(),
        env=_environment(),
    )
    return json.loads(run.stdout.splitlines()[-1])
