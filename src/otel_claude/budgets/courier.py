"""One thread, one connection, one queue: how a process talks to Redis about its budgets.

Scripts are sent in the order in which they were handed in, those that wait at the same time in one
round trip. So a reservation is judged with every earlier settlement of this process booked, no
event loop is blocked or needs a connection of its own, and a settlement costs the call nothing.
When Redis does not answer, questions fail at once from then on, while the thread tries again now and
then; what was to be booked stays in the queue.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import logging
import secrets
import sys
import threading
import time
import weakref
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from otel_claude import _faults
from otel_claude.budgets.ledger import Unreachable
from otel_claude.call.fork import forget_after_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

logger = logging.getLogger("otel_claude")

_AT_ONCE: Final = 128
_KEPT: Final = 10_000
_AT_EXIT: Final = 1.0  # seconds
_WARN_EVERY: Final = 60.0  # seconds


class Errand(NamedTuple):
    """A script to run.

    Attributes:
        script: its text.
        keys: its keys.
        args: its arguments.
        answer: for the answer; None where nobody waits, and the errand must not be lost.
        done: called with the answer of an errand that nobody waits for.
        stamp: this process, and the number of the errand in it: two more arguments, that stay the
            same where it is sent again because nobody knows whether it was run.
    """

    script: str
    keys: Sequence[str]
    args: Sequence[str]
    answer: Future[Any] | None = None
    done: Callable[[Any], None] | None = None
    stamp: tuple[str, ...] = ()


class Line(Protocol):
    """A connection to Redis."""

    def run(self, errands: Sequence[Errand]) -> list[Any]:
        """Run scripts in one round trip; an error that is about one errand is its answer."""

    def close(self) -> None:
        """Hang up."""


class Outage(Exception):  # noqa: N818 - a state of affairs, not a bug
    """Redis cannot do what it is asked to, whatever that is: gone, loading, full, read-only."""


class Lost(Exception):  # noqa: N818 - a state of affairs, not a bug
    """The connection is gone; a new one may work."""


class Courier:
    """Runs errands, in order.

    Args:
        connect: makes the line, when it is needed.
        name: of the server, for log lines.
        retry_seconds: between attempts while Redis is away.
    """

    def __init__(self, connect: Callable[[], Line], name: str, retry_seconds: float) -> None:
        self._connect = connect
        self._name = name
        self._retry_seconds = retry_seconds
        self._begin()
        forget_after_fork(self)
        atexit.register(_flush_at_exit, weakref.ref(self))

    def _begin(self) -> None:
        self._process = secrets.token_hex(8)
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._queue: deque[Errand] = deque()
        self._thread: threading.Thread | None = None
        self._line: Line | None = None
        self._busy = False
        self._closing = False
        self._down = False
        self._next_try = 0.0
        self._warned = float("-inf")

    def forget(self) -> None:
        """Start anew: in a forked child, queue and connection are the parent's."""
        self._begin()

    def ask(self, script: str, keys: Sequence[str], args: Sequence[str]) -> Future[Any]:
        """Run a script; its answer comes in the future, which may be cancelled.

        Raises:
            Unreachable: Redis is away, and is left alone for now.
        """
        answer: Future[Any] = Future()
        with self._changed:
            if self._down:
                raise Unreachable(self._name)
            self._hand_in(Errand(script, keys, args, answer))
        return answer

    def tell(
        self,
        script: str,
        keys: Sequence[str],
        args: Sequence[str],
        done: Callable[[Any], None] | None = None,
    ) -> None:
        """Run a script whose answer nobody waits for, as soon as Redis can be reached."""
        with self._changed:
            self._hand_in(Errand(script, keys, args, None, done))

    def gave_up(self, answer: Future[Any]) -> None:
        """Whoever waited for an answer waits no longer: Redis is taken to be away."""
        answer.cancel()
        with self._changed:
            self._went_away("it did not answer in time")

    def flush(self, timeout: float) -> bool:
        """Wait until the queue is empty; while Redis is away, for one attempt."""
        deadline = time.monotonic() + timeout
        with self._changed:
            self._next_try = 0.0
            if self._queue and self._thread is None:
                self._start()
            self._changed.notify_all()
            while self._queue or self._busy:
                left = deadline - time.monotonic()
                if left <= 0 or (self._down and self._next_try > 0):
                    return False
                self._changed.wait(left)
        return True

    def close(self, timeout: float) -> None:
        """Hang up, after one attempt to do what is left."""
        with self._changed:
            self._closing = True
            self._next_try = 0.0
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _hand_in(self, errand: Errand) -> None:
        """With the lock held."""
        self._queue.append(errand)
        if len(self._queue) > _KEPT and self._down:
            self._queue.popleft()
            _faults.report("budgets.redis.backlog")
        if self._thread is None:
            self._start()
        elif not self._down:
            self._changed.notify_all()

    def _start(self) -> None:
        """With the lock held."""
        thread = threading.Thread(target=self._work, name="otel-claude-budgets", daemon=True)
        # No more threads, or the interpreter ends: the next errand tries again.
        with contextlib.suppress(RuntimeError):
            thread.start()
            self._thread = thread
            _flush_when_a_worker_ends(weakref.ref(self))

    # In the thread.

    def _work(self) -> None:
        from opentelemetry.instrumentation.utils import suppress_instrumentation

        with suppress_instrumentation():  # the application's traces are about its own Redis
            while (errands := self._take()) is not None:
                try:
                    self._run(errands)
                except Exception:
                    _faults.report("budgets.redis")

    def _take(self) -> list[Errand] | None:
        """What to do next; nothing, to see whether Redis is back; None at the end."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            while True:
                left = self._next_try - time.monotonic() if self._down else 0.0
                if self._closing and not (self._queue and left <= 0):
                    self._hang_up()
                    self._thread = None  # a call that ends later has another one begin
                    return None
                if self._down and left > 0:
                    self._changed.wait(left)
                elif self._queue or self._down:
                    break
                else:
                    self._changed.wait()
            self._busy = True
            waiting = [self._queue.popleft() for _ in range(min(len(self._queue), _AT_ONCE))]
            errands = [self._stamped(errand) for errand in waiting]
        return [e for e in errands if e.answer is None or e.answer.set_running_or_notify_cancel()]

    def _stamped(self, errand: Errand) -> Errand:
        if errand.stamp:
            return errand
        return errand._replace(stamp=(self._process, str(next(self._numbers))))

    def _run(self, errands: list[Errand]) -> None:
        fresh = self._line is None
        try:
            answers = self._send(errands)
        except Lost as problem:
            self._hang_up()
            if fresh:
                self._failed(errands, problem)
            else:  # the server was restarted, or hung up on a connection that it found idle
                self._run(errands)
        except Exception as problem:
            self._hang_up()
            self._failed(errands, problem)
        else:
            self._deliver(errands, answers)

    def _send(self, errands: list[Errand]) -> list[Any]:
        if self._line is None:
            self._line = self._connect()
        return self._line.run(errands)

    def _failed(self, errands: list[Errand], problem: Exception) -> None:
        with self._changed:
            self._put_back(errands)
            self._went_away(f"{type(problem).__name__}: {problem}")
        for errand in errands:
            if errand.answer is not None:
                errand.answer.set_exception(Unreachable(self._name))

    def _deliver(self, errands: list[Errand], answers: list[Any]) -> None:
        with self._changed:
            if self._down:
                self._down = False
                logger.info("otel-claude: budgets: %s answers again.", self._name)
        outage: Exception | None = None
        again = []
        for errand, answer in zip(errands, answers, strict=True):
            failed = isinstance(answer, Exception)
            if isinstance(answer, Outage):
                outage = answer
            if errand.answer is not None:
                if failed:
                    errand.answer.set_exception(Unreachable(self._name))
                else:
                    errand.answer.set_result(answer)
            elif isinstance(answer, Outage):
                again.append(
                    errand._replace(stamp=())
                )  # it was not run, those after it may have been
            else:
                self._finish(errand, answer)
        if outage is not None:
            with self._changed:
                self._put_back(again)
                self._went_away(str(outage))

    def _finish(self, errand: Errand, answer: Any) -> None:
        """Tell whoever wants to know; an answer that is no outage and an error all the same is a bug."""
        if isinstance(answer, Exception):
            logger.warning("otel-claude: budgets: %s refuses a script: %s", self._name, answer)
            _faults.report("budgets.redis.script")
        elif errand.done is not None:
            try:
                errand.done(answer)
            except Exception:
                _faults.report("budgets.redis.answer")

    def _put_back(self, errands: list[Errand]) -> None:
        """What must not be lost goes first the next time. With the lock held."""
        self._queue.extendleft(e for e in reversed(errands) if e.answer is None)

    def _went_away(self, why: str) -> None:
        """With the lock held."""
        self._next_try = time.monotonic() + self._retry_seconds
        if not self._down:
            self._down = True
            waiting = [e for e in self._queue if e.answer is not None]
            self._queue = deque(e for e in self._queue if e.answer is None)
            for errand in waiting:
                if errand.answer is not None and errand.answer.set_running_or_notify_cancel():
                    errand.answer.set_exception(Unreachable(self._name))
            now = time.monotonic()
            often = now - self._warned < _WARN_EVERY
            self._warned = self._warned if often else now
            logger.log(
                logging.INFO if often else logging.WARNING,
                "otel-claude: budgets: %s cannot be used (%s). Until it can, policies that are "
                "`open` let calls pass, and `closed` ones refuse them.",
                self._name,
                why,
            )
        self._changed.notify_all()

    def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            try:
                line.close()
            except Exception:
                logger.debug("otel-claude: budgets: hanging up failed", exc_info=True)


def _flush_at_exit(courier: weakref.ref[Courier]) -> None:
    found = courier()
    if found is not None:
        found.flush(_AT_EXIT)


def _flush_when_a_worker_ends(courier: weakref.ref[Courier]) -> None:
    """A process that `multiprocessing` forked ends by `os._exit`: `atexit` is not for it."""
    # Not imported by us: where this is such a process, it is there.
    started_by: Any = sys.modules.get("multiprocessing")
    if started_by is not None and started_by.parent_process() is not None:
        from multiprocessing.util import Finalize

        Finalize(None, _flush_at_exit, (courier,), exitpriority=10)
