"""What the last calls of this process were: for `otel_claude.summary()`, without any backend.

On request only (setting `summary`), and of bounded memory: a ring of the last calls.
"""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_claude.pricing import Unpriced

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_claude.call.call import Call
    from otel_claude.emit.bill import Bill

logger = logging.getLogger("otel_claude")

KEPT: Final = 10_000
"""Calls that are remembered: about 2 MB."""


class _Seen(NamedTuple):
    ended_ns: int
    model: str
    failed: bool
    retries: int
    input_tokens: int
    output_tokens: int
    cache_read: int
    cost: float | None
    unpriced: bool
    seconds: float
    first: float | None


@dataclass(frozen=True, slots=True)
class Times:
    """Percentiles in seconds; None without measurements."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Times:
        """The percentiles of some times."""
        values = list(seconds)
        if not values:
            return cls()
        if len(values) == 1:
            return cls(*values * 3)
        import statistics  # heavy, and used on request only

        cuts = statistics.quantiles(values, n=100, method="inclusive")
        return cls(cuts[49], cuts[94], cuts[98])


@dataclass(frozen=True, slots=True)
class Summary:
    """What the calls of this process used and cost.

    Attributes:
        calls: that ended, token counting left out.
        errors: those of them that failed.
        retries: failed attempts that the SDK repeated.
        input_tokens: whole prompts, cached tokens included.
        output_tokens: output, thinking included.
        cache_read_tokens: part of the prompts that was read from the cache.
        cost_usd: USD.
        unpriced: calls without a known price: not in the cost.
        duration: of the calls, seconds.
        first_token: of the streams, seconds.
        by_model: the same for each model that was asked for.
        complete: False where older calls of that time are no longer remembered.
    """

    calls: int = 0
    errors: int = 0
    retries: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0
    duration: Times = field(default_factory=Times)
    first_token: Times = field(default_factory=Times)
    by_model: dict[str, Summary] = field(default_factory=dict)
    complete: bool = True

    @property
    def success_rate(self) -> float | None:
        """Share of the calls that did not fail; None without calls."""
        return (self.calls - self.errors) / self.calls if self.calls else None


class Recent:
    """The last calls. Appending is safe from any thread."""

    def __init__(self, most: int = KEPT) -> None:
        self._calls: deque[_Seen] = deque(maxlen=most)
        self._forgot_until = 0

    def add(self, call: Call, bill: Bill) -> None:
        """Remember a call that has ended."""
        if not call.is_inference:
            return
        if len(self._calls) == self._calls.maxlen:
            self._forgot_until = self._calls[0].ended_ns
        seconds = (call.ended or call.started) - call.started
        self._calls.append(
            _Seen(
                call.started_at + seconds,
                call.model or call.response_model or "?",
                call.failure is not None,
                len(call.retried_errors),
                bill.prompt_tokens or 0,
                bill.output_tokens or 0,
                bill.cache_read or 0,
                bill.total,
                type(bill.cost) is Unpriced,
                seconds / 1e9,
                call.time_to_first_token,
            )
        )

    def summary(self, since: int, model: str | None) -> Summary:
        """Sum up the calls that ended since then (nanoseconds since the epoch)."""
        calls = [
            seen
            for seen in tuple(self._calls)
            if seen.ended_ns >= since and model in (None, seen.model)
        ]
        names = dict.fromkeys(seen.model for seen in calls)
        complete = self._forgot_until < since or not self._forgot_until
        return _summed(
            calls,
            {
                name: _summed([seen for seen in calls if seen.model == name], {}, complete)
                for name in names
            },
            complete,
        )


def _summed(calls: list[_Seen], by_model: dict[str, Summary], complete: bool) -> Summary:
    return Summary(
        calls=len(calls),
        errors=sum(seen.failed for seen in calls),
        retries=sum(seen.retries for seen in calls),
        input_tokens=sum(seen.input_tokens for seen in calls),
        output_tokens=sum(seen.output_tokens for seen in calls),
        cache_read_tokens=sum(seen.cache_read for seen in calls),
        cost_usd=math.fsum(seen.cost for seen in calls if seen.cost is not None),
        unpriced=sum(seen.unpriced for seen in calls),
        duration=Times.of(seen.seconds for seen in calls),
        first_token=Times.of(seen.first for seen in calls if seen.first is not None),
        by_model=by_model,
        complete=complete,
    )


_remembered: list[Recent] = []


def remember(*recent: Recent) -> None:
    """What `summary` tells of from now on; nothing without an argument."""
    _remembered[:] = recent


def summary(since: datetime | timedelta | float | None = None, model: str | None = None) -> Summary:
    """What the Claude calls of this process used and cost, without any backend.

    Needs `instrument(summary=True)` or OTEL_CLAUDE_SUMMARY=true; the last 10,000 calls are
    remembered.

    Args:
        since: only calls that ended since then: an instant (UTC where it names no zone), how long
            ago as a timedelta, or seconds since the epoch. None for all.
        model: only calls that asked for this model.

    Returns:
        The sums; none where the setting is off, with a warning.

    Raises:
        TypeError: `since` is something else.
    """
    start = _nanoseconds(since)
    if not _remembered:
        logger.warning("otel-claude: summary() needs the setting summary=True; it is empty")
        return Summary(complete=False)
    return _remembered[0].summary(start, model)


def _nanoseconds(since: datetime | timedelta | float | None) -> int:
    if since is None:
        return 0
    if isinstance(since, timedelta):
        return time.time_ns() - int(since.total_seconds() * 1e9)
    if isinstance(since, datetime):
        moment = since if since.tzinfo else since.replace(tzinfo=timezone.utc)
        return int(moment.timestamp() * 1e9)
    if type(since) in (int, float):
        return int(since * 1e9)
    raise TypeError("since takes a datetime, a timedelta or seconds since the epoch")
