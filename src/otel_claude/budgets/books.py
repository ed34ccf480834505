"""Books what calls cost, and ends their reservations."""

from __future__ import annotations

import copy
import itertools
import secrets
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_claude._attribution import Attribution
from otel_claude.budgets.claims import Part, Threads, attribution_of, claim_of, key_of, most_of
from otel_claude.budgets.ledger import Charge
from otel_claude.budgets.policy import PLACES, units_of
from otel_claude.call.fork import generation
from otel_claude.emit.bill import Bill, cost_of
from otel_claude.pricing import Cost, Held

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otel_claude.budgets.ledger import Claim, Standing, Store
    from otel_claude.budgets.policy import Budget
    from otel_claude.budgets.telemetry import Telemetry
    from otel_claude.call.call import Call
    from otel_claude.call.session import SessionUse
    from otel_claude.pricing import Ceiling, Prices

_CUT_SHORT: Final = ("abandoned", "cancelled", "truncated", "failed")


class Reserved(NamedTuple):
    """What is held for a call under way: `parts` of its budgets, under the name `hold`.

    `thread` is set for a call in a message thread: the lifetime of its cache writes.
    """

    hold: str
    parts: Sequence[Part]
    thread: str | None = None


class Books:
    """Settles calls. Arguments as for `Guard`."""

    def __init__(
        self,
        budgets: Sequence[Budget],
        store: Store,
        prices: Callable[[], Prices | None],
        telemetry: Telemetry | None,
        clock: Callable[[], float],
    ) -> None:
        self._budgets = budgets
        self._workspaces = [budget for budget in budgets if budget.scope == "workspace"]
        self._store = store
        self._prices = prices
        self._telemetry = telemetry
        self._clock = clock
        self._holds = Names()
        self._threads = Threads()

    def most_of(self, call: Call) -> dict[str, Ceiling]:
        """What a call may cost at most, of each model."""
        return most_of(call, self._prices(), self._threads.held_by(call.body or {}))

    def reserve(self, call: Call, parts: Sequence[Part], most: dict[str, Ceiling]) -> Reserved:
        """Note on a call what it holds from now on, or is about to ask for."""
        threaded = bool((call.body or {}).get("thread"))
        thread = next((each.lifetime for each in most.values()), None) if threaded else None
        call.reserved = reserved = Reserved(self._holds.next(), parts, thread)
        return reserved

    def give_back(self, call: Call) -> None:
        """End the reservation of a call that is not made."""
        reserved: Reserved | None = call.reserved
        call.reserved = None
        if reserved is not None:
            self._settle(call, reserved, [0] * len(reserved.parts))

    def after(self, call: Call) -> None:
        """Book what a call cost, and end its reservation."""
        reserved: Reserved | None = call.reserved
        if "anthropic-workspace-id" in call.response_headers:
            call.endpoint.workspace = call.response_headers["anthropic-workspace-id"]
        if call.whole is not None:
            self._book(call)
        elif call.operation == "batch":
            self._after_batch(call, reserved)
        elif call.is_inference and call.outcome != "rejected":
            call.reserved = None
            self._remember_thread(call, reserved)
            reserved = self._with_workspace(call, reserved)
            if reserved is not None:
                self._settle(call, reserved, self._costs(call, reserved.parts))

    def _after_batch(self, call: Call, reserved: Reserved | None) -> None:
        """A batch was created: its reservation stands. Its results were read: it ends."""
        call.reserved = None
        if reserved is not None and call.outcome == "completed" and call.batch_id is not None:
            self._store.keep(reserved.hold, call.batch_id, claims_of(reserved.parts))
        elif reserved is not None:
            self._settle(call, reserved, [0] * len(reserved.parts))
        elif call.tally is not None and call.outcome == "completed" and call.batch_id is not None:
            self._store.release(call.batch_id)

    def _book(self, call: Call) -> None:
        """A result of a batch: what it cost is booked when it is read, whoever reserved for it."""
        parts = self._parts(self._budgets, call)
        self._settle(call, Reserved(self._holds.next(), parts), self._costs(call, parts))

    def _remember_thread(self, call: Call, reserved: Reserved | None) -> None:
        if reserved is None or reserved.thread is None or call.response_id is None:
            return
        prompt, output = call.usage.prompt_tokens, call.usage.output_tokens
        if prompt is not None and output is not None:
            self._threads.saw(call.response_id, Held(prompt + output, reserved.thread))

    def _with_workspace(self, call: Call, reserved: Reserved | None) -> Reserved | None:
        """Also the budget of a workspace that nobody knew of before its first answer."""
        held = () if reserved is None else [part.budget for part in reserved.parts]
        missing = [b for b in self._workspaces if b not in held]
        if not missing or (found := self._parts(missing, call)) == []:
            return reserved
        if reserved is None:
            return Reserved(self._holds.next(), found)
        return reserved._replace(parts=[*reserved.parts, *found])

    def _parts(self, budgets: Sequence[Budget], call: Call) -> list[Part]:
        """The parts of a call that nothing was reserved for."""
        said, now = attribution_of(call), self._clock()
        keys = [(budget, key_of(budget.scope, said, call)) for budget in budgets]
        return [
            Part(budget, key, claim_of(budget, key, said, now, None), None)
            for budget, key in keys
            if key is not None
        ]

    def _costs(self, call: Call, parts: Sequence[Part]) -> list[int]:
        """What the call cost each of its budgets, in ledger units.

        Of a call that was cut short it is what is known, and not more than was reserved: what
        came in, and of a stream one token of output for each event at least.
        """
        bill = Bill(call, self._prices())
        found, output = bill.cost, bill.output_tokens
        cut = call.outcome in _CUT_SHORT
        if cut and call.stream and call.usage.said and output is None:
            usage = copy.copy(call.usage)
            usage.output_tokens = output = call.events
            found = cost_of(call, usage, self._prices())
        tokens = (bill.prompt_tokens or 0) + (output or 0)
        costs = []
        for part in parts:
            upper = part.upper
            if part.budget.unit == "tokens":
                amount = tokens
            elif isinstance(found, Cost):
                amount = found.units(PLACES)
            else:
                # No price for what answered: what was reserved is the best that is known.
                amount = (upper or 0) if found is not None else 0
            costs.append(min(amount, upper) if cut and upper is not None else amount)
        return costs

    def _settle(self, call: Call, reserved: Reserved, costs: Sequence[int]) -> None:
        charges, charged = [], []
        for part, cost in zip(reserved.parts, costs, strict=True):
            budget, warns = part.budget, part.budget.call_warning_units
            if warns is not None and cost > warns and self._telemetry is not None:
                self._telemetry.warned(call, budget, part.key, cost, warns, "call")
            if part.claim is None:
                continue
            charges.append(Charge(part.claim, cost))
            charged.append(part)
            if part.upper is not None and cost > part.upper and self._telemetry is not None:
                self._telemetry.overran(budget)
        if not charges:
            return

        def booked(standings: Sequence[Standing]) -> None:
            for part, standing in zip(charged, standings, strict=True):
                self.saw(part.budget, part.claim, standing)
                self._warn(call, part, standing)

        self._store.settle(reserved.hold, charges, booked)

    def _warn(self, call: Call, part: Part, standing: Standing) -> None:
        """Once for each share of the limit: by the one charge that passes it."""
        limit = None if part.claim is None else part.claim.limit
        if limit is None or self._telemetry is None:
            return
        for share in reversed(part.budget.shares):
            if (
                standing.before * share.denominator
                < limit * share.numerator
                <= (standing.spent * share.denominator)
            ):
                budget = part.budget
                name = budget.span.name
                self._telemetry.warned(
                    call, budget, part.key, standing.spent, limit, name, float(share)
                )
                return

    def saw(self, budget: Budget, claim: Claim | None, standing: Standing) -> None:
        """An account stands so."""
        if self._telemetry is not None and claim is not None:
            self._telemetry.saw(budget, claim, standing)

    def used_in_session(self, use: SessionUse, said: Attribution | None) -> None:
        """Book what a managed agent's session used: known only afterwards, so never refused."""
        said, now = said or Attribution(), self._clock()
        tokens = sum(use.tokens.values())
        usd = units_of(use.cost)
        charges = []
        for budget in self._budgets:
            key = key_of(budget.scope, said)
            claim = None if key is None else claim_of(budget, key, said, now, None)
            if claim is not None:
                charges.append(Charge(claim, usd if budget.unit == "usd" else tokens))
        if charges:
            self._store.settle(self._holds.next(), charges)


class Names:
    """Names for reservations that no other process, nor a forked child, uses."""

    def __init__(self) -> None:
        self._series = (-1, "", itertools.count())

    def next(self) -> str:
        """A new one. Safe between threads: each goes on with a whole series, of whoever began it."""
        series = self._series
        if series[0] != generation():
            series = self._series = (generation(), secrets.token_hex(8), itertools.count())
        return f"{series[1]}{next(series[2])}"


def claims_of(parts: Sequence[Part]) -> list[Claim]:
    """The claims of the parts that have one."""
    return [part.claim for part in parts if part.claim is not None]
