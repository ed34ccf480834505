"""Ids and randomness that depend on the request alone, never on its neighbours.

Everything an answer contains derives from (seed, path, body, n), where n counts the requests with
that very path and body. So the same requests give the same answers in any order and at any
concurrency, and repeating a request gives a new answer each time.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from random import Random

_DIGITS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE = len(_DIGITS)


@dataclass(frozen=True)
class Identity:
    """What is unique about one request."""

    key: bytes

    def id(self, prefix: str, label: str = "") -> str:
        """An id such as `msg_01...`; another label gives another id."""
        raw = hashlib.blake2b(f"{prefix}:{label}".encode(), key=self.key, digest_size=16).digest()
        number, text = int.from_bytes(raw, "big"), ""
        for _ in range(22):
            number, digit = divmod(number, _BASE)
            text += _DIGITS[digit]
        return f"{prefix}_01{text}"

    def rng(self, label: str = "") -> Random:
        """A generator of its own for one purpose."""
        raw = hashlib.blake2b(label.encode(), key=self.key, digest_size=8).digest()
        return Random(int.from_bytes(raw, "big"))  # noqa: S311 - must be reproducible


@dataclass
class Identities:
    """Hands out identities, counting requests that are equal. Thread-safe."""

    seed: int
    _seen: dict[bytes, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, path: str, body: str) -> Identity:
        """The identity of the next request with this path and (canonical) body."""
        same = hashlib.blake2b(
            f"{self.seed}\0{path}\0{body}".encode(errors="replace"), digest_size=16
        ).digest()
        with self._lock:
            count = self._seen[same] = self._seen.get(same, 0) + 1
        return Identity(hashlib.blake2b(str(count).encode(), key=same, digest_size=16).digest())

    def clear(self) -> None:
        """Count from the beginning again."""
        with self._lock:
            self._seen.clear()
