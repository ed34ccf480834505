"""Which process a call belongs to: a forked child must not end, and so report, its parent's."""

from __future__ import annotations

import os
import threading
import weakref

_generation = 0


def generation() -> int:
    """A number that differs between a process and what it forks."""
    return _generation


class Lock:
    """A reentrant lock that is free in a forked child, whoever had it in the parent."""

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self.renew()
        _locks.add(self)

    def renew(self) -> None:
        """Be free."""
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


_locks: weakref.WeakSet[Lock] = weakref.WeakSet()


def _forked() -> None:
    global _generation  # noqa: PLW0603 - one number per process is the point
    _generation += 1
    for lock in list(_locks):
        lock.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
