"""What the emulated API bills for the ledger: every inference at a rate, in fractional cents.

The table is the emulator's own, typed from the price list and not from `otel_claude.pricing`: one
that is compared with the other finds the mistakes of both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otel_claude.testing.ledger import LedgerEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_claude.testing.job import Json

TOKEN_TYPES: Final = (
    "uncached_input_tokens",
    "cache_creation.ephemeral_5m_input_tokens",
    "cache_creation.ephemeral_1h_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
)
"""The API's names for the five kinds of token, in the order of the columns below."""

# USD per million tokens: input, write 5m, write 1h, read, output.
_RATES: Final = {
    "claude-fable-5-2": "8 10 16 0.2 40",
    "claude-mythos-5-2": "8 10 16 0.2 40",
    "claude-fable-5-1": "10 12.5 20 0.25 50",
    "claude-mythos-5-1": "10 12.5 20 0.25 50",
    "claude-fable-5": "10 12.5 20 1 50",
    "claude-mythos-5": "10 12.5 20 1 50",
    "claude-opus-5-5": "4 5 8 0.2 20",
    "claude-opus-5": "5 6.25 10 0.5 25",
    "claude-opus-4-8": "5 6.25 10 0.5 25",
    "claude-opus-4-7": "5 6.25 10 0.5 25",
    "claude-opus-4-6": "5 6.25 10 0.5 25",
    "claude-opus-4-5": "5 6.25 10 0.5 25",
    "claude-sonnet-5-5": "2 2.5 4 0.1 10",
    "claude-sonnet-5": "2 2.5 4 0.2 10",
    "claude-sonnet-4-6": "3 3.75 6 0.3 15",
    "claude-sonnet-4-5": "3 3.75 6 0.3 15",
    "claude-haiku-5-5": "0.1 0.125 0.2 0.01 0.5",
    "claude-haiku-4-5": "1 1.25 2 0.1 5",
}
_LONG: Final = {"claude-haiku-5-5": (100_000, "0.5 0.625 1 0.05 2.5")}
_UNLISTED: Final = "7 8.75 14 0.7 35"
_FAST: Final = ("fable-5-2", "mythos-5-2", "opus-5-5", "opus-5", "opus-4-8")
_NO_GEO: Final = re.compile(r"claude-(\w+-4-5|3-)")
_BILLED_REFUSALS: Final = ("bio", "frontier_llm", "reasoning_extraction")
_NOT_IN_COST: Final = ("priority", "priority_on_demand")
_SEARCH: Final = Decimal(1)  # cents
_CENTS_PER_USD: Final = 100
_COUNTS: Final = ("input_tokens", "", "", "cache_read_input_tokens", "output_tokens")

API_KEY = "apikey_01Emulator"


class Charge(NamedTuple):
    """One billed inference, or one fee.

    Attributes:
        time: seconds since the epoch.
        request: the request it belongs to.
        group: its value in every dimension of the reports.
        tokens: counts in the order of `TOKEN_TYPES`.
        cents: what these cost, in the same order.
        searches: web searches, and what they cost.
        cost_type: tokens, or the kind of fee.
        fee: cents, of a fee.
    """

    time: float
    request: str
    group: dict[str, str | None]
    tokens: tuple[int, ...] = (0, 0, 0, 0, 0)
    cents: tuple[Decimal, ...] = (Decimal(0),) * 5
    searches: int = 0
    searches_cents: Decimal = Decimal(0)
    cost_type: str = "tokens"
    fee: Decimal = Decimal(0)


