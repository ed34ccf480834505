"""The rules for calls that are more than one plain inference: iterations, hops, refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_claude.pricing.groups import DECLINED, FALLBACK, OWN, Group, split
from otel_claude.pricing.models import take_apart
from otel_claude.pricing.plans import Rates, seconds
from otel_claude.pricing.reasons import FREE_REFUSAL, MISSING_USAGE, REFUSAL_BILLING
from otel_claude.pricing.result import Cost, GroupCost, Unpriced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_claude.call.usage import Usage
    from otel_claude.pricing.plans import Context, Plan
    from otel_claude.pricing.prices import Prices

_NO_RATES: Rates = (0, 0, 0, 0, 0)


class Call:
    """One call to price: its usage, what its price depends on, and the plan for its own model."""

    __slots__ = ("at", "context", "plan", "prices", "usage")

    def __init__(
        self, usage: Usage, context: Context, prices: Prices, plan: Plan, at: float
    ) -> None:
        self.usage = usage
        self.context = context
        self.prices = prices
        self.plan = plan
        self.at = at

    def price(
        self,
        stop_reason: str | None,
        category: str | None,
        declined: Sequence[str | None],
        incomplete: Sequence[str],
    ) -> Cost | Unpriced:
        """The cost over all billed inferences, or `Unpriced` where any of them has no price."""
        model, request_model = (
            value if isinstance(value, str) else None
            for value in (self.context.model, self.context.request_model)
        )
        named = model or request_model
        groups, doubts = split(self.usage, named, request_model, declined, self.plan.long_above)
        version = self.plan.version
        if not self._said():
            return Unpriced(MISSING_USAGE, named, (), version)
        found = list(incomplete)
        refused = stop_reason == "refusal"
        costs = []
        for place, group in enumerate(groups):
            plan = self._plan(group)
            if plan.unpriced:
                return Unpriced(plan.unpriced, group.model or named, groups, version)
            free = self._is_free(group, found)
            if refused and not group.output and _answers(groups, place):
                free = self._is_free(group._replace(kind=DECLINED, category=category), found)
            found += plan.doubts
            costs.append(_priced(plan, group, free=free))
        if self.usage.web_search_requests:
            found += self.plan.search_doubts
        return self._sum(tuple(costs), tuple(dict.fromkeys((*found, *doubts))))

    def _sum(self, costs: tuple[GroupCost, ...], incomplete: tuple[str, ...]) -> Cost:
        units = [sum(column) for column in zip(*(cost.units for cost in costs), strict=True)]
        input_, output, read, write, uncached = units or (0, 0, 0, 0, 0)
        first = costs[0] if costs else None
        return Cost(
            self.plan,
            first.rates if first else _NO_RATES,
            first.counts if first else (0, 0, 0, 0, 0),
            input_,
            output,
            read,
            write,
            uncached,
            self.usage.web_search_requests or 0,
            incomplete,
            costs,
        )

    def _plan(self, group: Group) -> Plan:
        """The plan for one inference: the call's own, or one for the other model it ran on."""
        if group.own and (group.kind != FALLBACK or _same(group.model, self.context.model)):
            return self.plan
        context = self.context.on(group.model)
        plan = self.prices.plans.get(context.key)
        if plan is None or not plan.start <= self.at < plan.end:
            plan = self.prices.plan(context, self.at)
        return plan

    def _is_free(self, group: Group, doubts: list[str]) -> bool:
        """Whether a refusal before output is free, by its category and the day's policy."""
        if group.kind != DECLINED:
            return False
        policy = None
        for since, categories in self.prices.book.refusals:
            if self.at >= seconds(since):
                policy = categories
        if policy is None or (policy and group.category is ...):
            doubts.append(REFUSAL_BILLING)
            return False
        return group.category not in policy

    def _said(self) -> bool:
        """Whether the usage has any count that is billed."""
        usage = self.usage
        counts = (
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_input_tokens,
            usage.cache_creation_input_tokens,
            usage.ephemeral_5m_input_tokens,
            usage.ephemeral_1h_input_tokens,
        )
        return bool(usage.iterations or usage.web_search_requests) or counts != (None,) * 6


def _answers(groups: Sequence[Group], place: int) -> bool:
    """Whether this inference is (part of) the one whose answer the response is."""
    group = groups[place]
    if group.kind == FALLBACK or (group.kind == OWN and group.own):
        return True
    # All hops declined: the last that sampled stands for the response.
    return group.kind == OWN and all(g.kind not in (OWN, FALLBACK) for g in groups[place + 1 :])


def _same(one: object, other: object) -> bool:
    return take_apart(one).name == take_apart(other).name


def _priced(plan: Plan, group: Group, *, free: bool) -> GroupCost:
    long = plan.long_above is not None and group.prompt_tokens > plan.long_above
    rates = _NO_RATES if free else plan.long_rates if long else plan.rates
    counts = (
        group.input,
        group.cache_read,
        group.cache_write_5m,
        group.cache_write_1h,
        group.output,
    )
    return GroupCost(plan.model, group.kind, counts, plan, rates, FREE_REFUSAL if free else None)
