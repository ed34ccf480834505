"""The plain data of both sides: calls as they were recorded, rows as Anthropic reports them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_claude.pricing import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKENS: Final = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
"""The kinds of token that are billed: disjoint."""

REQUESTS: Final = "requests"
SEARCHES: Final = "web_searches"

COMPONENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "input": ("input",),
    "cache_read": ("cache_read",),
    "cache_write": ("cache_write_5m", "cache_write_1h"),
    "output": ("output",),
    "server_tools": (SEARCHES,),
}
"""The components of a cost, each with the counts that it is the price of."""

WEB_SEARCH: Final = "(web search)"
"""Stands for the model where searches are counted: reports may not attribute them to one."""

DIMENSIONS: Final[Mapping[str, str]] = {
    "workspace": "workspace_id",
    "tier": "service_tier",
    "speed": "speed",
    "geo": "inference_geo",
}
"""Dimensions besides day and model, with the API's names."""

NOT_IN_COST: Final = ("priority", "priority_on_demand")
"""Tiers that the usage report has and the cost report has not: they are billed by commitment."""


class CannotCompareError(Exception):
    """The two sides cannot be compared; the message says what is missing."""


class Key(NamedTuple):
    """What both sides are grouped by; None in a dimension that one side does not know."""

    day: str
    model: str
    workspace: str | None = None
    tier: str | None = None
    speed: str | None = None
    geo: str | None = None

    def only(self, dimensions: tuple[str, ...]) -> Key:
        """The key with day, model and these dimensions."""
        kept = (getattr(self, name) if name in dimensions else None for name in DIMENSIONS)
        return Key(self.day, self.model, *kept)


class Inference(NamedTuple):
    """One billed inference of a call.

    Attributes:
        tokens: count per kind of `TOKENS`.
        usd: cost per component of tokens; None where it is not known.
        free: reported, but not billed: a refusal before any output.
        requests: where this stands for several calls (results of a batch), how many.
    """

    model: str
    tokens: Mapping[str, int]
    usd: Mapping[str, Decimal] | None = None
    free: bool = False
    requests: int | None = None


@dataclass(frozen=True)
class RecordedCall:
    """One call, as telemetry has it.

    Attributes:
        id: what tells it from others, so that a call exported twice counts once.
        time: start, seconds since the epoch.
        inferences: empty where tokens are not known.
        usd: the whole cost; None where there is none.
        searches_usd: cost of web searches, None where not known.
        detailed: service tier, speed and region are known, not merely unsaid.
        output_known: False for a stream that ended before its final count.
        split_known: whether writes of 5 minutes and of 1 hour are told apart.
        unavailable: why there is no cost.
        elsewhere: who bills it, where that is not Anthropic to this organization.
    """

    id: str
    time: float
    model: str
    inferences: tuple[Inference, ...]
    usd: Decimal | None = None
    searches: int = 0
    searches_usd: Decimal | None = None
    workspace: str | None = None
    tier: str | None = None
    speed: str | None = None
    geo: str | None = None
    detailed: bool = True
    output_known: bool = True
    split_known: bool = True
    incomplete: tuple[str, ...] = ()
    unavailable: str | None = None
    basis: str | None = None
    elsewhere: str | None = None

    def key(self, model: str) -> Key:
        """Where an inference on a model belongs."""
        return Key(
            day_of(self.time),
            model_name(model),
            self.workspace,
            self.tier or "standard",
            self.speed or "standard",
            self.geo or "not_available",
        )


@dataclass
class Recording:
    """All that was read from a file of calls.

    Attributes:
        calls: those that are on somebody's bill.
        unbilled: calls that failed or were rejected before anything was answered.
        skipped: lines that are neither log lines nor spans.
        duplicates: calls that stood there more than once.
        batch_results: results of batches of which only a total was recorded.
        batch_usd: their cost.
    """

    calls: list[RecordedCall] = field(default_factory=list)
    unbilled: int = 0
    skipped: int = 0
    duplicates: int = 0
    batch_results: int = 0
    batch_usd: Decimal = Decimal(0)


@dataclass
class Cell:
    """What one side has under one key.

    Attributes:
        counts: requests, tokens by kind, web searches.
        usd: by component.
    """

    counts: dict[str, int] = field(default_factory=dict)
    usd: dict[str, Decimal] = field(default_factory=dict)

    def count(self, name: str, value: int) -> None:
        """Add to a count."""
        self.counts[name] = self.counts.get(name, 0) + value

    def spend(self, component: str, usd: Decimal) -> None:
        """Add to a component of the cost."""
        self.usd[component] = self.usd.get(component, Decimal(0)) + usd

    @property
    def total(self) -> Decimal:
        """USD over all components."""
        return sum(self.usd.values(), Decimal(0))


@dataclass
class Bill:
    """Anthropic's own figures.

    Attributes:
        cells: tokens and their cost by day, model and dimension.
        dimensions: which of `DIMENSIONS` the cells are told apart by.
        fees: USD by kind, of what is no token and no search (`code_execution`, ...).
        days: first and last day it covers, both included; None where that is not said.
        refreshed: until when it is known, seconds since the epoch; None where not said.
        discount: USD that is taken off the list price.
        has_requests: whether requests are counted.
        parties: USD by product and API key.
    """

    cells: dict[Key, Cell] = field(default_factory=dict)
    dimensions: tuple[str, ...] = ()
    fees: dict[str, Decimal] = field(default_factory=dict)
    days: tuple[str, str] | None = None
    refreshed: float | None = None
    discount: Decimal = Decimal(0)
    has_requests: bool = True
    parties: dict[tuple[str, str], Decimal] = field(default_factory=dict)

    def cell(self, key: Key) -> Cell:
        """The cell of a key, made where there is none."""
        return self.cells.setdefault(key, Cell())


def day_of(seconds: float) -> str:
    """The UTC day of an instant."""
    return datetime.fromtimestamp(seconds, tz=timezone.utc).date().isoformat()


def seconds_of(text: str) -> float:
    """An RFC 3339 instant in seconds since the epoch; UTC where it names no zone.

    Raises:
        ValueError: it is not one.
    """
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def model_name(name: str) -> str:
    """The name of a model without date and platform, as both sides can be compared by."""
    return resolve(name).model or name
