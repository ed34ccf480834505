"""Which process a call belongs to: a forked child must not end, and so report, its parent's."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol

_generation = 0


class Forgetful(Protocol):
    """Something with knowledge of the calls of one process."""

    def forget(self) -> None:
        """Drop what is the parent's to report. Called in a forked child, where locks may be held."""


def generation() -> int:
    """A number that differs between a process and what it forks."""
    return _generation


def new_lock() -> threading.RLock:
    """A reentrant lock that is free in a forked child, whoever had it in the parent.

    No class of ours around one: Ctrl-C between the end of a block and the release in our own
    `__exit__` would leave it locked for good.
    """
    lock = threading.RLock()
    _locks.add(lock)
    return lock


_locks: weakref.WeakSet[threading.RLock] = weakref.WeakSet()


def forget_after_fork(thing: Forgetful) -> None:
    """Have `thing.forget()` called in forked children, for as long as the thing lives."""
    _forgetful.add(thing)


_forgetful: weakref.WeakSet[Forgetful] = weakref.WeakSet()


def _forked() -> None:
    global _generation  # noqa: PLW0603 - one number per process is the point
    _generation += 1
    for lock in list(_locks):
        lock._at_fork_reinit()  # type: ignore[attr-defined] # as the logging module does with its own
    for thing in list(_forgetful):
        thing.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
