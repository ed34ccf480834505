"""The store in memory: the budgets of this process alone."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from otel_claude.budgets.ledger import (
    BATCH_SECONDS,
    Booked,
    Charge,
    Claim,
    Standing,
    Verdict,
)
from otel_claude.budgets.window import PARTS
from otel_claude.call.fork import forget_after_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SWEEP_ABOVE: Final = 1024


class _Account:
    """One account. `parts` is what was spent in each part of a rolling window, None for others."""

    __slots__ = ("parts", "reserved", "spent", "until")

    def __init__(self, claim: Claim) -> None:
        self.spent = 0
        self.reserved = 0
        self.until = claim.until
        self.parts: dict[int, int] | None = {} if claim.part else None

    def drop_past(self, now: float, part: float) -> None:
        """Forget what has left a rolling window."""
        if self.parts:
            oldest = int(now // part) - PARTS
            for index in [index for index in self.parts if index < oldest]:
                self.spent -= self.parts.pop(index)

    def frees_at(self, claim: Claim) -> float | None:
        """When a claim that was refused would fit, if nothing else came; None: not by time alone."""
        if self.parts is None or claim.limit is None:
            return claim.calendar_end
        missing = self.spent + self.reserved + claim.amount - claim.limit
        for index in sorted(self.parts):
            missing -= self.parts[index]
            if missing <= 0:
                return (index + PARTS + 1) * claim.part
        return None


class _Hold:
    __slots__ = ("amounts", "expires")

    def __init__(self, expires: float, amounts: dict[str, tuple[int, int]]) -> None:
        self.expires = expires
        self.amounts = amounts
        """Account -> what is reserved there, and the part of its window that will be charged."""


class MemoryStore:
    """Accounts of this process. A forked child goes on from its parent's, without its calls.

    Args:
        hold_seconds: after which a reservation that was never settled is over.
        clock: POSIX seconds, for tests.
    """

    def __init__(
        self, hold_seconds: float = 900.0, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._hold_seconds = hold_seconds
        self._accounts: dict[str, _Account] = {}
        self._holds: dict[str, _Hold] = {}  # the oldest first: all last equally long
        self._kept: dict[str, _Hold] = {}
        self._sweep_at = _SWEEP_ABOVE
        forget_after_fork(self)

    def reserve(self, hold: str, claims: Sequence[Claim]) -> Verdict:
        """See `Store`."""
        with self._lock:
            now = self._clock()
            self._expire(now)
            accounts = [self._account(claim, now) for claim in claims]
            if hold in self._holds:
                return Verdict([Standing(a.spent, a.reserved) for a in accounts])
            for index, claim in enumerate(claims):
                account, limit = accounts[index], claim.limit
                if (
                    claim.firm
                    and limit is not None
                    and account.spent + account.reserved + claim.amount > limit
                ):
                    standings = [Standing(a.spent, a.reserved) for a in accounts]
                    standings[index] = standings[index]._replace(frees_at=account.frees_at(claim))
                    return Verdict(standings, index)
            amounts = {}
            standings = []
            for account, claim in zip(accounts, claims, strict=True):
                account.reserved += claim.amount
                part = int(now // claim.part) if claim.part else 0
                amounts[claim.account] = (claim.amount, part)
                standings.append(Standing(account.spent, account.reserved))
            self._holds[hold] = _Hold(now + self._hold_seconds, amounts)
            return Verdict(standings)

    async def reserve_async(self, hold: str, claims: Sequence[Claim]) -> Verdict:
        """See `Store`."""
        return self.reserve(hold, claims)

    def settle(self, hold: str, charges: Sequence[Charge], booked: Booked | None = None) -> None:
        """See `Store`."""
        standings = []
        with self._lock:
            now = self._clock()
            amounts = self._end(self._holds.pop(hold, None))
            for claim, amount in charges:
                account = self._account(claim, now)
                before = account.spent
                account.spent += amount
                if account.parts is not None:
                    newest = int(now // claim.part)
                    _, part = amounts.get(claim.account) or (0, newest)
                    part = max(part, newest - PARTS)
                    account.parts[part] = account.parts.get(part, 0) + amount
                standings.append(Standing(account.spent, account.reserved, before))
        if booked is not None:
            booked(standings)

    def keep(self, hold: str, name: str, claims: Sequence[Claim]) -> None:  # noqa: ARG002 - as `Store` has it
        """See `Store`."""
        with self._lock:
            now = self._clock()
            self._expire(now)
            if (found := self._holds.pop(hold, None)) is not None:
                found.expires = now + BATCH_SECONDS
                self._kept[name] = found

    def release(self, name: str) -> None:
        """See `Store`."""
        with self._lock:
            self._end(self._kept.pop(name, None))

    def accounts(self, prefix: str, part: float = 0.0) -> dict[str, Standing]:
        """See `Store`."""
        with self._lock:
            now = self._clock()
            self._expire(now)
            found = {n: a for n, a in self._accounts.items() if n.startswith(prefix)}
            for account in found.values():
                account.drop_past(now, part)
            return {name: Standing(a.spent, a.reserved) for name, a in found.items()}

    def flush(self, timeout: float) -> bool:  # noqa: ARG002 - as `Store` has it
        """See `Store`: everything is."""
        return True

    def close(self) -> None:
        """See `Store`: there is nothing to give up."""

    def forget(self) -> None:
        """Drop the reservations, with a fresh lock: in a forked child they are the parent's."""
        self._lock = threading.Lock()
        self._holds.clear()
        self._kept.clear()
        for account in self._accounts.values():
            account.reserved = 0

    # With the lock held.

    def _account(self, claim: Claim, now: float) -> _Account:
        account = self._accounts.get(claim.account)
        if account is None:
            if len(self._accounts) >= self._sweep_at:
                self._sweep(now)
            account = self._accounts[claim.account] = _Account(claim)
        elif account.parts is not None:
            account.until = max(account.until, claim.until)
            account.drop_past(now, claim.part)
        return account

    def _sweep(self, now: float) -> None:
        """Forget accounts whose window is over; then not again before there are twice as many."""
        over = [n for n, a in self._accounts.items() if a.until <= now and not a.reserved]
        for name in over:
            del self._accounts[name]
        self._sweep_at = max(_SWEEP_ABOVE, 2 * len(self._accounts))

    def _expire(self, now: float) -> None:
        for holds in (self._holds, self._kept):
            while holds:
                name = next(iter(holds))
                if holds[name].expires > now:
                    break
                self._end(holds.pop(name))

    def _end(self, hold: _Hold | None) -> dict[str, tuple[int, int]]:
        """Give back what a reservation holds, and say what it was."""
        if hold is None:
            return {}
        for name, (amount, _) in hold.amounts.items():
            if (account := self._accounts.get(name)) is not None:
                account.reserved -= amount
        return hold.amounts
