"""What budgets tell: gauges of how they stand, counters, and events."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry.metrics import CallbackOptions, Observation

from otel_claude import semconv
from otel_claude.call.fork import new_lock
from otel_claude.emit.events import Events
from otel_claude.emit.instruments import instruments_of
from otel_claude.emit.sums import LabelSet, Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from otel_claude.budgets.exceeded import BudgetExceeded
    from otel_claude.budgets.ledger import Claim, Standing
    from otel_claude.budgets.policy import Budget
    from otel_claude.call.call import Call

_FULLEST: Final = 20
_KEPT: Final = 10_000  # accounts of a budget; the one that was not seen for longest goes first

_REJECTIONS: Final = Slot(semconv.M_BUDGET_REJECTIONS)
_WARNINGS: Final = Slot(semconv.M_BUDGET_WARNINGS)
_OVERRUNS: Final = Slot(semconv.M_BUDGET_OVERRUNS)


class _Seen(NamedTuple):
    limit: int
    spent: int
    reserved: int
    until: float

    @property
    def fullness(self) -> float:
        taken = self.spent + self.reserved
        return taken / self.limit if self.limit else float(taken > 0)


class Telemetry:
    """Tells of budgets. Nothing here does I/O: gauges show what this process saw last.

    Args:
        budgets: the policies.
        meter_provider: None is the global one.
        logger_provider: likewise.
    """

    def __init__(
        self, budgets: Sequence[Budget], meter_provider: Any = None, logger_provider: Any = None
    ) -> None:
        self._budgets = budgets
        self._lock = new_lock()
        self._seen: dict[str, dict[str, _Seen]] = {budget.name: {} for budget in budgets}
        self._labels = {
            budget.name: LabelSet(
                {semconv.BUDGET_NAME: budget.name, semconv.BUDGET_SCOPE: budget.scope}
            )
            for budget in budgets
        }
        self._instruments = instruments_of(meter_provider)
        self._events = Events.of(logger_provider, strict=False)
        for name, read in _GAUGES.items():
            self._instruments.show(name, self._gauge(read))

    def close(self) -> None:
        """Show nothing any more."""
        for name in _GAUGES:
            self._instruments.show(name, None)

    def saw(self, budget: Budget, claim: Claim, standing: Standing) -> None:
        """An account stands so, as its store just said."""
        if claim.limit is None:
            return
        seen = self._seen[budget.name]
        with self._lock:
            seen.pop(claim.account, None)
            seen[claim.account] = _Seen(claim.limit, standing.spent, standing.reserved, claim.until)
            if len(seen) > _KEPT:
                del seen[next(iter(seen))]

    def rejected(self, call: Call, exceeded: BudgetExceeded) -> None:
        """A budget refused a call."""
        self._count(exceeded.name, _REJECTIONS)
        if self._events is None:
            return
        attributes: dict[str, Any] = {
            semconv.BUDGET_NAME: exceeded.name,
            semconv.BUDGET_SCOPE: exceeded.scope,
            semconv.BUDGET_KEY: exceeded.key,
            semconv.BUDGET_WINDOW: exceeded.window,
            semconv.BUDGET_UNIT: exceeded.unit,
            semconv.BUDGET_REASON: exceeded.reason,
            semconv.BUDGET_LIMIT: _double(exceeded.limit),
            semconv.BUDGET_SPENT: _double(exceeded.spent),
            semconv.BUDGET_RESERVED: _double(exceeded.reserved),
            semconv.BUDGET_ESTIMATE: _double(exceeded.estimate),
        }
        self._events.warn(semconv.EVENT_BUDGET_REJECTED, _said(attributes), call.context)

    def warned(
        self,
        call: Call,
        budget: Budget,
        key: str,
        spent: int,
        limit: int,
        window: str,
        share: float | None = None,
    ) -> None:
        """A budget has passed a share of its limit, or a call the cost that warns."""
        self._count(budget.name, _WARNINGS)
        if self._events is None:
            return
        attributes: dict[str, Any] = {
            semconv.BUDGET_NAME: budget.name,
            semconv.BUDGET_SCOPE: budget.scope,
            semconv.BUDGET_KEY: key or None,
            semconv.BUDGET_WINDOW: window,
            semconv.BUDGET_UNIT: budget.unit,
            semconv.BUDGET_LIMIT: float(budget.amount(limit)),
            semconv.BUDGET_SPENT: float(budget.amount(spent)),
            semconv.BUDGET_SHARE: share,
        }
        self._events.warn(semconv.EVENT_BUDGET_WARNING, _said(attributes), call.context)

    def overran(self, budget: Budget) -> None:
        """A call cost more than was reserved for it."""
        self._count(budget.name, _OVERRUNS)

    def _count(self, name: str, slot: Slot) -> None:
        self._instruments.sums.add(self._labels[name], ((slot, 1),))

    def _gauge(
        self, read: Callable[[_Seen], int]
    ) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            return [
                Observation(float(budget.amount(read(seen))), labels)
                for budget in self._budgets
                for seen, labels in self._shown(budget)
            ]

        return observe

    def _shown(self, budget: Budget) -> Iterator[tuple[_Seen, dict[str, Any]]]:
        """The fullest accounts of a budget, and their labels. Keys are people: they stay here."""
        now = time.time()
        with self._lock:
            found = [seen for seen in self._seen[budget.name].values() if seen.until > now]
        labels = {
            semconv.BUDGET_NAME: budget.name,
            semconv.BUDGET_SCOPE: budget.scope,
            semconv.BUDGET_WINDOW: budget.span.name,
            semconv.BUDGET_UNIT: budget.unit,
        }
        if budget.scope == "everything":
            # Before its first call in a window a budget has its limit, and nothing spent.
            untouched = [] if budget.units is None else [_Seen(budget.units, 0, 0, now)]
            for seen in found[-1:] or untouched:
                yield seen, labels
            return
        found.sort(key=lambda seen: seen.fullness, reverse=True)
        for rank, seen in enumerate(found[:_FULLEST], start=1):
            yield seen, {**labels, semconv.BUDGET_RANK: rank}


_GAUGES: Final[dict[str, Callable[[_Seen], int]]] = {
    semconv.M_BUDGET_LIMIT: lambda seen: seen.limit,
    semconv.M_BUDGET_SPENT: lambda seen: seen.spent,
    semconv.M_BUDGET_RESERVED: lambda seen: seen.reserved,
}


def _double(amount: object) -> float | None:
    return None if amount is None else float(amount)  # type: ignore[arg-type] # Decimal or int


def _said(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}
