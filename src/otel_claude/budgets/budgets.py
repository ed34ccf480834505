"""`Budgets`: the policies in force, and where their accounts are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_claude.budgets.policy import Budget, BudgetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_claude.budgets.ledger import Store

MEMORY = "memory"

_MOST_SECONDS: Final = {"timeout": 60, "retry_seconds": 3600, "hold_seconds": 30 * 86400}


@dataclass(frozen=True)
class Budgets:
    """Budgets and their store.

    Args:
        budgets: the policies; each has a name of its own.
        store: `memory` (each process for itself), or the URL of a Redis server.
        namespace: prefix of the keys in Redis.
        cluster: the URL is that of a node of a Redis Cluster.
        timeout: seconds that a call waits for Redis at most.
        retry_seconds: between attempts to reach Redis while it is away.
        hold_seconds: after which a reservation that was never settled, because its process
            crashed, is over.

    Raises:
        BudgetError: something of it cannot be.
    """

    budgets: Sequence[Budget]
    store: str = MEMORY
    namespace: str = "otel-claude"
    cluster: bool = False
    timeout: float = 0.5
    retry_seconds: float = 5.0
    hold_seconds: float = 900.0

    def __post_init__(self) -> None:
        self._check()

    def _check(self: Any) -> None:
        """Fields of any types, as a file may have them."""
        names = [budget.name for budget in self.budgets]
        if twice := {name for name in names if names.count(name) > 1}:
            raise BudgetError(f"budgets: the name {min(twice)!r} is given twice")
        for key, most in _MOST_SECONDS.items():
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise BudgetError(f"{key}: {value!r} is no positive number of seconds")
            if value > most:
                raise BudgetError(f"{key}: {value!r} is more than {most} seconds")
        if not isinstance(self.cluster, bool):
            raise BudgetError(f"cluster: {self.cluster!r} is neither true nor false")
        if not isinstance(self.namespace, str) or not self.namespace or "}" in self.namespace:
            raise BudgetError(f"namespace: {self.namespace!r} is no prefix for keys")
        schemes = ("redis://", "rediss://", "unix://")
        if not isinstance(self.store, str) or not self.store.startswith((MEMORY, *schemes)):
            # Not the value itself: it may have a password in it.
            raise BudgetError(f"store: give memory, or a URL with {', '.join(schemes)}")
        if "decode_responses" in self.store:
            raise BudgetError("store: decode_responses cannot be set: answers are read as bytes")

    def open(self) -> Store:
        """The store, which connects when it is first used.

        Raises:
            BudgetError: its extra is not installed, or the URL cannot be read.
        """
        if self.store.startswith(MEMORY):
            from otel_claude.budgets.memory import MemoryStore

            return MemoryStore(self.hold_seconds)
        from otel_claude.budgets.redis import RedisStore

        try:
            return RedisStore(
                self.store,
                namespace=self.namespace,
                timeout=self.timeout,
                retry_seconds=self.retry_seconds,
                hold_seconds=self.hold_seconds,
                cluster=self.cluster,
            )
        except (ImportError, ValueError) as problem:
            raise BudgetError(f"store: {problem}") from problem
