"""Which inferences of a response are billed, and for how many tokens: before any price.

The top-level counts of a response cover its own sampling. Compaction and advisor entries of
`usage.iterations` come on top. After a server-side fallback the top level covers only the attempt
that served, so every entry counts by itself.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from otel_claude.call.usage import Iteration, Tokens, Usage
from otel_claude.pricing.cost import ttl
from otel_claude.pricing.models import take_apart
from otel_claude.pricing.reasons import (
    LONG_PROMPT_TIER,
    MISSING_COUNTS,
    MISSING_TTL_SPLIT,
    UNKNOWN_ITERATION,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OWN = "message"
COMPACTION = "compaction"
ADVISOR = "advisor_message"
FALLBACK = "fallback_message"
DECLINED = "declined"
_SAMPLING = (OWN, FALLBACK)
_KNOWN = (OWN, COMPACTION, ADVISOR, FALLBACK)


class Group(NamedTuple):
    """One billed inference: disjoint token counts per component, whose sum is what is billed.

    Attributes:
        model: the id as the response has it, None where it said none.
        kind: `message`, `compaction`, `advisor_message`, `fallback_message`, or `declined` for a
            fallback hop that refused before any output.
        category: of the refusal, for a declined hop; `...` where the caller did not say.
        own: the inference ran on the model that the response names.
    """

    model: str | None
    kind: str
    input: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    output: int
    category: object = None
    own: bool = True

    @property
    def prompt_tokens(self) -> int:
        """Uncached input, cache reads and cache writes."""
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h


def read(usage: object) -> Usage:
    """`usage` as a `Usage`: itself, or read from an SDK object or a mapping. Never raises."""
    fresh = Usage()
    try:
        if isinstance(usage, Usage):
            return usage
        fresh.read(usage)
    except Exception:
        return Usage()
    return fresh


def billed(
    usage: Usage | Mapping[str, Any] | object,
    model: str | None,
    *,
    request_model: str | None = None,
    declined: Sequence[str | None] = (),
    long_above: int | None = None,
) -> tuple[Group, ...]:
    """The priced inferences of a response, with disjoint token counts; no price is needed.

    Args:
        usage: the `usage` of a response, in any form.
        model: the model that the response names.
        request_model: the model that was asked for; a declined hop without a model ran on it.
        declined: refusal categories of the fallback hops that declined, in order.
        long_above: prompt length at which the model's price changes. Where it has one, each
            sampling iteration counts by itself, if together they are the total.

    Returns:
        At least one group, unless nothing was said. Never raises.
    """
    groups, _ = split(read(usage), model or request_model, request_model, declined, long_above)
    return groups


def split(
    usage: Usage,
    model: str | None,
    request_model: str | None,
    declined: Sequence[str | None],
    long_above: int | None,
) -> tuple[tuple[Group, ...], tuple[str, ...]]:
    """The groups of a response, and why they may be incomplete."""
    doubts: list[str] = []
    entries = usage.iterations
    if entries and is_fallback(entries, model):
        groups = _hops(entries, model, request_model, declined, doubts)
    else:
        groups = _own(usage, model, long_above, doubts)
        groups += [
            _group(entry, entry.model or model, entry.type or "", doubts, own=not entry.model)
            for entry in entries
            if entry.type in (COMPACTION, ADVISOR)
        ]
    if any(entry.type not in _KNOWN for entry in entries):
        doubts.append(UNKNOWN_ITERATION)
    return tuple(groups), tuple(dict.fromkeys(doubts))


def is_fallback(entries: Sequence[Iteration], model: str | None) -> bool:
    """Whether a server-side fallback ran: several models sampled, or an entry says so."""
    names = set()
    for entry in entries:
        if entry.type == FALLBACK:
            return True
        if entry.type == OWN:
            names.add(take_apart(entry.model or model).name)
    return len(names) > 1


def _own(usage: Usage, model: str | None, long_above: int | None, doubts: list[str]) -> list[Group]:
    """The response's own sampling: its total, or each iteration where length decides the price."""
    messages = [entry for entry in usage.iterations if entry.type == OWN]
    matching = bool(messages) and _sums_match(usage, messages)
    if long_above is not None and matching and len(messages) > 1:
        own = [_group(entry, model, OWN, []) for entry in messages]
        short, long = _total_split(usage, messages, doubts)
        if (sum(g.cache_write_5m for g in own), sum(g.cache_write_1h for g in own)) != (
            short,
            long,
        ):
            own = _lifetimes(own, long, doubts)
        return own
    if (usage.input_tokens is None) != (usage.output_tokens is None):
        doubts.append(MISSING_COUNTS)
    short, long = _total_split(usage, messages if matching else [], doubts)
    group = _counted(usage, model, OWN, short, long)
    looped = usage.web_search_requests or usage.web_fetch_requests or usage.code_execution_requests
    if long_above is not None and group.prompt_tokens > long_above and looped and not matching:
        doubts.append(LONG_PROMPT_TIER)
    return [group]


