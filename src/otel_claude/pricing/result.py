"""What `cost` returns: an exact amount with its parts, or the reason there is none.

Amounts are kept as whole numbers of a small unit; `Decimal`, floats, groups and the explanation
are made when they are asked for.
"""

from decimal import Decimal
from typing import TYPE_CHECKING

from otel_claude.pricing import reasons
from otel_claude.pricing.plans import Plan, Rates

if TYPE_CHECKING:
    from otel_claude.pricing.explain import Line
    from otel_claude.pricing.groups import Group

COMPONENTS = ("input", "output", "cache_read", "cache_write", "server_tools")
"""The components of a cost: disjoint, and their sum is the total."""

TOKEN_TYPES = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
"""The kinds of token that are billed: disjoint."""

Tokens = tuple[int, int, int, int, int]
"""Counts in the order of `TOKEN_TYPES`."""


def usd(units: int, exponent: int) -> Decimal:
    """`units` of 10**-exponent USD as an exact Decimal, whatever the context's precision."""
    while exponent and not units % 10:
        units //= 10
        exponent -= 1
    return Decimal(f"{units}E-{exponent}") if exponent else Decimal(units)


class GroupCost:
    """What one billed inference of a call cost.

    Attributes:
        model: canonical id in the price book.
        kind: message, compaction, advisor_message, fallback_message or declined.
        counts: tokens in the order of `TOKEN_TYPES`.
        plan: how it was priced (private to pricing).
        rates: units per token in the order of `TOKEN_TYPES` (private to pricing).
        free_reason: set where these tokens were reported but are not billed.
    """

    __slots__ = ("counts", "free_reason", "kind", "model", "plan", "rates")

    def __init__(
        self,
        model: str,
        kind: str,
        counts: Tokens,
        plan: Plan,
        rates: Rates,
        free_reason: str | None = None,
    ) -> None:
        self.model = model
        self.kind = kind
        self.counts = counts
        self.plan = plan
        self.rates = rates
        self.free_reason = free_reason

    @property
    def units(self) -> Tokens:
        """Units per component: input, output, cache_read, cache_write, and uncached."""
        plain, read, short, long, output = self.counts
        rate, read_rate, short_rate, long_rate, output_rate = self.rates
        out = output * output_rate
        uncached = (plain + read + short + long) * rate + out
        return plain * rate, out, read * read_rate, short * short_rate + long * long_rate, uncached

    @property
    def tokens(self) -> dict[str, int]:
        """Counts per token type."""
        return dict(zip(TOKEN_TYPES, self.counts, strict=True))

    @property
    def cost(self) -> dict[str, Decimal]:
        """Exact USD per component; server tools belong to the whole call and are not here."""
        exponent = self.plan.exponent
        return {
            name: usd(n, exponent) for name, n in zip(COMPONENTS[:4], self.units[:4], strict=True)
        }

    @property
    def cost_usd(self) -> dict[str, float]:
        """USD per component as the nearest doubles."""
        scale = self.plan.scale
        return {name: n / scale for name, n in zip(COMPONENTS[:4], self.units[:4], strict=True)}

    @property
    def uncached(self) -> Decimal:
        """Exact USD of this inference with every prompt token at the plain input rate."""
        return usd(self.units[4], self.plan.exponent)

    @property
    def uncached_usd(self) -> float:
        """`uncached` as the nearest double."""
        return self.units[4] / self.plan.scale


