"""What runs under valgrind: the same calls without and with otel-claude, phase by phase.

Instructions are counted around the phases alone. In between, valgrind only emulates, which is
several times faster: its own `vgdb` turns counting on and off. Where exactly a phase begins and
ends is told by two mathematical functions that nothing else calls: valgrind zeroes its counts at
the hyperbolic sine, and writes them out at the cosine.
"""

from __future__ import annotations

import gc
import math
import os
import subprocess
import sys
from typing import Final

from benchmarks import subjects

CALLS: Final = 64
STREAMS: Final = 1
EVENTS: Final = 150  # of each stream; fewer than elsewhere, for time's sake
_WARM_UP: Final = 12  # runs until Python has specialised its bytecode
PHASES: Final = ("nothing", "create", "stream_none", "stream")
"""Every phase ends with an export, so that work which was put off counts. `nothing` is the export
alone, to be subtracted from `create`; a stream without deltas is subtracted from one with them, and
what is left are events."""


VALGRIND: Final = (
    "valgrind",
    "--quiet",
    "--tool=callgrind",
    "--instr-atstart=no",
    "--vgdb=yes",
    "--zero-before=sinh*",
    "--dump-before=cosh*",
)


def _instrument(on: str) -> None:
    """Have valgrind count, or not, and wait without sleeping: it listens only while we compute."""
    process = subprocess.Popen(
        ["vgdb", f"--pid={os.getpid()}", "instrumentation", on],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None:
        pass
    if process.returncode:
        raise RuntimeError("vgdb failed")


def _count(providers: subjects.Providers | None) -> None:
    from benchmarks import workloads

    work = workloads.Workloads()
    phases = {
        "nothing": lambda: None,
        "create": lambda: work.create(CALLS),
        "stream_none": lambda: _stream(work, 0),
        "stream": lambda: _stream(work, EVENTS),
    }
    whole = workloads.CHUNKS

    def _stream(work: workloads.Workloads, events: int) -> None:
        workloads.CHUNKS = (*whole[: 2 + events], *whole[-3:])  # type: ignore[misc]
        work.stream_raw(STREAMS)

    work.create(_WARM_UP)
    _stream(work, 2 * EVENTS)
    _stream(work, 0)
    if providers is not None:
        providers.flush()
    for name in PHASES:
        gc.collect()
        gc.disable()
        _instrument("on")
        math.sinh(1.0)
        phases[name]()
        if providers is not None:
            providers.flush()
        math.cosh(1.0)
        _instrument("off")
        gc.enable()


def main() -> None:
    """Every phase without otel-claude, then with it."""
    os.environ.update(subjects.PLAIN.environ)
    _count(None)
    os.environ.pop("ANTHROPIC_OPEN_TELEMETRY")
    _count(subjects.DEFAULT.turn_on())
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
