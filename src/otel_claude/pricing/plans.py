"""Plans: everything about the price of a call that does not depend on its token counts.

A plan has the card, the time for which it holds, and rates with every multiplier folded in, as
whole numbers of a small unit. All rules multiply finite decimals, so with enough decimal places
(12 for list prices) each rate is whole, and a cost is exact integer arithmetic.
"""

from decimal import Decimal
from functools import lru_cache
from typing import Any

from otel_claude.pricing import reasons
from otel_claude.pricing.book import Card, Model

_FOREVER = float("inf")

Rates = tuple[int, int, int, int, int]
"""Units per token: input, cache read, 5 minute write, 1 hour write, output."""


class Plan:
    """How one kind of call on one model is priced between two moments (POSIX seconds)."""

    __slots__ = (
        "basis",
        "card",
        "card_name",
        "doubts",
        "end",
        "exponent",
        "factors",
        "long_above",
        "long_card",
        "long_rates",
        "model",
        "rates",
        "scale",
        "search",
        "search_doubts",
        "search_factors",
        "search_price",
        "start",
        "unpriced",
        "version",
    )

    def __init__(
        self,
        exponent: int,
        version: str,
        unpriced: str | None = None,
    ) -> None:
        self.exponent = exponent
        self.scale: int = 10**exponent
        self.version = version
        self.unpriced = unpriced
        self.start, self.end = -_FOREVER, _FOREVER
        self.model = ""
        self.basis = reasons.LIST
        self.card: Card | None = None
        self.card_name = "standard"
        self.long_above: int | None = None
        self.long_card: Card | None = None
        self.rates: Rates = (0, 0, 0, 0, 0)
        self.long_rates: Rates = self.rates
        self.search = 0
        self.search_price = "0"
        self.search_factors: tuple[tuple[str, str], ...] = ()
        self.search_doubts: tuple[str, ...] = ()
        self.doubts: tuple[str, ...] = ()
        self.factors: tuple[tuple[str, str], ...] = ()


Key = tuple[Any, Any, Any, Any, Any, str | None, str | None, str | None, bool]
"""Model, model that was asked for, platform, region, batch, tier, speed, geography, own model."""


class Context:
    """What a plan depends on, as the call and its response have it: `key`, and its parts by name."""

    __slots__ = (
        "batch",
        "geo",
        "key",
        "model",
        "own",
        "platform",
        "region",
        "request_model",
        "speed",
        "tier",
    )

    def __init__(self, key: Key) -> None:
        self.key = key
        self.model, self.request_model, self.platform, self.region, self.batch = key[:5]
        self.tier, self.speed, self.geo, self.own = key[5:]

    def on(self, model: str | None) -> "Context":
        """The same for an inference on another model than the response names."""
        return Context((model, *self.key[1:8], False))


@lru_cache(maxsize=256)
def seconds(day: str) -> float:
    """00:00 UTC of an ISO date, in POSIX seconds."""
    from datetime import datetime, timezone

    return datetime.fromisoformat(day).replace(tzinfo=timezone.utc).timestamp()


def in_force(card: Card, at: float) -> bool:
    """Whether the card has not ended yet."""
    return card.until is None or at < seconds(card.until)


def interval(model: Model, at: float) -> tuple[float, float]:
    """The longest time around `at` in which nothing about the model's prices changes."""
    cards = [*model.earlier, *([model.long.card] if model.long else [])]
    cards += [model.fast] if model.fast else []
    days = [seconds(card.until) for card in cards if card.until]
    start = max((day for day in days if day <= at), default=-_FOREVER)
    return start, min((day for day in days if day > at), default=_FOREVER)


def places(value: str) -> int:
    """Digits after the decimal point."""
    exponent = Decimal(value).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def whole(exponent: int, *values: str) -> int:
    """The product of decimals as a whole number of 10**-exponent; exact, `exponent` suffices."""
    product, decimals = 1, 0
    for value in values:
        digits = places(value)
        product *= int(Decimal(value).scaleb(digits))
        decimals += digits
    return int(product * 10 ** (exponent - decimals))
