"""Looks at all rules again and again, and has messages sent where something has changed."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from otel_claude.local.alerts import reading
from otel_claude.local.alerts.delivery import Delivery
from otel_claude.local.alerts.message import Message
from otel_claude.local.alerts.watch import Watch
from otel_claude.local.queries.period import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_claude.local.alerts.rules import RuleFile
    from otel_claude.local.alerts.watch import State
    from otel_claude.local.engine import Engine

logger = logging.getLogger("otel_claude.alerts")

_REMEMBERED: Final = 50  # messages
_PATIENCE: Final = 2.0  # seconds that channels have at the end


@dataclass(slots=True)
class _Ruled:
    """A rule and where it stands."""

    rule: Any
    watch: Watch
    value: float | None = None
    text: str = "not looked at yet"
    error: str | None = None


@dataclass
class Alerter:
    """Rules over an engine. `start` looks at them in a thread of its own; `look` does it once.

    Args:
        engine: where to ask.
        file: the rules.
        source: path of the file, as told.
        url: of the dashboard, for links; None for none.
        clock: nanoseconds since the epoch.
    """

    engine: Engine
    file: RuleFile
    source: str
    url: str | None = None
    clock: Callable[[], int] = time.time_ns
    history: deque[Message] = field(default_factory=lambda: deque(maxlen=_REMEMBERED), init=False)

    def __post_init__(self) -> None:
        self.deliveries = {
            name: Delivery(name, channel) for name, channel in self.file.channels.items()
        }
        self._rules = [
            _Ruled(rule, Watch(rule.hold, rule.resolve, rule.cooldown)) for rule in self.file.rules
        ]
        self._began = self.clock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look at the rules until `close`."""
        self._thread = threading.Thread(target=self._run, name="otel-claude-alerts", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; what can be delivered at once is."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        for delivery in self.deliveries.values():
            delivery.close(_PATIENCE)

    def _run(self) -> None:
        while not self._stop.wait(self.file.every):
            self.look()

    def look(self) -> None:
        """Look at every rule once. Never raises: a rule that cannot be read keeps its state."""
        for ruled in self._rules:
            if self._stop.is_set():
                return
            try:
                self._look_at(ruled)
            except Exception as error:
                said = f"{type(error).__name__}: {error}"[:500]
                if ruled.error is None:
                    logger.warning(
                        "otel-claude: the alert rule %r cannot be looked at: %s",
                        ruled.rule.name,
                        said,
                    )
                ruled.error = said

    def _look_at(self, ruled: _Ruled) -> None:
        rule, now = ruled.rule, self.clock()
        found = reading.read(rule, self.engine, now, began=self._began)
        known = reading.missing(rule, found) is None
        holds = known and (found.value or 0) >= reading.limit(rule)
        ruled.value = found.value if known else None
        ruled.text = reading.text(rule, found)
        ruled.error = None
        change = ruled.watch.look(now / SECOND, holds)
        if change is not None:
            self._tell(ruled, "firing" if change == "fired" else "resolved", now)

    def _tell(self, ruled: _Ruled, status: Any, now: int) -> None:
        rule = ruled.rule
        message = Message(
            status,
            rule.name,
            rule.type,
            rule.severity,
            ruled.text,
            ruled.value,
            reading.limit(rule),
            rule.window,
            {name: list(values) for name, values in rule.where.items()},
            _iso(now),
            self._link(rule, now),
        )
        self.history.append(message)
        for name in self.file.told_of(rule):
            self.deliveries[name].put(message)

    def _link(self, rule: Any, now: int) -> str | None:
        if self.url is None:
            return None
        # Calls that ended in the window may have begun before it.
        since = _iso(now - int((rule.window + 600) * SECOND))
        failed = rule.type in ("error_rate", "consecutive_errors")
        pairs = [(name, value) for name, values in rule.where.items() for value in values]
        query = [*pairs, *([("show", "failed")] if failed else []), ("from", since)]
        return f"{self.url}/#/calls?{urlencode([*query, ('to', _iso(now))])}"

    def states(self) -> Iterator[tuple[str, str, State]]:
        """Name, severity and state of each rule."""
        for ruled in self._rules:
            yield ruled.rule.name, ruled.rule.severity, ruled.watch.state

    def told(self) -> dict[str, Any]:
        """Where everything stands, for REST."""
        return {
            "reason": None,
            "file": self.source,
            "every_s": self.file.every,
            "rules": [_rule(ruled) for ruled in self._rules],
            "channels": [_channel(delivery) for delivery in self.deliveries.values()],
            "history": [message.fields() for message in reversed(self.history)],
        }


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at // SECOND, tz=timezone.utc).isoformat().replace("+00:00", "Z")


def _rule(ruled: _Ruled) -> dict[str, Any]:
    rule, watch = ruled.rule, ruled.watch
    return {
        "name": rule.name,
        "type": rule.type,
        "severity": rule.severity,
        "state": watch.state,
        "since_ns": None if watch.since is None else int(watch.since * SECOND),
        "value": ruled.value,
        "threshold": reading.limit(rule),
        "window_s": rule.window,
        "text": ruled.text,
        "where": {name: list(values) for name, values in rule.where.items()},
        "error": ruled.error,
    }


def _channel(delivery: Delivery) -> dict[str, Any]:
    counts = delivery.counts
    return {
        "name": delivery.name,
        "type": delivery.channel.type,
        "sent": counts.sent,
        "failed": counts.failed,
        "lost": counts.lost,
        "waiting": delivery.waiting,
        "last_error": counts.last_error,
    }


def nothing(reason: str) -> dict[str, Any]:
    """What REST says where no rules are looked at."""
    empty: dict[str, Any] = {"rules": [], "channels": [], "history": []}
    return {"reason": reason, "file": None, "every_s": None, **empty}
