"""The regression guard: instructions per call and per stream event, with and without otel-claude.

Seconds mean little on a shared machine; instructions hardly vary.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.counted import CALLS, EVENTS, PHASES, STREAMS, VALGRIND
from benchmarks.limits import LIMITS
from benchmarks.process import ROOT
from benchmarks.subjects import PLAIN, environment_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIMEOUT: Final = 300
_TOTALS: Final = re.compile(r"^totals: (\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Count:
    """Instructions per unit.

    Attributes:
        plain: with the plain SDK.
        watched: with otel-claude on.
    """

    plain: float
    watched: float

    @property
    def ratio(self) -> float:
        """How many times the plain SDK's."""
        return self.watched / self.plain


def unavailable() -> str | None:
    """Why instructions cannot be counted here, None where they can."""
    if missing := [tool for tool in ("valgrind", "vgdb") if shutil.which(tool) is None]:
        return f"{' and '.join(missing)} not found; install valgrind to count instructions"
    return None


def measure() -> dict[str, Count]:
    """Instructions of a `call` and of an `event`, the names of `LIMITS`.

    Raises:
        RuntimeError: valgrind failed; the message has its last words.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [*VALGRIND, f"--callgrind-out-file={folder}/count"]
        run = subprocess.run(
            [*command, sys.executable, "-m", "benchmarks.counted"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT,
            cwd=folder,
            env={**environment_of(PLAIN), "PYTHONPATH": str(ROOT)},
        )
        dumps = [Path(folder, f"count.{n}") for n in range(1, 2 * len(PHASES) + 1)]
        if run.returncode or not all(dump.exists() for dump in dumps):
            words = (run.stdout + run.stderr).strip().splitlines()[-3:]
            raise RuntimeError(f"counting under valgrind failed: {' / '.join(words)}")
        totals = [_total(dump.read_text(encoding="utf-8", errors="replace")) for dump in dumps]
    plain, watched = _units(totals[: len(PHASES)]), _units(totals[len(PHASES) :])
    return {unit: Count(plain[unit], watched[unit]) for unit in plain}


def _total(dump: str) -> int:
    found = _TOTALS.search(dump)
    if found is None:
        raise RuntimeError("a dump of valgrind has no totals")
    return int(found[1])


def _units(totals: Sequence[int]) -> dict[str, float]:
    nothing, create, without, with_events = totals
    return {
        "call": (create - nothing) / CALLS,
        "event": (with_events - without) / (STREAMS * EVENTS),
    }


def main() -> int:
    """Print what was measured beside the limits; the exit code says whether all are kept."""
    if (reason := unavailable()) is not None:
        sys.stderr.write(reason + "\n")
        return 0 if os.environ.get("CI") != "true" else 1
    kept = True
    for unit, count in measure().items():
        within = count.ratio <= LIMITS[unit]
        kept = kept and within
        sys.stdout.write(
            f"{unit:<6} plain {count.plain:>11,.0f}  watched {count.watched:>11,.0f}  "
            f"added {count.watched - count.plain:>9,.0f}  ratio {count.ratio:.4f}  "
            f"limit {LIMITS[unit]:.3f}  {'ok' if within else 'OVER THE LIMIT'}\n"
        )
    return 0 if kept else 1
