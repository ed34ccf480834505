"""What a store of budgets does, and the plain data that goes in and out of it.

Amounts are whole numbers: tokens, or 10**-15 USD. An account is one budget, of one key, in one
window. Invariants of every store, whatever happens in between:

- What is settled is booked in full, and exactly once.
- A claim is refused only where its account has less left than it asks: limit - spent - reserved.
- A reservation ends when it is settled, or when its time is over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

BATCH_SECONDS = 25 * 3600.0
"""A batch is processed within 24 hours, or expires."""


class Claim(NamedTuple):
    """What a call asks of one account.

    Attributes:
        account: names it; the same in every process.
        limit: None where there is none.
        amount: to reserve.
        firm: whether the account refuses what it cannot cover.
        part: seconds of a part of a rolling window, 0 for a calendar window.
        until: POSIX seconds after which the account has nothing left to say.
    """

    account: str
    limit: int | None
    amount: int
    firm: bool
    part: float
    until: float

    @property
    def calendar_end(self) -> float | None:
        """When a refused claim of a calendar window fits again; None where time does not help."""
        fits = self.limit is None or self.amount <= self.limit
        return self.until if fits and not self.part else None


class Charge(NamedTuple):
    """What a call cost, for one account."""

    claim: Claim
    amount: int


class Standing(NamedTuple):
    """How an account stands.

    Attributes:
        spent: settled in the window.
        reserved: held by calls under way.
        before: `spent` before the charge that this is the answer to.
        frees_at: of a refusal: POSIX seconds at which enough is free, None where time does not help.
    """

    spent: int
    reserved: int
    before: int = 0
    frees_at: float | None = None


class Verdict(NamedTuple):
    """The answer to claims, of which all are reserved or none is.

    Attributes:
        standings: of each claim, in order; with the reservations, where they were made.
        refused: which claim was refused first, None where all are reserved.
    """

    standings: Sequence[Standing]
    refused: int | None = None


class Unreachable(Exception):  # noqa: N818 - a state of affairs, not a bug
    """The store did not answer in time."""


Booked = Callable[[Sequence[Standing]], None]


class Store(Protocol):
    """Where accounts are kept. Safe between threads, event loops and forks."""

    def reserve(self, hold: str, claims: Sequence[Claim]) -> Verdict:
        """Reserve all claims under the name `hold`, or none. The same hold twice counts once.

        Raises:
            Unreachable: the store did not answer in time.
        """

    async def reserve_async(self, hold: str, claims: Sequence[Claim]) -> Verdict:
        """`reserve` without blocking the event loop."""

    def settle(self, hold: str, charges: Sequence[Charge], booked: Booked | None = None) -> None:
        """Book charges, and end the reservation. Does not wait; nothing is lost by an outage.

        Whatever this process reserves later is judged with these charges booked.

        Args:
            hold: of the reservation; one that is unknown or over is no obstacle.
            charges: to the accounts of the claims, in their order, and maybe more.
            booked: called with how each account stands then, maybe in another thread.
        """

    def keep(self, hold: str, name: str, claims: Sequence[Claim]) -> None:
        """Let a reservation stand for the time of a batch, to be ended by `release(name)`."""

    def release(self, name: str) -> None:
        """End what was kept under that name, by whatever process; nothing where there is none."""

    def accounts(self, prefix: str, part: float = 0.0) -> dict[str, Standing]:
        """Account -> how it stands, of those whose name begins so: for people.

        Args:
            prefix: of the names.
            part: as for the claims on these accounts.

        Raises:
            Unreachable: the store did not answer in time.
        """

    def flush(self, timeout: float) -> bool:
        """Wait until everything is booked. Returns whether it was, in `timeout` seconds."""

    def close(self) -> None:
        """Give up connections and threads; what is not booked yet is tried once more."""
