"""The recorded side in the shape of the bill: what was recorded under each key."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from otel_claude.reconcile.facts import (
    COMPONENTS,
    REQUESTS,
    SEARCHES,
    WEB_SEARCH,
    Cell,
    Key,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_claude.reconcile.facts import Inference, RecordedCall


@dataclass
class Side(Cell):
    """What was recorded under one key.

    Attributes:
        free: counts of refusals that are not billed; reports may or may not show them.
        rates: effective rates that occurred, by component.
        known: components whose cost is known for every call.
        split: whether writes of 5 minutes and of 1 hour are told apart for every call.
        unknown_output: calls whose output was never told.
        unpriced: inferences without a cost.
        whole: cost of calls that do not say their components.
    """

    free: Cell = field(default_factory=Cell)
    rates: dict[str, set[Decimal]] = field(default_factory=dict)
    split: bool = True
    unknown_output: int = 0
    unpriced: int = 0
    whole: Decimal | None = None

    def take(self, inference: Inference, call: RecordedCall) -> None:
        """Add an inference of a call."""
        place: Cell = self.free if inference.free else self
        for name, value in inference.tokens.items():
            place.count(name, value)
        self.split = self.split and call.split_known
        if inference.free:
            return
        self.unknown_output += not call.output_known
        if call.unavailable or (inference.usd is None and call.usd is None):
            self.unpriced += 1
        elif inference.usd is None:
            searches = call.searches_usd or Decimal(0)
            self.whole = (self.whole or Decimal(0)) + (call.usd or Decimal(0)) - searches
        else:
            for name, usd in inference.usd.items():
                self.spend(name, usd)
                tokens = sum(inference.tokens.get(kind, 0) for kind in COMPONENTS[name])
                if tokens and len(self.rates.setdefault(name, set())) < _RATES_KEPT:
                    self.rates[name].add(usd / tokens)

    @property
    def total(self) -> Decimal:
        """USD of everything."""
        return sum(self.usd.values(), self.whole or Decimal(0))


_RATES_KEPT = 64


@dataclass
class Sides:
    """All that was recorded.

    Attributes:
        cells: by key.
        dimensions: which dimensions every call knows.
        unseen: calls without tokens, by day and model.
    """

    cells: dict[Key, Side]
    dimensions: tuple[str, ...]
    unseen: Counter[tuple[str, str]]


def gather(calls: Iterable[RecordedCall], dimensions: tuple[str, ...]) -> Sides:
    """Group calls by day, model and those of the dimensions that every call knows.

    A call counts as one request under every key that one of its inferences has.
    """
    calls = list(calls)
    known = tuple(name for name in dimensions if all(_knows(call, name) for call in calls))
    sides = Sides({}, known, Counter())
    for call in calls:
        if not call.inferences:
            key = call.key(call.model)
            sides.unseen[key.day, key.model] += 1
        requests: dict[Key, int] = {}
        for inference in call.inferences:
            key = call.key(inference.model).only(known)
            sides.cells.setdefault(key, Side()).take(inference, call)
            several = requests.get(key, 0) + (inference.requests or 0)
            requests[key] = max(several, requests.get(key, 0), 0 if inference.free else 1)
        for key, number in requests.items():
            side = sides.cells[key]
            (side if number else side.free).count(REQUESTS, number or 1)
        if call.searches:
            side = sides.cells.setdefault(call.key(WEB_SEARCH).only(()), Side())
            side.count(SEARCHES, call.searches)
            if call.searches_usd is None:
                side.unpriced += 1
            else:
                side.spend("server_tools", call.searches_usd)
    return sides


def _knows(call: RecordedCall, name: str) -> bool:
    if not call.inferences:
        return True
    return call.workspace is not None if name == "workspace" else call.detailed
