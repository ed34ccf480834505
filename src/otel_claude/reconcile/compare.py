"""Compares one cell of both sides: what both have seen, apart from what they charge for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from otel_claude.reconcile.facts import COMPONENTS, NOT_IN_COST, REQUESTS, SEARCHES, Cell, Key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_claude.reconcile.sides import Side

_ZERO: Final = Decimal(0)
_DUST: Final = Decimal("1e-9")  # USD: sums of doubles
_MILLION: Final = 1_000_000

Kind = Literal["only_on_bill", "only_recorded", "rate"]


class Seen(NamedTuple):
    """A count of one kind on both sides."""

    recorded: int
    billed: int

    @property
    def both(self) -> int:
        """What both have."""
        return min(self)

    @property
    def missing(self) -> int:
        """What only the bill has; negative for what was only recorded."""
        return self.billed - self.recorded


class Finding(NamedTuple):
    """One difference.

    Attributes:
        kind: in coverage (`only_on_bill`, `only_recorded`) or in `rate`.
        counts: for coverage, by how much each count differs; for a rate, the tokens it is about.
        component: of a rate; `total` where components are not known.
        recorded_rate: USD per million tokens, or per search.
        billed_rate: likewise.
        usd: how much more the bill has.
        certain: for a rate, that both sides have the very same tokens.
    """

    kind: Kind
    key: Key
    counts: Mapping[str, int]
    usd: Decimal
    component: str = ""
    recorded_rate: Decimal = _ZERO
    billed_rate: Decimal = _ZERO
    certain: bool = True


@dataclass
class Compared:
    """One cell, compared.

    Attributes:
        seen: counts on both sides.
        by_rate: part of the difference in USD that comes from rates.
        unpriced_usd: what the bill has for calls that have no cost on the recorded side.
        unseen_usd: what the bill has for output that was never told to the client.
        unseen: counts of that.
        commitment: usage that is billed by commitment, so that only its tokens are compared.
    """

    key: Key
    recorded: Side
    billed: Cell
    seen: dict[str, Seen] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    by_rate: Decimal = _ZERO
    unpriced_usd: Decimal = _ZERO
    unseen_usd: Decimal = _ZERO
    unseen: dict[str, int] = field(default_factory=dict)
    commitment: bool = False


def compare(
    key: Key, recorded: Side, billed: Cell, *, tolerance: Decimal, unseen_calls: int = 0
) -> Compared:
    """Compare what was recorded under a key with what is billed under it.

    Args:
        key: the key.
        recorded: the one side.
        billed: the other side.
        tolerance: relative difference that counts as none.
        unseen_calls: calls of that day and model whose tokens were never told.
    """
    found = Compared(key, recorded, billed)
    found.commitment = key.tier in NOT_IN_COST
    for name in _names(recorded, billed):
        found.seen[name] = _seen(name, recorded, billed)
    _set_aside(found, unseen_calls)
    if not found.commitment:
        _compare_rates(found, tolerance)
    missing = {
        name: seen.missing
        for name, seen in found.seen.items()
        if abs(seen.missing) > tolerance * max(seen)
    }
    if missing:
        kind: Kind = "only_on_bill" if sum(missing.values()) > 0 else "only_recorded"
        known = found.unseen_usd + found.unpriced_usd + found.by_rate
        usd = _ZERO if found.commitment else billed.total - recorded.total - known
        found.findings.insert(0, Finding(kind, key, missing, usd))
    return found


def _names(recorded: Side, billed: Cell) -> list[str]:
    names = dict.fromkeys((*billed.counts, *recorded.counts))
    if not billed.counts.get(REQUESTS) and billed.counts and REQUESTS not in billed.counts:
        names.pop(REQUESTS, None)  # the report does not count them
    if recorded.split:
        return list(names)
    for name in ("cache_write_5m", "cache_write_1h"):
        names.pop(name, None)
    return [*names, "cache_write"]


def _seen(name: str, recorded: Side, billed: Cell) -> Seen:
    kinds = COMPONENTS[name] if name == "cache_write" else (name,)
    ours, free, theirs = (
        sum(cell.counts.get(kind, 0) for kind in kinds)
        for cell in (recorded, recorded.free, billed)
    )
    # Whether the report shows refusals that are free is not documented: either way is agreement.
    return Seen(ours + free if theirs == ours + free else ours, theirs)


def _set_aside(found: Compared, unseen_calls: int) -> None:
    """Take out what the recorded side says that it cannot know."""
    requests = found.seen.get(REQUESTS)
    if unseen_calls and requests and 0 < requests.missing <= unseen_calls:
        for name, seen in found.seen.items():
            if seen.missing > 0:
                found.unseen[name] = seen.missing
                found.seen[name] = Seen(seen.recorded, seen.recorded)
        found.unseen_usd = found.billed.total - found.recorded.total
    output = found.seen.get("output")
    if found.recorded.unknown_output and output and output.missing > 0:
        found.unseen["output"] = output.missing
        found.seen["output"] = Seen(output.recorded, output.recorded)
        theirs = found.billed.usd.get("output", _ZERO)
        share = theirs * output.missing / output.billed
        found.unseen_usd += share
    if found.recorded.unpriced:
        found.unpriced_usd = found.billed.total - found.recorded.total - found.unseen_usd


def _compare_rates(found: Compared, tolerance: Decimal) -> None:
    if found.recorded.unpriced or (found.billed.counts and not found.billed.usd):
        return
    if found.recorded.whole is not None:
        _compare_whole(found, tolerance)
        return
    for component, kinds in COMPONENTS.items():
        ours = sum(found.recorded.counts.get(kind, 0) for kind in kinds)
        theirs = sum(found.billed.counts.get(kind, 0) for kind in kinds)
        theirs -= _free(found, component, kinds)
        if not ours or theirs <= 0:
            continue
        recorded = found.recorded.usd.get(component, _ZERO)
        billed = found.billed.usd.get(component, _ZERO)
        per = 1 if component == "server_tools" else _MILLION
        rates = recorded / ours * per, billed / theirs * per
        same = ours == theirs
        if not _differ(*((recorded, billed) if same else rates), tolerance):
            continue
        if not same and _is_mix(found, component, (ours, theirs), (recorded, billed), tolerance):
            continue
        usd = (rates[1] - rates[0]) * min(ours, theirs) / per
        found.by_rate += usd
        counts = {component: min(ours, theirs)}
        found.findings.append(
            Finding("rate", found.key, counts, usd, component, *rates, certain=same)
        )


def _free(found: Compared, component: str, kinds: tuple[str, ...]) -> int:
    """Tokens of free refusals that the bill shows among the others."""
    if component == "server_tools":
        return 0
    shown = [found.seen.get(kind) for kind in kinds]
    ours = sum(found.recorded.counts.get(kind, 0) for kind in kinds)
    return max(0, sum(seen.recorded for seen in shown if seen) - ours) if all(shown) else 0


def _compare_whole(found: Compared, tolerance: Decimal) -> None:
    """Where calls do not say their components: the totals, if both sides have the same tokens."""
    recorded, billed = found.recorded.total, found.billed.total - found.unseen_usd
    if any(seen.missing for seen in found.seen.values()) or not _differ(
        recorded, billed, tolerance
    ):
        return
    tokens = sum(seen.both for name, seen in found.seen.items() if name not in (REQUESTS, SEARCHES))
    ours, theirs = (usd * _MILLION / max(tokens, 1) for usd in (recorded, billed))
    found.by_rate = billed - recorded
    counts = {"total": tokens}
    found.findings.append(Finding("rate", found.key, counts, found.by_rate, "total", ours, theirs))


def _is_mix(
    found: Compared,
    component: str,
    tokens: tuple[int, int],
    usd: tuple[Decimal, Decimal],
    tolerance: Decimal,
) -> bool:
    """Whether the tokens that one side has more come at a rate that was recorded here.

    Then the averages differ because the sides have different calls, as where a model's rate depends
    on the length of the prompt or writes live 5 minutes and 1 hour.
    """
    rate = (usd[1] - usd[0]) / (tokens[1] - tokens[0]) * _MILLION
    known = found.recorded.rates.get(component, set())
    return any(not _differ(rate, other * _MILLION, tolerance) for other in known)


def _differ(one: Decimal, other: Decimal, tolerance: Decimal) -> bool:
    return abs(one - other) > max(tolerance * max(abs(one), abs(other)), _DUST)
