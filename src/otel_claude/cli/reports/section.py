"""What a report is made of, before it is text, Markdown or HTML; and figures for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NONE: Final = "-"
_BARS: Final = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Attributes:
        title: its heading.
        lines: sentences above the table.
        columns: headers; the first is of text, the others of figures unless named in `texts`.
        rows: cells.
        texts: columns besides the first that hold text.
    """

    title: str
    lines: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list)
    texts: tuple[str, ...] = ()

    def is_text(self, place: int) -> bool:
        """Whether a column holds text, which stands on the left."""
        return place == 0 or self.columns[place] in self.texts


def usd(value: float | None) -> str:
    """Dollars: cents from a dollar on, four digits below."""
    if value is None:
        return NONE
    sign, size = "-" if value < 0 else "", abs(value)
    return f"{sign}${size:,.2f}" if size >= 1 or size == 0 else f"{sign}${size:.4f}"


def seconds(value: float | None) -> str:
    """Seconds."""
    return NONE if value is None else f"{value:.2f} s"


def percent(value: float | None) -> str:
    """A share as percent."""
    return NONE if value is None else f"{value:.1%}"


def change(value: float | None) -> str:
    """A change as percent, with its sign."""
    return NONE if value is None else f"{value:+.0%}"


def count(value: float | None) -> str:
    """A number of things."""
    return NONE if value is None else f"{value:,.0f}"


def moment(ns: int) -> str:
    """An instant in UTC, to the minute."""
    return datetime.fromtimestamp(ns / 1e9, tz=timezone.utc).strftime("%Y-%m-%d %H:%M")


def sparkline(values: Sequence[float]) -> str:
    """A bar for each value, from nothing to the largest."""
    largest = max(values, default=0)
    if largest <= 0:
        return _BARS[0] * len(values)
    return "".join(_BARS[round(max(0.0, value) / largest * (len(_BARS) - 1))] for value in values)


def figure(found: Mapping[str, Any], told: Any) -> str:
    """A figure with its interval, as `value (low to high)`."""
    if found["value"] is None:
        return NONE
    interval = found["interval"]
    if interval is None:
        return f"{told(found['value'])} (n={found['count']})"
    return f"{told(found['value'])} ({told(interval['low'])} to {told(interval['high'])})"
