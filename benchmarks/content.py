"""What capturing content costs, in instructions per kilobyte beyond serialising it.

Run under valgrind by `python -m benchmarks content`. The same conversation of 100 KB is sent with
capture off, with it on, and with it on and redaction; and made JSON by itself. What the difference
of the first two has over the last is what capture costs. A conversation is `fresh` where every
call has texts that were never sent before, `again` where it has those of the call before.
"""

from __future__ import annotations

import gc
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import guard
from benchmarks.counted import VALGRIND, _instrument
from benchmarks.limits import CONTENT_LIMITS
from benchmarks.process import ROOT
from benchmarks.subjects import PLAIN, environment_of

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS: Final = 6
_TIMEOUT: Final = 300
_UNLIMITED: Final = 1 << 20
_SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "off": {},
    "capture": {"capture": "span", "capture_limit": _UNLIMITED, "redact": "none"},
    "redacted": {"capture": "span", "capture_limit": _UNLIMITED},
}
PHASES: Final = (
    "serialise",
    *(f"{name} {kind}" for name in _SETTINGS for kind in ("fresh", "again")),
)


def _conversation(number: int) -> list[dict[str, str]]:
    from benchmarks.workloads import LONG

    return [{**message, "content": f"{number} {message['content']}"} for message in LONG]


def _counted(work: Callable[[], None]) -> None:
    gc.collect()
    gc.disable()
    _instrument("on")
    math.sinh(1.0)
    work()
    math.cosh(1.0)
    _instrument("off")
    gc.enable()


def _count() -> None:
    """Runs under valgrind: every phase."""
    from benchmarks import subjects, workloads
    from otel_claude import ClaudeInstrumentor

    client = workloads.make_client()
    providers = subjects.Providers()

    def send(conversations: list[list[dict[str, str]]]) -> None:
        for messages in conversations:
            client.messages.create(model=workloads.MODEL, max_tokens=1024, messages=messages)

    parts = [
        {"role": message["role"], "parts": [{"type": "text", "content": message["content"]}]}
        for message in workloads.LONG
    ]

    def serialise() -> None:
        for _ in range(CALLS):
            json.dumps(parts, ensure_ascii=False, separators=(",", ":"))

    serialise()
    _counted(serialise)
    for settings in _SETTINGS.values():
        ClaudeInstrumentor().instrument(**settings)
        send([_conversation(-n) for n in range(1, 5)])
        fresh = [_conversation(n) for n in range(CALLS)]
        _counted(lambda fresh=fresh: send(fresh))  # type: ignore[misc] # bound now
        _counted(lambda fresh=fresh: send([fresh[0]] * CALLS))  # type: ignore[misc] # bound now
        ClaudeInstrumentor().uninstrument()
    providers.flush()
    sys.stdout.flush()
    os._exit(0)


def measure() -> dict[str, float]:
    """What capture costs per kilobyte, as a share of what serialising costs; names as in the limits.

    Raises:
        RuntimeError: valgrind failed; the message has its last words.
    """
    from benchmarks.workloads import LONG

    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            [*VALGRIND, f"--callgrind-out-file={folder}/count", sys.executable, "-m", __name__],
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT,
            cwd=folder,
            env={**environment_of(PLAIN), "PYTHONPATH": str(ROOT)},
        )
        dumps = [Path(folder, f"count.{n}") for n in range(1, len(PHASES) + 1)]
        if run.returncode or not all(dump.exists() for dump in dumps):
            words = (run.stdout + run.stderr).strip().splitlines()[-3:]
            raise RuntimeError(f"counting under valgrind failed: {' / '.join(words)}")
        totals = [guard._total(d.read_text(encoding="utf-8", errors="replace")) for d in dumps]
    kilobytes = CALLS * sum(len(message["content"]) for message in LONG) / 1024
    per_kilobyte = dict(zip(PHASES, (total / kilobytes for total in totals), strict=True))
    serialise = per_kilobyte["serialise"]
    found = {"instructions to serialise": serialise}
    for name in ("capture", "redacted"):
        for kind in ("fresh", "again"):
            added = per_kilobyte[f"{name} {kind}"] - per_kilobyte[f"off {kind}"]
            found[f"{name} {kind}"] = added - serialise
    return found


def main() -> int:
    """Print what was measured beside the limits; the exit code says whether all are kept."""
    if (reason := guard.unavailable()) is not None:
        sys.stderr.write(reason + "\n")
        return 0 if os.environ.get("CI") != "true" else 1
    kept = True
    for name, count in measure().items():
        limit = CONTENT_LIMITS.get(name)
        kept = kept and (limit is None or count <= limit)
        sys.stdout.write(f"{name:<26} {count:>9,.0f} per KB  limit {limit or '-'}\n")
    return 0 if kept else 1


if __name__ == "__main__":
    _count()