@dataclass
class Billing:
    """What a test changes about the bill, while what was served stays as it was.

    Attributes:
        discount: `amount` is `list_amount` times this.
    """

    discount: Decimal = Decimal(1)
    _factors: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    _hidden: set[int] = field(default_factory=set)
    _added: list[LedgerEntry] = field(default_factory=list)
    _fees: list[Charge] = field(default_factory=list)

    def change_rate(self, model: str, token_type: str, factor: Decimal) -> None:
        """Bill one of `TOKEN_TYPES` of a model at another rate than the list's."""
        self._factors[model, token_type] = factor

    def hide(self, entry: LedgerEntry) -> None:
        """Leave a call out of the bill."""
        self._hidden.add(id(entry))

    def add(self, time: float, model: str, **usage: Any) -> None:
        """Bill a call that this emulator has not served, as of another application."""
        number = -1 - len(self._added)
        facts: dict[str, Any] = {"model": model, "usage": usage}
        self._added.append(LedgerEntry(number, time, "/v1/messages", f"req_added{number}", **facts))

    def fee(self, time: float, cost_type: str, usd: Decimal) -> None:
        """Bill `code_execution` or `session_usage`."""
        group = {"cost_type": cost_type}
        cents = usd * _CENTS_PER_USD
        name = f"fee_{len(self._fees)}"
        self._fees.append(Charge(time, name, {**group}, cost_type=cost_type, fee=cents))

    def clear(self) -> None:
        """Bill by the list again, what was served and nothing else."""
        self.discount = Decimal(1)
        for part in (self._factors, self._hidden, self._added, self._fees):
            part.clear()

    def charges(self, ledger: Iterable[LedgerEntry], workspace: str) -> Iterator[Charge]:
        """Everything that is billed."""
        for entry in (*ledger, *self._added):
            if entry.usage is not None and id(entry) not in self._hidden and _is_own(entry.path):
                yield from self._of(entry, workspace)
        yield from self._fees

    def _of(self, entry: LedgerEntry, workspace: str) -> Iterator[Charge]:
        usage = entry.usage
        searches = _number(usage.get("server_tool_use") or {}, "web_search_requests")
        for place, (model, counts) in enumerate(_inferences(entry)):
            speed = "fast" if usage.get("speed") == "fast" and _is_fast(model) else "standard"
            tier = str(usage.get("service_tier") or "standard")
            geo = usage.get("inference_geo")
            group: dict[str, str | None] = {
                "model": model,
                "workspace_id": workspace,
                "api_key_id": API_KEY,
                "service_tier": tier,
                "speed": speed,
                "inference_geo": geo if geo in ("us", "global") else None,
                "context_window": "200k-1M" if sum(counts[:4]) > 200_000 else "0-200k",
                "product": "message_batches_api" if tier == "batch" else "messages_api",
            }
            own = searches if place == 0 else 0
            cents = self._cents(model, counts, group)
            search = _SEARCH * own
            if tier in _NOT_IN_COST:
                cents, search = (Decimal(0),) * 5, Decimal(0)
            yield Charge(entry.time, entry.request_id + str(entry.custom_id), group, counts, cents,
                         own, search)  # fmt: skip

    def _cents(
        self, model: str, counts: tuple[int, ...], group: dict[str, str | None]
    ) -> tuple[Decimal, ...]:
        factor = Decimal(2 if group["speed"] == "fast" else 1)
        if group["service_tier"] == "batch":
            factor /= 2
        if group["inference_geo"] == "us" and not _NO_GEO.match(model):
            factor *= Decimal("1.1")
        rates = (Decimal(rate) for rate in _card(model, sum(counts[:4])).split())
        return tuple(
            count * rate * factor * self._factors.get((model, kind), Decimal(1)) / 10_000
            for count, rate, kind in zip(counts, rates, TOKEN_TYPES, strict=True)
        )


def _is_own(path: str) -> bool:
    """Whether this API bills for a path: Bedrock and Vertex AI send bills of their own."""
    return path in ("/v1/messages", "/v1/complete") or path.startswith("/v1/messages/batches")


def _name(model: str) -> str:
    """A model as the reports name it: without the date of its snapshot."""
    return re.sub(r"-20\d{6}$", "", model)


def _is_fast(model: str) -> bool:
    return model.removeprefix("claude-") in _FAST


def _card(model: str, prompt: int) -> str:
    above, card = _LONG.get(model, (None, ""))
    if above is not None and prompt > above:
        return card
    return _RATES.get(model, _UNLISTED)


def _number(usage: Json, name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) else 0


def _counts(usage: Json) -> tuple[int, ...]:
    """Tokens in the order of `TOKEN_TYPES`; writes of no stated lifetime live 5 minutes."""
    split = usage.get("cache_creation")
    long = _number(split, "ephemeral_1h_input_tokens") if isinstance(split, dict) else 0
    written = _number(usage, "cache_creation_input_tokens")
    plain, read, output = (_number(usage, name) for name in _COUNTS if name)
    return plain, written - min(long, written), min(long, written), read, output


def _inferences(entry: LedgerEntry) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Model and tokens of all that is billed of a request; the first is the one that answered."""
    usage, served = entry.usage, _name(entry.model or "")
    entries: list[Json] = usage.get("iterations") or []
    hops = any(i.get("type") == "fallback_message" for i in entries)
    own = [i for i in entries if i.get("type") == "message"]
    if hops:
        yield from _hops(entry, entries)
        return
    free = entry.stop_reason == "refusal" and not _number(usage, "output_tokens")
    if not free or entry.refusal_category in _BILLED_REFUSALS:
        parts = own if served in _LONG and len(own) > 1 else [usage]
        for part in parts:
            yield served, _counts(part)
    for side in entries:
        if side.get("type") in ("compaction", "advisor_message"):
            yield _name(side.get("model") or served), _counts(side)


def _hops(entry: LedgerEntry, entries: list[Json]) -> Iterator[tuple[str, tuple[int, ...]]]:
    categories = iter(entry.declined)
    billed = []
    for hop in entries:
        declined = hop.get("type") == "message" and not _number(hop, "output_tokens")
        if declined and next(categories, None) not in _BILLED_REFUSALS:
            continue
        billed.append(hop)
    for hop in sorted(billed, key=lambda hop: hop.get("type") != "fallback_message"):
        yield _name(hop.get("model") or entry.model or ""), _counts(hop)
