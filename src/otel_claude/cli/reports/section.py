"""What a report is made of, before it is text, Markdown or HTML; and figures for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from math import floor, log10
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NONE: Final = "-"
_NOTHING: Final = 1e-9  # USD: what is left of sums of doubles
_ROUND: Final = 0.1  # from which changes are told in whole percent
_BARS: Final = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Bars:
    """Dollars over time, or over the days of a week: a line of bars, or a chart.

    Attributes:
        title: what they are.
        labels: one for each bar; never a name that a call brought.
        values: USD.
    """

    title: str
    labels: Sequence[str]
    values: Sequence[float]


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Attributes:
        title: its heading.
        lines: sentences above the table.
        columns: headers; the first is of text, the others of figures unless named in `texts`.
        rows: cells.
        texts: columns besides the first that hold text.
        bars: below the sentences.
    """

    title: str
    lines: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: Sequence[tuple[str, ...]] = ()
    texts: tuple[str, ...] = ()
    bars: Bars | None = None

    @property
    def told(self) -> tuple[str, ...]:
        """Its sentences, with the bars as one of them."""
        if self.bars is None:
            return self.lines
        return (*self.lines, f"{self.bars.title}: {sparkline(self.bars.values)}")

    def is_text(self, place: int) -> bool:
        """Whether a column holds text, which stands on the left."""
        return place == 0 or self.columns[place] in self.texts


def usd(value: float | None) -> str:
    """Dollars: cents from a dollar on, below it four digits, or more to tell three that count."""
    if value is None:
        return NONE
    sign, size = "-" if value < 0 else "", abs(value)
    if size >= 1 or size < _NOTHING:
        return f"{sign if size >= 1 else ''}${size:,.2f}"
    return f"{sign}${size:.{max(4, 2 - floor(log10(size)))}f}"


def seconds(value: float | None) -> str:
    """Seconds."""
    return NONE if value is None else f"{value:.2f} s"


def percent(value: float | None) -> str:
    """A share as percent."""
    return NONE if value is None else f"{value:.1%}"


def change(value: float | None) -> str:
    """A change as percent, with its sign."""
    if value is None:
        return NONE
    return f"{value:+.0%}" if abs(value) >= _ROUND else f"{round(value, 3) + 0.0:+.1%}"


def count(value: float | None) -> str:
    """A number of things."""
    return NONE if value is None else f"{value:,.0f}"


def moment(ns: int) -> str:
    """An instant in UTC, to the minute."""
    return datetime.fromtimestamp(ns / 1e9, tz=timezone.utc).strftime("%Y-%m-%d %H:%M")


def duration(ns: int) -> str:
    """A round length of time."""
    seconds = ns // 10**9
    for size, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return name if seconds == size else f"{seconds // size} {name}s"
    return f"{seconds} seconds"


def sparkline(values: Sequence[float]) -> str:
    """A bar for each value, from nothing to the largest."""
    largest = max(values, default=0)
    if largest <= 0:
        return _BARS[0] * len(values)
    return "".join(_BARS[round(max(0.0, value) / largest * (len(_BARS) - 1))] for value in values)


def about(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Which time and which calls a report is about, and that they are not all where they are not."""
    only = "".join(f" {name} = {' or '.join(values)}." for name, values in found["filters"].items())
    time = f"{moment(found['from_ns'])} to {moment(found['to_ns'])} UTC.{only}"
    note = found["coverage"]["note"]
    return (time, note) if note else (time,)