def _lifetimes(groups: list[Group], long: int, doubts: list[str]) -> list[Group]:
    """Spread the total's 1 hour writes over iterations that do not say their own."""
    total = sum(g.cache_write_5m + g.cache_write_1h for g in groups)
    if long not in (0, total):
        doubts.append(MISSING_TTL_SPLIT)
    spread = []
    for group in groups:
        written = group.cache_write_5m + group.cache_write_1h
        taken = min(long, written)
        long -= taken
        spread.append(group._replace(cache_write_5m=written - taken, cache_write_1h=taken))
    return spread


def _total_split(usage: Usage, messages: Sequence[Iteration], doubts: list[str]) -> tuple[int, int]:
    """The total's cache writes by lifetime, from the iterations where the total cannot say."""
    unsure: list[str] = []
    own = ttl(usage, unsure)
    if not unsure:
        return own
    missing: list[str] = []
    parts = [ttl(entry, missing) for entry in messages]
    if parts and not missing:
        return sum(p[0] for p in parts), sum(p[1] for p in parts)
    doubts += unsure
    return own


def _sums_match(usage: Usage, entries: Sequence[Iteration]) -> bool:
    """Whether the sampling iterations add up to the top-level counts."""
    counts = [
        (
            t.input_tokens or 0,
            t.cache_read_input_tokens or 0,
            _written(t),
            t.output_tokens or 0,
        )
        for t in (usage, *entries)
    ]
    return counts[0] == tuple(map(sum, zip(*counts[1:], strict=True)))


def _written(tokens: Tokens) -> int:
    total = tokens.cache_creation_input_tokens
    if total is not None:
        return total
    return (tokens.ephemeral_5m_input_tokens or 0) + (tokens.ephemeral_1h_input_tokens or 0)


def _hops(
    entries: Sequence[Iteration],
    model: str | None,
    request_model: str | None,
    declined: Sequence[str | None],
    doubts: list[str],
) -> list[Group]:
    """Every entry at its own model; the hops that declined before output marked as such."""
    categories = _declined(entries, model, declined)
    groups = []
    for place, entry in enumerate(entries):
        kind = entry.type or ""
        if kind not in _KNOWN:
            continue
        if place in categories:
            group = _group(
                entry, entry.model or request_model or model, DECLINED, doubts, own=False
            )
            groups.append(group._replace(category=categories[place]))
            continue
        ran_on = entry.model or _executor(entries, place) or model
        groups.append(_group(entry, ran_on, kind, doubts, own=kind == FALLBACK))
    return groups


def _executor(entries: Sequence[Iteration], place: int) -> str | None:
    """The model of the attempt that an entry without one belongs to: the next that samples."""
    for entry in entries[place:]:
        if entry.type in _SAMPLING and entry.model:
            return entry.model
    return None


def _declined(
    entries: Sequence[Iteration], model: str | None, declined: Sequence[str | None]
) -> dict[int, object]:
    """Places of the hops that declined before output, with their refusal categories.

    A hop is a run of sampling entries on one model; the last of a run that another model follows
    is the attempt that declined. A hop that declined in the middle of its output is billed as any
    other entry, but has a category too, so categories are matched to hops, not to empty entries.
    """
    sampling = [(n, e) for n, e in enumerate(entries) if e.type in _SAMPLING]
    ends = [
        place
        for (place, entry), (_, following) in pairwise(sampling)
        if entry.type == OWN
        and take_apart(entry.model or model).name != take_apart(following.model or model).name
    ]
    empty = [
        place for place, entry in sampling[:-1] if entry.type == OWN and entry.output_tokens == 0
    ]
    hops = ends if set(empty) <= set(ends) else empty
    said = dict(zip(hops, declined, strict=False)) if len(declined) == len(hops) else {}
    if not said and len(declined) == len(empty):
        said = dict(zip(empty, declined, strict=False))
    return {place: said.get(place, ...) for place in empty}


def _group(
    tokens: Iteration, model: str | None, kind: str, doubts: list[str], *, own: bool = True
) -> Group:
    short, long = ttl(tokens, doubts)
    return _counted(tokens, model, kind, short, long, own=own)


def _counted(
    tokens: Tokens, model: str | None, kind: str, short: int, long: int, *, own: bool = True
) -> Group:
    return Group(
        model,
        kind,
        tokens.input_tokens or 0,
        tokens.cache_read_input_tokens or 0,
        short,
        long,
        tokens.output_tokens or 0,
        own=own,
    )