class Cost:
    """What a call is billed in USD, exact to the last digit.

    Attributes:
        incomplete: reasons why the bill may differ, in the words of `reasons.INCOMPLETE`; empty
            where every rule was applied to known facts.
        web_searches: how many were billed.
    """

    __slots__ = (
        "_counts",
        "_groups",
        "_input",
        "_output",
        "_plan",
        "_rates",
        "_read",
        "_tools",
        "_total",
        "_uncached",
        "_write",
        "incomplete",
        "web_searches",
    )

    def __init__(  # noqa: PLR0913 - made in two places, and its speed counts
        self,
        plan: Plan,
        rates: Rates,
        counts: Tokens,
        input_: int,
        output: int,
        read: int,
        write: int,
        uncached: int,
        searches: int,
        incomplete: tuple[str, ...],
        groups: tuple[GroupCost, ...] | None = None,
    ) -> None:
        self._plan = plan
        self._rates = rates
        self._counts = counts
        self._input = input_
        self._output = output
        self._read = read
        self._write = write
        self._uncached = uncached
        self._tools = tools = searches * plan.search
        self._total = input_ + output + read + write + tools
        self.web_searches = searches
        self.incomplete = incomplete
        self._groups = groups

    @property
    def model(self) -> str:
        """Canonical id of the model that answered."""
        return self._plan.model

    @property
    def basis(self) -> str:
        """Where the rates are from: `list`, `override` or `commitment_equivalent`."""
        if self._groups is None or len(self._groups) == 1:
            return self._plan.basis
        bases = {self._plan.basis, *(group.plan.basis for group in self._groups)}
        return next(b for b in _BASES if b in bases)

    @property
    def price_book(self) -> str:
        """Version of the price book; overrides and refreshes change it."""
        return self._plan.version

    @property
    def free_reason(self) -> str | None:
        """Why the cost is truly zero, in the words of `reasons.FREE`; None where it is not."""
        if self._total:
            return None
        if any(group.free_reason for group in self.groups):
            return reasons.FREE_REFUSAL
        used = any(any(group.counts) for group in self.groups)
        return reasons.FREE_RATES if used else reasons.NO_TOKENS

    @property
    def exponent(self) -> int:
        """Whole units (`GroupCost.units`, `tools_units`) are of 10**-exponent USD."""
        return self._plan.exponent

    def units(self, places: int) -> int:
        """The total as a whole number of 10**-places USD; what is finer is rounded up."""
        finer = self._plan.exponent - places
        scale: int = 10 ** abs(finer)
        return self._total * scale if finer <= 0 else -(-self._total // scale)

    @property
    def tools_units(self) -> int:
        """`server_tools` in whole units, for exact sums."""
        return self._tools

    @property
    def groups(self) -> tuple[GroupCost, ...]:
        """The billed inferences of the call; their costs and the server tools sum to the total."""
        if self._groups is None:
            plan = self._plan
            self._groups = (GroupCost(plan.model, "message", self._counts, plan, self._rates),)
        return self._groups

    def explain(self) -> "tuple[Line, ...]":
        """The worked breakdown: component, tokens, rate, each multiplier and why, amount."""
        from otel_claude.pricing.explain import explain

        return explain(self)

    # Exact amounts.

    @property
    def total(self) -> Decimal:
        """Everything: the sum of the five components."""
        return usd(self._total, self._plan.exponent)

    @property
    def input(self) -> Decimal:
        """Prompt tokens that were neither read from nor written to the cache."""
        return usd(self._input, self._plan.exponent)

    @property
    def output(self) -> Decimal:
        """Output tokens, thinking included."""
        return usd(self._output, self._plan.exponent)

    @property
    def cache_read(self) -> Decimal:
        """Prompt tokens read from the cache."""
        return usd(self._read, self._plan.exponent)

    @property
    def cache_write(self) -> Decimal:
        """Prompt tokens written to the cache, for 5 minutes and for 1 hour."""
        return usd(self._write, self._plan.exponent)

    @property
    def server_tools(self) -> Decimal:
        """Web searches."""
        return usd(self._tools, self._plan.exponent)

    @property
    def uncached(self) -> Decimal:
        """The same call without caching: every prompt token at the plain input rate."""
        return usd(self._uncached + self._tools, self._plan.exponent)

    # The same as doubles, each the nearest to the exact amount: division of integers rounds once.

    @property
    def total_usd(self) -> float:
        """`total` as the nearest double."""
        return self._total / self._plan.scale

    @property
    def input_usd(self) -> float:
        """`input` as the nearest double."""
        return self._input / self._plan.scale

    @property
    def output_usd(self) -> float:
        """`output` as the nearest double."""
        return self._output / self._plan.scale

    @property
    def cache_read_usd(self) -> float:
        """`cache_read` as the nearest double."""
        return self._read / self._plan.scale

    @property
    def cache_write_usd(self) -> float:
        """`cache_write` as the nearest double."""
        return self._write / self._plan.scale

    @property
    def server_tools_usd(self) -> float:
        """`server_tools` as the nearest double."""
        return self._tools / self._plan.scale

    @property
    def uncached_usd(self) -> float:
        """`uncached` as the nearest double."""
        return (self._uncached + self._tools) / self._plan.scale

    @property
    def components_usd(self) -> tuple[float, float, float, float, float]:
        """The components as the nearest doubles, in the order of `COMPONENTS`."""
        scale = self._plan.scale
        return (
            self._input / scale,
            self._output / scale,
            self._read / scale,
            self._write / scale,
            self._tools / scale,
        )

    def __repr__(self) -> str:
        """For people: amount, model, basis and doubts."""
        doubts = f", incomplete={self.incomplete}" if self.incomplete else ""
        return f"<Cost {self.total:f} USD, {self.model}, {self.basis}{doubts}>"


_BASES = (reasons.COMMITMENT_EQUIVALENT, reasons.OVERRIDE, reasons.LIST)


class Unpriced:
    """A call that has no cost, which is not the same as one that costs nothing.

    Attributes:
        reason: `unknown_model`, `opaque_profile` or `missing_usage`.
        model: the id that could not be priced, as the response or the request has it.
        groups: the inferences that would be billed, with their token counts.
        price_book: version of the price book that was asked.
    """

    __slots__ = ("groups", "model", "price_book", "reason")

    def __init__(
        self, reason: str, model: str | None, groups: "tuple[Group, ...]", price_book: str
    ) -> None:
        self.reason = reason
        self.model = model
        self.groups = groups
        self.price_book = price_book

    def __repr__(self) -> str:
        """For people: reason and model."""
        return f"<Unpriced {self.reason}, {self.model}>"
