"""What a call adds to the counters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_claude import semconv
from otel_claude.emit.bill import nearly_full
from otel_claude.emit.labels import Kept
from otel_claude.emit.spans import finish_reason
from otel_claude.emit.sums import LabelSet, Slot
from otel_claude.pricing import Cost, Unpriced
from otel_claude.pricing.result import COMPONENTS, TOKEN_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from otel_claude.call.call import Call
    from otel_claude.call.session import SessionUse
    from otel_claude.emit.bill import Bill
    from otel_claude.emit.sums import Sums
    from otel_claude.emit.words import Words

Addition = tuple[Slot, int]

_ACTIVE: Final = Slot(semconv.M_ACTIVE)
BEGUN: Final = ((_ACTIVE, 1),)
ENDED: Final = ((_ACTIVE, -1),)
_TOKENS: Final = {
    kind: Slot(semconv.M_TOKENS, {semconv.CLAUDE_TOKEN_TYPE: kind}) for kind in TOKEN_TYPES
}
_TOKEN_SLOTS: Final = tuple(_TOKENS.values())
_USAGE_SLOTS: Final = tuple(
    Slot(name, {semconv.TOKEN_MODALITY: "unknown"})
    for name in (
        semconv.M_USAGE_INPUT,
        semconv.M_USAGE_OUTPUT,
        semconv.M_USAGE_CACHE_READ,
        semconv.M_USAGE_CACHE_WRITE,
        semconv.M_USAGE_REASONING,
    )
)
_SESSION_SLOTS: Final = {
    kind: Slot(semconv.M_SESSION_TOKENS, {semconv.CLAUDE_TOKEN_TYPE: kind}) for kind in TOKEN_TYPES
}
_SESSION_LABELS: Final = LabelSet({semconv.PROVIDER_NAME: "anthropic"})

_REQUEST_LABELS: Final = (
    semconv.OUTCOME,
    semconv.ERROR_TYPE,
    semconv.ERROR_CATEGORY,
    semconv.FINISH_REASON,
    semconv.REQUEST_STREAM,
    semconv.RESPONSE_SERVICE_TIER,
    semconv.CONTEXT_BUCKET,
    semconv.COST_BUCKET,
    semconv.RETRIED,
    semconv.CONTEXT_NEARLY_FULL,
)

_slots: Kept[Slot] = Kept()
_cost_slots: Kept[tuple[Slot, ...]] = Kept()


def _slot(instrument: str, names: tuple[str, ...], values: tuple[Any, ...]) -> Slot:
    """The slot with these labels; those without a value are left out."""
    return _slots.get_or_make((instrument, values), _make_slot, instrument, names, values)


def _make_slot(instrument: str, names: tuple[str, ...], values: tuple[Any, ...]) -> Slot:
    pairs = zip(names, values, strict=True)
    return Slot(instrument, {name: value for name, value in pairs if value is not None})


def requests(call: Call, bill: Bill, words: Words) -> list[Addition]:
    """The call itself, its retries, and whether it has no price."""
    failure = call.failure
    values = (
        call.outcome,
        failure and words.of(semconv.ERROR_TYPE, failure.type),
        failure and failure.category,
        words.of_any(semconv.FINISH_REASON, finish_reason(call)),
        call.stream,
        words.of_any(semconv.RESPONSE_SERVICE_TIER, call.usage.service_tier),
        bill.context_bucket,
        bill.cost_bucket,
        bool(call.retried_errors),
        nearly_full(call, bill),
    )
    counts = [(_slot(semconv.M_REQUESTS, _REQUEST_LABELS, values), 1)]
    counts += [
        (_slot(semconv.M_RETRIES, (semconv.ERROR_TYPE,), (words.of(semconv.ERROR_TYPE, error),)), 1)
        for error in call.retried_errors
    ]
    if type(bill.cost) is Unpriced:
        reason = (bill.cost.reason,)
        counts.append((_slot(semconv.M_COST_UNPRICED, (semconv.COST_UNAVAILABLE,), reason), 1))
    return counts


def usage(call: Call, bill: Bill) -> list[Addition]:
    """The usage counters of the latest generation. Zero makes the series exist."""
    if not call.usage.said:
        return []
    numbers = (
        bill.prompt_tokens,
        bill.output_tokens,
        bill.cache_read or 0,
        bill.cache_write or 0,
        call.usage.thinking_tokens or 0,
    )
    return [(s, n) for s, n in zip(_USAGE_SLOTS, numbers, strict=True) if n is not None]


def money(bill: Bill) -> Iterator[tuple[str | None, list[Addition]]]:
    """Billed tokens and their cost, each inference with the model it ran on; None is the call's."""
    cost = bill.cost
    if type(cost) is Cost:
        slots = _cost_slots.get_or_make((cost.exponent,), _of_cost, cost.exponent)
        tools = cost.tools_units
        for group in cost.groups:
            if group.free_reason is not None:
                continue
            *units, plain = group.units
            numbers = (*group.counts, *units, tools, plain + tools)
            tools = 0  # they belong to the call, and are counted with its first inference
            yield None if group.model == cost.model else group.model, _nonzero(slots, numbers)
    elif type(cost) is Unpriced:
        for found in cost.groups:
            counts = (
                found.input,
                found.cache_read,
                found.cache_write_5m,
                found.cache_write_1h,
                found.output,
            )
            yield None if found.own else found.model, _nonzero(_TOKEN_SLOTS, counts)


def add_session(sums: Sums, use: SessionUse) -> None:
    """What a managed agent's session used."""
    additions = [(_SESSION_SLOTS[kind], n) for kind, n in use.tokens.items()]
    units, exponent = _whole(use.cost)
    slot = _slots.get_or_make(
        (semconv.M_SESSION_COST, exponent), Slot, semconv.M_SESSION_COST, None, exponent
    )
    sums.add(_SESSION_LABELS, [*additions, (slot, units)])


def _nonzero(slots: tuple[Slot, ...], numbers: tuple[int, ...]) -> list[Addition]:
    return [addition for addition in zip(slots, numbers, strict=True) if addition[1]]


def _of_cost(exponent: int) -> tuple[Slot, ...]:
    """Tokens, components of the cost, and the cost without caching."""
    components = (
        Slot(semconv.M_COST, {semconv.COST_COMPONENT: name}, exponent) for name in COMPONENTS
    )
    return *_TOKEN_SLOTS, *components, Slot(semconv.M_COST_UNCACHED, None, exponent)


def _whole(amount: Decimal) -> tuple[int, int]:
    """A decimal as a whole number of 10**-exponent units."""
    exponent = amount.as_tuple().exponent
    places = max(0, -exponent) if isinstance(exponent, int) else 0
    return int(amount.scaleb(places)), places
