"""Delivers the messages of one channel, one after the other, again where it fails."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_claude.local.alerts.channels import send

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_claude.local.alerts.message import Message
    from otel_claude.local.alerts.rules import Command, Log, Webhook

logger = logging.getLogger("otel_claude.alerts")

_MOST: Final = 100  # messages that wait; beyond them the oldest goes
_FIRST: Final = 1.0  # seconds until the second attempt
_LONGEST: Final = 300.0  # seconds between two attempts
_KEPT: Final = 3600.0  # seconds that a message is tried


@dataclass(slots=True)
class Counts:
    """What became of messages. `failed` counts attempts, `lost` messages that were given up."""

    sent: int = 0
    failed: int = 0
    lost: int = 0
    last_error: str | None = None


class Delivery:
    """A channel's own thread: what is slow or broken there holds up nothing else.

    Args:
        name: of the channel.
        channel: where to.
        wait: waits so many seconds and says whether it is time to stop.
        clock: seconds.
    """

    def __init__(
        self,
        name: str,
        channel: Webhook | Command | Log,
        *,
        wait: Callable[[float], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.channel = channel
        self.counts = Counts()
        self._clock = clock
        self._stop = threading.Event()
        self._wait = wait or self._stop.wait
        self._changed = threading.Condition()
        self._messages: deque[tuple[Message, float]] = deque()
        self._thread = threading.Thread(
            target=self._run, name=f"otel-claude-alerts-{name}", daemon=True
        )
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Messages that are not delivered yet."""
        return len(self._messages)

    def put(self, message: Message) -> None:
        """Have a message delivered. Never blocks."""
        with self._changed:
            if len(self._messages) >= _MOST:
                self._messages.popleft()
                self._give_up("too many messages wait")
            self._messages.append((message, self._clock()))
            self._changed.notify()

    def close(self, patience: float) -> None:
        """Deliver what waits if it can be done at once, then stop."""
        with self._changed:
            self._stop.set()
            self._changed.notify()
        self._thread.join(patience)

    def _run(self) -> None:
        pause = _FIRST
        while (head := self._head()) is not None:
            message, since = head
            if self._attempt(message):
                pause = _FIRST
                self._drop(head)
            elif self._stop.is_set() or self._clock() - since > _KEPT:
                self._drop(head)
                self._give_up(self.counts.last_error or "")
            else:
                self._wait(pause)
                pause = min(2 * pause, _LONGEST)

    def _head(self) -> tuple[Message, float] | None:
        """The oldest message; None at the end."""
        with self._changed:
            while not self._messages:
                if self._stop.is_set():
                    return None
                self._changed.wait()
            return self._messages[0]

    def _drop(self, head: tuple[Message, float]) -> None:
        with self._changed:
            # It may have had to make room meanwhile.
            if self._messages and self._messages[0] is head:
                self._messages.popleft()

    def _attempt(self, message: Message) -> bool:
        counts = self.counts
        try:
            send(self.channel, message)
        except Exception as error:
            counts.failed += 1
            if counts.last_error is None:
                logger.warning(
                    "otel-claude: alerts do not reach the channel %s: %s; trying again for an hour",
                    self.name,
                    error,
                )
            counts.last_error = str(error)
            return False
        counts.sent += 1
        if counts.last_error is not None:
            logger.warning("otel-claude: alerts reach the channel %s again", self.name)
            counts.last_error = None
        return True

    def _give_up(self, reason: str) -> None:
        self.counts.lost += 1
        logger.warning(
            "otel-claude: an alert was given up, the channel %s never took it: %s",
            self.name,
            reason,
        )
