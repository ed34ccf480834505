"""Sends what was recorded before SIGTERM ends the process.

By default the signal ends a Python program at once: no `atexit`, nothing flushed. Orchestrators
stop programs so, and the last calls would be lost. Only where the application has no handler of
its own, and the process still dies of the signal.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_PATIENCE = 3.0  # seconds

_flush: Callable[[float], bool] | None = None


def install(flush: Callable[[float], bool]) -> None:
    """Flush on SIGTERM from now on. Does nothing where that cannot be, or is somebody else's."""
    global _flush  # noqa: PLW0603 - one process has one SIGTERM
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        _flush = flush
        signal.signal(signal.SIGTERM, _on_sigterm)


def remove() -> None:
    """Undo `install`."""
    if (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is _on_sigterm
    ):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _on_sigterm(number: int, _frame: FrameType | None) -> None:
    if _flush is not None:
        _flush(_PATIENCE)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
