"""Ends the calls of streams that were dropped, without ever deadlocking.

A stream that dies by its last reference is ended at once. One that dies in a cyclic garbage
collection is not: the collection may interrupt code that holds a lock (of ours, or of the
OpenTelemetry SDK) which ending a call takes too. Those are stamped, queued, and ended from a
thread of their own.
"""

from __future__ import annotations

import _thread
import atexit
import gc
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otel_claude.call.call import Call

_waiting: deque[Call] = deque()
_collecting_thread = 0


def dropped(call: Call) -> None:
    """The stream of `call` is gone. Never raises."""
    if _collecting_thread != threading.get_ident():
        call.finish("abandoned")
        return
    if call.ended is None:
        call.ended = time.perf_counter_ns()
        _waiting.append(call)
        try:
            # Not threading.Thread: starting one takes locks that this very thread may hold.
            _thread.start_new_thread(drain, ())
        except RuntimeError:
            return  # the interpreter is ending: `drain` runs at exit


def drain() -> None:
    """End every call that waits for it."""
    while _waiting:
        try:
            call = _waiting.popleft()
        except IndexError:
            return
        call.finish("abandoned")


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
