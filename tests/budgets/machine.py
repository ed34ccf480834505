"""Random interleavings of calls, against a model of the ledger that is too simple to be wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from otel_claude.budgets.ledger import Charge, Claim, Standing
from otel_claude.budgets.window import PARTS, Window

HOLD_SECONDS = 900.0
DAY = Window("day", "Europe/Berlin")
HOUR = Window("60 minutes")
BIG = 10**9  # amounts beyond this need both halves of a number in Redis
AMOUNTS = st.one_of(
    st.integers(0, 50), st.integers(0, 30 * BIG), st.sampled_from([0, 1, BIG - 1, BIG, BIG + 1])
)
LIMITS = {"day": 100 * BIG + 7, "rolling": 60 * BIG + 1, "soft": 40, "small": 101, "none": None}


@dataclass
class Model:
    """Everything that ever happened; what holds now is added up from it."""

    now: float = 1_792_000_000.0
    holds: dict[str, tuple[float, dict[str, tuple[int, float]]]] = field(default_factory=dict)
    charges: list[tuple[str, float, int]] = field(default_factory=list)

    def reserved(self, account: str) -> int:
        return sum(
            held[account][0]
            for expires, held in self.holds.values()
            if expires > self.now and account in held
        )

    def spent(self, claim: Claim) -> int:
        def counts(at: float) -> bool:
            if not claim.part:
                return True
            return at // claim.part >= self.now // claim.part - PARTS

        return sum(
            amount
            for account, at, amount in self.charges
            if account == claim.account and counts(at)
        )

    def standing(self, claim: Claim) -> tuple[int, int]:
        return self.spent(claim), self.reserved(claim.account)


class Ledger(RuleBasedStateMachine):
    """Subclasses have a store, whose clock is `lambda: self.model.now`."""

    store: Any

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.count = 0
        self.kept: list[str] = []
        self.open_store()

    def open_store(self) -> None:
        raise NotImplementedError

    @property
    def open(self) -> set[str]:
        """Reservations of calls under way: not those of batches."""
        return self.model.holds.keys() - set(self.kept)

    def claim(self, name: str, amount: int) -> Claim:
        window = HOUR if name == "rolling" else DAY
        mark, until = window.at(self.model.now)
        return Claim(f"{name}:{mark}:", LIMITS[name], amount, name != "soft", window.part, until)

    def claims(self, wanted: dict[str, int]) -> list[Claim]:
        return [self.claim(name, amount) for name, amount in wanted.items()]

    @rule(wanted=st.dictionaries(st.sampled_from(sorted(LIMITS)), AMOUNTS, min_size=1))
    def reserve(self, wanted: dict[str, int]) -> None:
        self.count += 1
        hold, claims = f"hold{self.count}", self.claims(wanted)
        refused = self.refused(claims)
        verdict = self.store.reserve(hold, claims)
        assert verdict.refused == refused
        if verdict.refused is None:
            held = {claim.account: (claim.amount, self.model.now) for claim in claims}
            self.model.holds[hold] = (self.model.now + HOLD_SECONDS, held)
        else:
            index = verdict.refused
            self.check_frees_at(claims[index], verdict.standings[index])
        self.check(claims, verdict.standings)

    def refused(self, claims: list[Claim]) -> int | None:
        """The promise: no claim is refused while what is left covers it, and any other is."""
        for index, claim in enumerate(claims):
            spent, reserved = self.model.standing(claim)
            left = None if claim.limit is None else claim.limit - spent - reserved
            if claim.firm and left is not None and left < claim.amount:
                return index
        return None

    def check_frees_at(self, claim: Claim, standing: Standing) -> None:
        """Where time alone makes room, at that time there is room, and just before there is none."""
        limit, at = claim.limit, standing.frees_at
        assert limit is not None
        if at is None:
            assert not claim.calendar_end
            return
        assert at > self.model.now
        if claim.part:
            later, earlier = Model(at, {}, self.model.charges), Model(at, {}, self.model.charges)
            held = self.model.reserved(claim.account)
            assert later.spent(claim) + held + claim.amount <= limit
            earlier.now -= claim.part
            assert earlier.spent(claim) + held + claim.amount > limit

    @precondition(lambda self: self.open)
    @rule(data=st.data(), share=st.integers(0, 130))
    def settle(self, data: Any, share: int) -> None:
        hold = data.draw(st.sampled_from(sorted(self.open)))
        expires, held = self.model.holds.pop(hold)
        alive = expires > self.model.now
        charges, before = [], []
        for account, (amount, reserved_at) in held.items():
            at = reserved_at
            name = account.split(":", 1)[0]
            claim = self.claim(name, amount)._replace(account=account)
            cost = amount * share // 100
            before.append(self.model.spent(claim))
            if claim.part:
                # What leaves the window first is charged where it was reserved.
                at = max(at, (self.model.now // claim.part - PARTS) * claim.part)
            self.model.charges.append((account, at if alive else self.model.now, cost))
            charges.append(Charge(claim, cost))
        answers: list[Any] = []
        self.store.settle(hold, charges, answers.append)
        assert self.store.flush(5)
        (standings,) = answers
        self.check([charge.claim for charge in charges], standings)
        assert [standing.before for standing in standings] == before

    @rule(cost=AMOUNTS)
    def settle_unknown(self, cost: int) -> None:
        self.count += 1
        claims = self.claims({"day": 0, "rolling": 0})
        for claim in claims:
            self.model.charges.append((claim.account, self.model.now, cost))
        self.store.settle(f"unknown{self.count}", [Charge(claim, cost) for claim in claims])

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def reserve_twice(self, data: Any) -> None:
        hold = data.draw(st.sampled_from(sorted(self.open)))
        expires, held = self.model.holds[hold]
        if expires > self.model.now:
            claims = [
                self.claim(account.split(":", 1)[0], amount)._replace(account=account)
                for account, (amount, _) in held.items()
            ]
            assert self.store.reserve(hold, claims).refused is None

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def keep(self, data: Any) -> None:
        hold = data.draw(st.sampled_from(sorted(self.open)))
        expires, held = self.model.holds.pop(hold)
        claims = [
            self.claim(account.split(":", 1)[0], amount)._replace(account=account)
            for account, (amount, _) in held.items()
        ]
        self.store.keep(hold, f"batch-{hold}", claims)
        assert self.store.flush(5)
        if expires > self.model.now:
            self.kept.append(hold)
            self.model.holds[hold] = (self.model.now + 25 * 3600, held)

    @precondition(lambda self: self.kept)
    @rule()
    def release(self) -> None:
        hold = self.kept.pop()
        self.store.release(f"batch-{hold}")
        self.model.holds.pop(hold, None)

    @rule(seconds=st.one_of(st.integers(0, 120), st.sampled_from([901, 3600, 3661, 90_000])))
    def wait(self, seconds: int) -> None:
        self.model.now += seconds

    @invariant()
    def agrees(self) -> None:
        assert self.store.flush(5)
        for name in LIMITS:
            claim = self.claim(name, 0)
            found = self.store.accounts(f"{name}:", claim.part)
            spent, reserved, *_ = found.get(claim.account, Standing(0, 0))
            assert (spent, reserved) == self.model.standing(claim), name

    def check(self, claims: list[Claim], standings: Any) -> None:
        found = [(standing.spent, standing.reserved) for standing in standings]
        assert found == [self.model.standing(claim) for claim in claims]
