"""`Lanes`: a bounded queue, and the threads that work it off; handing over never waits."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from otel_claude import _faults
from otel_claude.call.fork import generation
from otel_claude.quality.hands import NAME, Hand

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_BYTES: Final = 64 * 1024 * 1024  # of requests that wait: a queue of documents is a large one


class Lanes:
    """Hands things to threads.

    Args:
        threads: how many.
        length: of the queue.
        handle: what is done with each thing, by the hand of its thread.
    """

    def __init__(self, threads: int, length: int, handle: Callable[[Any, Hand], None]) -> None:
        self._most = threads
        self._length = length
        self._handle = handle
        self._queue = _Queue()

    def submit(self, item: Any, size: int) -> bool:
        """Hand something over.

        Args:
            item: what.
            size: the bytes that it keeps in memory.

        Returns:
            False where there is no room for it, or it is too late.
        """
        if self._queue.generation != generation():
            self._queue = _Queue()  # threads do not follow into a forked child
        queue = self._queue
        with queue.changed:
            full = len(queue.items) >= self._length or queue.size + size > _MOST_BYTES
            if queue.closed or (full and queue.items):
                return False
            queue.items.append((item, size))
            queue.size += size
            if queue.idle < len(queue.items) and queue.threads < self._most:
                if not self._start(queue):
                    queue.items.pop()
                    queue.size -= size
                    return False
                queue.threads += 1
            queue.changed.notify()
        return True

    def _start(self, queue: _Queue) -> bool:
        thread = threading.Thread(target=self._work, args=(queue,), name=f"{NAME}s", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter shuts down
            return False
        return True

    def flush(self, timeout: float) -> bool:
        """Wait until everything is done that was handed over; False where it took too long."""
        queue = self._queue
        if queue.generation != generation():
            return True
        deadline = time.monotonic() + timeout
        with queue.changed:
            while queue.items or queue.busy:
                left = deadline - time.monotonic()
                if left <= 0 or not queue.threads:
                    return False
                queue.changed.wait(left)
        return True

    def close(self, timeout: float) -> int:
        """Take nothing more, and wait for what is there.

        Returns:
            How many things were left undone.
        """
        self.flush(timeout)
        queue = self._queue
        if queue.generation != generation():
            return 0
        with queue.changed:
            queue.closed = True
            left = len(queue.items) + queue.busy
            queue.items.clear()
            queue.changed.notify_all()
        return left

    def _work(self, queue: _Queue) -> None:
        hand = Hand()
        while (item := queue.take()) is not None:
            try:
                self._handle(item[0], hand)
            except Exception:
                _faults.report("evaluations")
            del item
            queue.done()
        hand.dismiss()


class _Queue:
    """What waits in one process.

    Its lock may be taken again by who has it: garbage collection can end a call at any point.
    """

    def __init__(self) -> None:
        self.generation = generation()
        self.changed = threading.Condition(threading.RLock())
        self.items: deque[tuple[Any, int]] = deque()
        self.size = 0
        self.busy = 0
        self.idle = 0
        self.threads = 0
        self.closed = False

    def take(self) -> tuple[Any, int] | None:
        """The next thing, once there is one; None at the end."""
        with self.changed:
            self.idle += 1
            while not self.items and not self.closed:
                self.changed.wait()
            self.idle -= 1
            if not self.items:
                return None
            item = self.items.popleft()
            self.size -= item[1]
            self.busy += 1
            return item

    def done(self) -> None:
        """A thing that was taken is done."""
        with self.changed:
            self.busy -= 1
            self.changed.notify_all()
