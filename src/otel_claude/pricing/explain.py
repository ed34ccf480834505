"""The worked breakdown of a cost: every line is tokens x rate x multipliers = amount."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from otel_claude.pricing.reasons import FREE
from otel_claude.pricing.result import TOKEN_TYPES, usd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_claude.pricing.book import Card
    from otel_claude.pricing.plans import Plan
    from otel_claude.pricing.result import Cost, GroupCost


class Line(NamedTuple):
    """One line of a breakdown.

    Attributes:
        model: canonical id of the model that was used.
        kind: of the inference: message, compaction, advisor_message, fallback_message, declined.
        component: a token type, or `web_search`.
        quantity: tokens, or searches.
        rate: USD per million tokens, or per search, before multipliers.
        card: `standard`, `fast` or `long prompt`.
        multipliers: each factor with its reason, in the order they are applied.
        amount: exact USD.
    """

    model: str
    kind: str
    component: str
    quantity: int
    rate: Decimal
    card: str
    multipliers: tuple[tuple[Decimal, str], ...]
    amount: Decimal


def explain(cost: Cost) -> tuple[Line, ...]:
    """Every component with a count, group by group, then web searches. Their sum is the total."""
    lines = [line for group in cost.groups for line in _lines(group)]
    plan = cost._plan
    if cost.web_searches:
        lines.append(
            Line(
                plan.model,
                "message",
                "web_search",
                cost.web_searches,
                Decimal(plan.search_price),
                "standard",
                _decimals(plan.search_factors),
                cost.server_tools,
            )
        )
    return tuple(lines)


def _lines(group: GroupCost) -> Iterator[Line]:
    plan = group.plan
    name, card = _card(plan, group)
    factors = _decimals(plan.factors)
    if group.free_reason:
        factors = (*factors, (Decimal(0), FREE[group.free_reason]))
    rates = (card.input, card.read, card.write_5m, card.write_1h, card.output)
    columns = zip(TOKEN_TYPES, group.counts, rates, group.rates, strict=True)
    for component, count, rate, units in columns:
        if count:
            amount = usd(count * units, plan.exponent)
            yield Line(
                plan.model, group.kind, component, count, Decimal(rate), name, factors, amount
            )


def _card(plan: Plan, group: GroupCost) -> tuple[str, Card]:
    prompt = sum(group.counts[:4])
    if plan.long_card and plan.long_above is not None and prompt > plan.long_above:
        return "long prompt", plan.long_card
    return plan.card_name, plan.card  # type: ignore[return-value]  # every priced plan has one


def _decimals(factors: tuple[tuple[str, str], ...]) -> tuple[tuple[Decimal, str], ...]:
    return tuple((Decimal(factor), reason) for factor, reason in factors)
