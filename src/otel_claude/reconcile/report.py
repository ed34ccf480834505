"""The whole comparison: both sides in, a report out. Pure: no files, no network, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from otel_claude.reconcile import outside
from otel_claude.reconcile.compare import Compared, Finding, Seen, compare
from otel_claude.reconcile.facts import (
    DIMENSIONS,
    REQUESTS,
    TOKENS,
    WEB_SEARCH,
    Bill,
    CannotCompareError,
    Cell,
    Key,
    Recording,
    day_of,
)
from otel_claude.reconcile.sides import Side, gather

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_claude.reconcile.outside import Outside

TOLERANCE = Decimal("0.001")
"""Relative difference that counts as none, unless said otherwise."""


class Coverage(NamedTuple):
    """A count on both sides: what both have, what one of them has more."""

    both: int = 0
    only_on_bill: int = 0
    only_recorded: int = 0

    def add(self, seen: Seen) -> Coverage:
        """With the counts of one more cell."""
        return Coverage(
            self.both + seen.both,
            self.only_on_bill + max(0, seen.missing),
            self.only_recorded + max(0, -seen.missing),
        )


@dataclass
class Row:
    """One line of the report.

    Attributes:
        by_rate: part of the difference in USD that comes from rates.
        by_doubt: part that the recorded side says it cannot know.
    """

    key: Key
    requests: Coverage = field(default_factory=Coverage)
    tokens: Coverage = field(default_factory=Coverage)
    recorded_usd: Decimal = Decimal(0)
    billed_usd: Decimal = Decimal(0)
    by_rate: Decimal = Decimal(0)
    by_doubt: Decimal = Decimal(0)

    @property
    def by_coverage(self) -> Decimal:
        """Part of the difference in USD that comes from calls that one side does not have."""
        return self.billed_usd - self.recorded_usd - self.by_rate - self.by_doubt

    def add(self, cell: Compared) -> None:
        """Add a cell."""
        for name, seen in cell.seen.items():
            if name == REQUESTS:
                self.requests = self.requests.add(seen)
            elif name in (*TOKENS, "cache_write"):
                self.tokens = self.tokens.add(seen)
        self.recorded_usd += cell.recorded.total if not cell.commitment else Decimal(0)
        self.billed_usd += cell.billed.total
        self.by_rate += cell.by_rate
        self.by_doubt += cell.unseen_usd + cell.unpriced_usd


@dataclass
class Report:
    """What the two sides agree and differ in.

    Attributes:
        days: first and last day, both included.
        dimensions: what was told apart besides day and model.
        rows: by day and model, and what else was asked for.
        total: over all rows.
        findings: differences beyond the tolerance; empty where both sides agree.
        outside: what is not compared.
        notes: facts about the comparison itself.
    """

    days: tuple[str, str]
    dimensions: tuple[str, ...]
    tolerance: Decimal
    rows: list[Row]
    total: Row
    findings: list[Finding]
    outside: list[Outside]
    notes: list[str]

    @property
    def verdict(self) -> Literal["agrees", "differs"]:
        """Whether nothing differs beyond the tolerance."""
        return "differs" if self.findings else "agrees"


def reconcile(
    recording: Recording,
    bill: Bill,
    *,
    days: tuple[str, str] | None = None,
    by: Iterable[str] = (),
    tolerance: Decimal = TOLERANCE,
) -> Report:
    """Compare recorded calls with a bill.

    Both sides are compared by day, model and all of workspace, tier, speed and geo that both know,
    so that within one cell there is one rate; rows of the report add up such cells.

    Args:
        recording: the one side.
        bill: the other side.
        days: first and last day to compare, both included; None for those of the bill.
        by: dimensions (`workspace`, `tier`, `speed`, `geo`) to keep apart in the rows.
        tolerance: relative difference that counts as none.

    Raises:
        CannotCompareError: a side is empty.
    """
    if not recording.calls:
        raise CannotCompareError("no call was found in the recorded file")
    span = days or bill.days
    if span is None:
        raise CannotCompareError("the bill is empty, and no days were given")
    notes = _notes(recording, bill)
    timely = [call for call in recording.calls if span[0] <= day_of(call.time) <= span[1]]
    known = [call for call in timely if bill.refreshed is None or call.time < bill.refreshed]
    calls = [call for call in known if not call.elsewhere]
    _note(notes, len(recording.calls) - len(timely), "are of other days")
    _note(
        notes, len(timely) - len(known), "are later than the bill's last refresh and were left out"
    )
    if not calls and not bill.cells:
        raise CannotCompareError(f"neither side has anything from {span[0]} to {span[1]}")
    sides = gather(calls, bill.dimensions)
    lost = [name for name in bill.dimensions if name not in sides.dimensions]
    if lost:
        notes.append(f"Not told apart, since some recorded calls do not say it: {', '.join(lost)}.")
    cells = _compare_all(
        sides.cells, _merged(bill, span, sides.dimensions), sides.unseen, tolerance
    )
    own, others = _split(cells)
    findings, moved = _without_midnight([f for cell in own for f in cell.findings])
    _note(notes, moved, "stand one day apart on the two sides, as at midnight: no difference")
    left_out = [
        *outside.fees(bill),
        *outside.batches(recording),
        *outside.elsewhere(call for call in timely if call.elsewhere),
        *outside.doubts(calls),
        *outside.unseen(own),
        *outside.strangers(bill, others, findings),
    ]
    rows = _rows(own, tuple(by))
    total = Row(Key("", "total"))
    for cell in own:
        total.add(cell)
    return Report(span, sides.dimensions, tolerance, rows, total, findings, left_out, notes)


def _notes(recording: Recording, bill: Bill) -> list[str]:
    notes: list[str] = []
    _note(notes, recording.unbilled, "failed before anything was answered: they are not billed")
    _note(notes, recording.duplicates, "stood there more than once and count once")
    if recording.skipped:
        notes.append(f"{recording.skipped:,} lines are neither log lines of calls nor spans.")
    if not bill.has_requests:
        notes.append("The bill does not count requests.")
    if bill.discount:
        notes.append(f"Discounts take {bill.discount:f} USD off the list price.")
    return notes


def _note(notes: list[str], number: int, what: str) -> None:
    if number:
        notes.append(f"{number:,} recorded calls {what}.")


def _merged(bill: Bill, days: tuple[str, str], dimensions: tuple[str, ...]) -> dict[Key, Cell]:
    """The bill's cells of these days, told apart by no more than both sides know."""
    merged: dict[Key, Cell] = {}
    for key, cell in bill.cells.items():
        if not days[0] <= key.day <= days[1]:
            continue
        into = merged.setdefault(key.only(dimensions), Cell())
        for name, value in cell.counts.items():
            into.count(name, value)
        for component, usd in cell.usd.items():
            into.spend(component, usd)
    return merged


