"""Faults of our own code: caught at the seam, counted, logged once each.

The application never sees them. `report` is called from an `except` block; the counts become the
metric `claude.instrumentation.errors`.
"""

from __future__ import annotations

import logging
import sys
import traceback

from otel_claude.call.fork import new_lock

logger = logging.getLogger("otel_claude")

_lock = new_lock()
_counts: dict[str, int] = {}
_logged: set[str] = set()


def report(site: str) -> None:
    """Count a fault at `site` (a short fixed name) and log the first one there. Never raises."""
    with _lock:
        _counts[site] = _counts.get(site, 0) + 1
        first = site not in _logged
        _logged.add(site)
    if first:
        kind, _, frames = sys.exc_info()
        # Class and frames only: messages of exceptions may quote requests and responses.
        logger.warning(
            "otel-claude: a fault in %s; your call is not affected. Later ones are only counted.\n%s%s",
            site,
            "".join(traceback.format_tb(frames)),
            kind.__name__ if kind is not None else "",
        )


def drain() -> dict[str, int]:
    """The counts since the last drain."""
    global _counts
    with _lock:
        counts, _counts = _counts, {}
    return counts
