"""Expressions that rules and dashboards share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.operations.names import ENVIRONMENT, FINISH, OUTCOME, PER_PROCESS, SERVICE
from tools.operations.thresholds import duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.operations.thresholds import Thresholds

BY_SERVICE = (ENVIRONMENT, SERVICE)
FAILED = f'{OUTCOME}=~"failed|truncated"'
REFUSED = f'{FINISH}="content_filter"'
CUT = f'{FINISH}="length"'


def select(name: str, *matchers: str) -> str:
    """A selector; empty matchers are left out."""
    inside = ", ".join(matcher for matcher in matchers if matcher)
    return f"{name}{{{inside}}}" if inside else name


def increments(series: str, limits: Thresholds) -> str:
    """What a counter's series grew by within the last interval, summed over processes.

    `increase()` sees nothing of a series that is born with its final value, as those of a process
    of 5 seconds or of a new label set are, and it extrapolates. Here a series is compared with its
    last value before the interval; one without such a value is new, one that is smaller than it has
    restarted, and the whole of both counts. The intervals meet without gap or overlap, so their sum
    over any time is exact; a series that was away for less than `gap` is not counted again. All of
    it is looked at `settle` later, when the scrapes that began by then have ended.
    """
    settle = limits.settle_seconds
    length = limits.interval_seconds * limits.scale
    now = f"last_over_time({series}[{limits.interval}] offset {duration(settle)})"
    before = f"last_over_time({series}[{limits.gap}] offset {duration(settle + length)})"
    kept = ", ".join(PER_PROCESS)
    return f"sum without ({kept}) (({now} - {before}) >= 0 or {now})"


def total(by: Iterable[str], record: str, window: str, *matchers: str) -> str:
    """The sum of recorded increments over a window (a PromQL duration or Grafana's variable)."""
    return f"sum by ({', '.join(by)}) (sum_over_time({select(record, *matchers)}[{window}]))"


def share(by: Iterable[str], record: str, window: str, part: str, *matchers: str) -> str:
    """The share of the increments that `part` selects; 0 where there are none, absent without any.

    `record` may only count what is common to both.
    """
    by = tuple(by)
    whole = total(by, record, window, *matchers)
    some = total(by, record, window, *matchers, part)
    return f"({some} or {whole} * 0) / ({whole} > 0)"


def quantile(q: float, by: Iterable[str], record: str, window: str, *matchers: str) -> str:
    """A quantile of a recorded histogram."""
    return f"histogram_quantile({q:g}, {total(('le', *by), record, window, *matchers)})"