def _compare_all(
    sides: dict[Key, Side],
    billed: dict[Key, Cell],
    unseen: dict[tuple[str, str], int],
    tolerance: Decimal,
) -> list[Compared]:
    cells = []
    for key in sorted({*sides, *billed}, key=_order):
        place = (key.day, key.model)
        cell = compare(
            key,
            sides.get(key) or Side(),
            billed.get(key) or Cell(),
            tolerance=tolerance,
            unseen_calls=unseen.get(place, 0),
        )
        if cell.unseen.get(REQUESTS):
            unseen[place] -= cell.unseen[REQUESTS]
        cells.append(cell)
    return cells


def _order(key: Key) -> tuple[str, ...]:
    return tuple(value or "" for value in key)


def _split(cells: list[Compared]) -> tuple[list[Compared], list[Compared]]:
    """Cells of workspaces that recorded calls are of, and of others."""
    known = {cell.key.workspace for cell in cells if cell.recorded.counts}
    known.add(None)
    if known == {None}:
        return cells, []
    own = [cell for cell in cells if cell.key.workspace in known]
    return own, [cell for cell in cells if cell.key.workspace not in known]


def _without_midnight(findings: list[Finding]) -> tuple[list[Finding], int]:
    """Leave out pairs in which one day has more by exactly what the next one lacks."""
    places: dict[Key, list[int]] = {}
    for place, finding in enumerate(findings):
        if finding.kind != "rate":
            places.setdefault(finding.key, []).append(place)
    gone: set[int] = set()
    moved = 0
    for place, one in enumerate(findings):
        if place in gone or one.kind == "rate":
            continue
        opposite = {name: -number for name, number in one.counts.items()}
        for other in places.get(one.key._replace(day=_day_after(one.key.day)), ()):
            if other not in gone and dict(findings[other].counts) == opposite:
                gone |= {place, other}
                moved += abs(one.counts.get(REQUESTS, 1))
                break
    return [one for place, one in enumerate(findings) if place not in gone], moved


def _day_after(day: str) -> str:
    from datetime import date, timedelta

    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def _rows(cells: list[Compared], by: tuple[str, ...]) -> list[Row]:
    rows: dict[Key, Row] = {}
    for cell in cells:
        key = cell.key.only(tuple(name for name in by if name in DIMENSIONS))
        rows.setdefault(key, Row(key)).add(cell)
    return sorted(
        rows.values(), key=lambda row: (row.key.day, row.key.model == WEB_SEARCH, _order(row.key))
    )
