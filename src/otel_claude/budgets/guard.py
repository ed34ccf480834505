"""The observer that keeps calls within their budgets: reserves before, settles after."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from otel_claude import _faults
from otel_claude.budgets.books import Books, Reserved, claims_of
from otel_claude.budgets.claims import Part, parts_of
from otel_claude.budgets.ledger import Unreachable
from otel_claude.budgets.load import load
from otel_claude.budgets.policy import BudgetError
from otel_claude.budgets.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_claude._attribution import Attribution
    from otel_claude.budgets.budgets import Budgets
    from otel_claude.budgets.exceeded import BudgetExceeded
    from otel_claude.budgets.ledger import Standing, Store, Verdict
    from otel_claude.call.call import Call
    from otel_claude.call.session import SessionUse
    from otel_claude.pricing import Prices

logger = logging.getLogger("otel_claude")


class Guard:
    """Checks every call against the budgets. A gate, see `call.call.Gate`.

    Args:
        budgets: the policies.
        store: of their accounts.
        prices: gives the price book in force.
        attribution: who and what a call is for, given the user that its request names.
        telemetry: where to say what happens; None says nothing.
        clock: POSIX seconds, for tests.
    """

    def __init__(
        self,
        budgets: Budgets,
        store: Store,
        prices: Callable[[], Prices | None],
        attribution: Callable[[str | None], Attribution | None],
        telemetry: Telemetry | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._budgets = tuple(budgets.budgets)
        self.store = store
        self._attribution = attribution
        self._telemetry = telemetry
        self._clock = clock
        self._books = Books(self._budgets, store, prices, telemetry, clock)
        self._warned: set[str] = set()

    def close(self) -> None:
        """Settle what is left, and let go of the store."""
        self.store.close()
        if self._telemetry is not None:
            self._telemetry.close()

    def listening(self) -> bool:
        """Always: a budget holds whether anybody listens to telemetry or not."""
        return True

    def before(self, call: Call) -> None:
        """Note whose call it is, where telemetry is suppressed and nobody else does."""
        if call.attribution is None:
            call.attribution = self._attribution(call.request.get("user_id"))

    # Before a call.

    def admit(self, call: Call) -> None:
        """Reserve what a call may cost.

        Raises:
            BudgetExceeded: a budget refuses it.
        """
        if (asked := self._ask(call)) is not None:
            try:
                verdict = self.store.reserve(asked.hold, claims_of(asked.parts))
            except Unreachable:
                self._unreachable(call, asked)
            else:
                self._decide(call, asked, verdict)

    async def admit_async(self, call: Call) -> None:
        """`admit` for a call on an event loop."""
        if (asked := self._ask(call)) is not None:
            try:
                verdict = await self.store.reserve_async(asked.hold, claims_of(asked.parts))
            except Unreachable:
                self._unreachable(call, asked)
            else:
                self._decide(call, asked, verdict)

    def _ask(self, call: Call) -> Reserved | None:
        """What to ask the store; None where no budget has a window that the call falls in."""
        if not call.is_inference and not (call.operation == "batch" and _requests(call)):
            return None
        most = self._books.most_of(call)
        parts = parts_of(self._budgets, call, self._clock(), most)
        for part in parts:
            self._check_alone(call, part)
        if not parts:
            return None
        asked = self._books.reserve(call, parts, most)
        return asked if any(part.claim for part in parts) else None

    def _check_alone(self, call: Call, part: Part) -> None:
        """What can be said of a call without knowing of any other."""
        budget, most = part.budget, part.budget.call_units
        if part.upper is None:
            if budget.unpriced == "block":
                self._refuse(call, part, part.exceeded(reason="unpriced"))
            elif call.model not in self._warned and len(self._warned) < 256:
                self._warned.add(call.model or "")
                logger.warning(
                    "otel-claude: budgets: the model %r has no price, so calls of it are in no USD "
                    "budget. Add it with the setting `prices`, or block them: `unpriced: block`.",
                    call.model,
                )
        elif most is not None and part.upper > most:
            self._refuse(call, part, part.exceeded(window="call", limit=most))

    def _decide(self, call: Call, asked: Reserved, verdict: Verdict) -> None:
        claimed = [part for part in asked.parts if part.claim is not None]
        for part, standing in zip(claimed, verdict.standings, strict=True):
            self._books.saw(part.budget, part.claim, standing)
        if verdict.refused is not None:
            part, standing = claimed[verdict.refused], verdict.standings[verdict.refused]
            call.reserved = None
            self._refuse(call, part, _over(part, standing, standing.reserved, standing.frees_at))
            return
        for part, standing in zip(claimed, verdict.standings, strict=True):
            claim = part.claim
            if claim is None or claim.limit is None or not callable(part.budget.action):
                continue
            if standing.spent + standing.reserved > claim.limit:
                others = standing.reserved - claim.amount
                self._refuse(call, part, _over(part, standing, others, claim.calendar_end))

    def _refuse(self, call: Call, part: Part, exceeded: BudgetExceeded) -> None:
        """Raise, where the policy is to do so."""
        action = part.budget.action
        if callable(action):
            try:
                refuses = action(exceeded) is True
            except Exception:
                _faults.report("budgets.action")
                refuses = False
        else:
            refuses = part.budget.firm
        if not refuses:
            return
        self._books.give_back(call)
        if self._telemetry is not None:
            self._telemetry.rejected(call, exceeded)
        raise exceeded

    def _unreachable(self, call: Call, asked: Reserved) -> None:
        for part in asked.parts:
            if part.claim is not None and part.budget.unreachable == "closed":
                # Not given back: nothing is held, and the queue should not grow by refusals.
                call.reserved = None
                self._refuse(call, part, part.exceeded(reason="unreachable"))
        call.reserved = asked

    def after(self, call: Call) -> None:
        """Book what a call cost, and end its reservation."""
        self._books.after(call)

    def used_in_session(self, use: SessionUse) -> None:
        """Book what a managed agent's session used."""
        self._books.used_in_session(use, self._attribution(None))


def guard_of(
    policies: object,
    prices: Callable[[], Prices | None],
    attribution: Callable[[str | None], Attribution | None],
    *,
    telemetry: bool,
    meter_provider: Any,
    logger_provider: Any,
) -> Guard | None:
    """A guard for policies in any form; None where none can be enforced. Never raises.

    What is wrong is one line in the log each, and left out.
    """
    budgets, problems = load(policies)
    for problem in problems:
        logger.error("otel-claude: setting budgets: %s. It is left out.", problem)
    if budgets is None:
        logger.error("otel-claude: setting budgets: no budget is in force.")
        return None
    try:
        store = budgets.open()
    except BudgetError as problem:
        logger.error("otel-claude: setting budgets: %s. No budget is in force.", problem)  # noqa: TRY400 - a line for the user
        return None
    tells = Telemetry(budgets.budgets, meter_provider, logger_provider) if telemetry else None
    return Guard(budgets, store, prices, attribution, tells)


def _requests(call: Call) -> bool:
    return call.body is not None and isinstance(call.body.get("requests"), list)


def _over(part: Part, standing: Standing, reserved: int, frees_at: float | None) -> BudgetExceeded:
    return part.exceeded(spent=standing.spent, reserved=reserved, resets_at=frees_at)
