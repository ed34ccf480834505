"""Prompt caching: the first request writes a prefix, the next ones read it until it expires.

As in the API: a breakpoint caches everything before it; a lookup goes back at most 20 blocks from
each breakpoint; a read renews the entry; 1h breakpoints come before 5m ones; a prefix shorter
than `MINIMUM` tokens is not cached. Unlike the API: the minimum is the same for every model, and
there is one cache for all keys and workspaces.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otel_claude.testing.errors import invalid
from otel_claude.testing.tokens import PER_REQUEST, Segment

if TYPE_CHECKING:
    from otel_claude.testing.clock import Clock

MINIMUM = 1_024
"""Shortest prefix that is cached, in tokens."""

LOOKBACK = 20
BREAKPOINTS = 4
SECONDS = {"5m": 300.0, "1h": 3600.0}


@dataclass(frozen=True)
class CacheUse:
    """What one request read from and wrote to the cache, in tokens."""

    read: int = 0
    write_5m: int = 0
    write_1h: int = 0

    @property
    def write(self) -> int:
        """All tokens written."""
        return self.write_5m + self.write_1h


@dataclass
class _Entry:
    seconds: float
    expires: float


@dataclass
class PromptCache:
    """All cached prefixes of all models. Thread-safe; a request is looked up and stored at once."""

    clock: Clock
    _entries: dict[bytes, _Entry] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def clear(self) -> None:
        """Forget every prefix."""
        with self._lock:
            self._entries.clear()

    def use(self, model: str, pieces: list[Segment]) -> CacheUse:
        """Look a prompt up and store what its breakpoints ask for."""
        marks = [index for index, piece in enumerate(pieces) if piece.ttl]
        if not marks:
            return CacheUse()
        keys, totals = _prefixes(model, pieces)
        with self._lock:
            now = self.clock.now()
            hit = self._longest(marks, keys, now)
            read = totals[hit] if hit >= 0 else 0
            write_5m = write_1h = 0
            done = read
            for index in marks:
                ttl = pieces[index].ttl or "5m"
                if totals[index] < MINIMUM:
                    continue
                if index > hit:
                    new = totals[index] - done
                    write_1h += new if ttl == "1h" else 0
                    write_5m += new if ttl != "1h" else 0
                    done = totals[index]
                    self._entries[keys[index]] = _Entry(SECONDS[ttl], now + SECONDS[ttl])
            return CacheUse(read, write_5m, write_1h)

    def _longest(self, marks: list[int], keys: list[bytes], now: float) -> int:
        for mark in reversed(marks):
            for index in range(mark, max(-1, mark - LOOKBACK), -1):
                entry = self._entries.get(keys[index])
                if entry and entry.expires > now:
                    entry.expires = now + entry.seconds
                    return index
        return -1


def _prefixes(model: str, pieces: list[Segment]) -> tuple[list[bytes], list[int]]:
    chain = hashlib.blake2b(model.encode(), digest_size=16)
    keys, totals, total = [], [], PER_REQUEST
    for piece in pieces:
        chain.update(piece.digest)
        total += piece.tokens
        keys.append(chain.digest())
        totals.append(total)
    return keys, totals


def check(pieces: list[Segment]) -> None:
    """Refuse breakpoints as the API does.

    Raises:
        ApiError: too many breakpoints, an unknown ttl, or a 1h breakpoint after a 5m one.
    """
    ttls = [piece.ttl for piece in pieces if piece.ttl]
    if len(ttls) > BREAKPOINTS:
        raise invalid(
            f"A maximum of {BREAKPOINTS} blocks with cache_control may be provided. Found {len(ttls)}."
        )
    for ttl in ttls:
        if ttl not in SECONDS:
            raise invalid(f"cache_control.ttl: Input should be '5m' or '1h', not {ttl!r}")
    if "5m" in ttls and "1h" in ttls[ttls.index("5m") :]:
        raise invalid(
            "cache_control: a ttl='1h' cache_control block must not come after a ttl='5m' "
            "cache_control block. Note that blocks are processed in the following order: "
            "`tools`, `system`, `messages`."
        )
