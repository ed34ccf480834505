"""What ends in a garbage collection is told of after it, so that nothing deadlocks.

A cyclic collection may interrupt code that holds a lock (of ours, or of the OpenTelemetry SDK), and
telling observers takes such locks too. A dropped stream dies in one, and so does a generator or a
task of the application that leaves a stream's `with` block. Their ends are queued, and told of from
a thread of their own. What dies by its last reference is told of at once.
"""

from __future__ import annotations

import _thread
import atexit
import gc
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_waiting: deque[Callable[[], None]] = deque()
_collecting_thread = 0


def postpone(tell: Callable[[], None]) -> bool:
    """Whether this is a garbage collection, after which `tell` is called then. Never raises.

    Args:
        tell: must not raise.
    """
    if _collecting_thread != threading.get_ident():
        return False
    _waiting.append(tell)
    try:
        # Not threading.Thread: starting one takes locks that this very thread may hold.
        _thread.start_new_thread(drain, ())
    except RuntimeError:
        return True  # the interpreter is ending: `drain` runs at exit
    return True


def drain() -> None:
    """Tell of everything that waits for it."""
    while _waiting:
        try:
            tell = _waiting.popleft()
        except IndexError:
            return
        tell()


def _watch_collector(phase: str, _info: dict[str, Any]) -> None:
    global _collecting_thread  # noqa: PLW0603 - written by the one thread that collects
    _collecting_thread = threading.get_ident() if phase == "start" else 0


def install() -> None:
    """Start to tell collections apart."""
    if _watch_collector not in gc.callbacks:
        gc.callbacks.append(_watch_collector)
        atexit.register(drain)


def remove() -> None:
    """Undo `install`."""
    if _watch_collector in gc.callbacks:
        gc.callbacks.remove(_watch_collector)
        atexit.unregister(drain)
        drain()
