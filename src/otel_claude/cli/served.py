"""What the emulator says it served, summed up: the other side of the comparison in `--json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_claude.testing import LedgerEntry


def served(entries: Iterable[LedgerEntry]) -> dict[str, Any]:
    """Totals of a ledger.

    Entries that are complete must equal the telemetry to the token. Those that are not (streams
    that were cut or left) are kept apart: what the client had been told of them is their prompt.

    Returns:
        `attempts`, `failed_attempts`, and for `complete` and `incomplete` the number of calls and
        their tokens, with `input_tokens` counting the whole prompt as spans do.
    """
    attempts = failed = 0
    sides = {True: _empty(), False: _empty()}
    for entry in entries:
        attempts += 1
        usage = entry.usage
        if usage is None:
            failed += 1
            continue
        side = sides[entry.complete]
        read = usage["cache_read_input_tokens"]
        written = usage["cache_creation_input_tokens"]
        side["calls"] += 1
        side["input_tokens"] += usage["input_tokens"] + read + written
        side["output_tokens"] += usage["output_tokens"]
        side["cache_read_tokens"] += read
        side["cache_write_tokens"] += written
    return {
        "attempts": attempts,
        "failed_attempts": failed,
        "complete": sides[True],
        "incomplete": sides[False],
    }


def _empty() -> dict[str, int]:
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    return {"calls": 0, **dict.fromkeys(names, 0)}
