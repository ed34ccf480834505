"""What it cost that prompt caches missed, where responses say why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_claude.local.analyses.savings import rates

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Miss:
    """Calls of one model whose cache missed for one reason.

    Attributes:
        cause: as the API says it.
        model: of the calls.
        calls: how many.
        tokens: that a hit would have read; calls that do not say how many count none.
        usd: what they cost more than read from the cache; None without a price.
    """

    cause: str
    model: str
    calls: int
    tokens: int
    usd: float | None


def misses(rows: Iterable[Mapping[str, Any]], at: float) -> list[Miss]:
    """The misses in dollars, the dearest first.

    Args:
        rows: by `cause` and `model`: `calls`, missed `tokens`, and those of them that were
            `written` to the cache again (for 5 minutes) rather than sent as plain input.
        at: POSIX seconds, for the prices.
    """
    found = []
    for row in rows:
        price = rates(row["model"], at)
        usd = None
        if price is not None:
            plain = row["tokens"] - row["written"]
            usd = row["written"] * (price.short - price.read) + plain * (price.input - price.read)
        found.append(Miss(row["cause"], row["model"], row["calls"], row["tokens"], usd))
    return sorted(found, key=lambda one: (-(one.usd or 0.0), -one.calls, one.cause, one.model))
