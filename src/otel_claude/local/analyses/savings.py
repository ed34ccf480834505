"""What could be saved, with the arithmetic: pure functions over sums of calls.

Everything is at list prices. Savings of different kinds overlap and must not be added up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from math import ceil, log2
from typing import TYPE_CHECKING, Any, Final, Literal

from otel_claude import pricing
from otel_claude.pricing.prices import LIST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Kind = Literal["smaller_model", "prompt_caching", "unused_cache_writes", "batch", "max_tokens"]
Sums = dict[str, Any]

LEAST: Final = 20
"""Calls below which nothing is said."""

_SAMPLE: Final = 1000  # tokens that are priced to learn a rate
_PER: Final = 1_000_000  # tokens that a rate is told for
_SIZES: Final = ("haiku", "sonnet", "opus", "fable")
_SAME_SIZE: Final = {"mythos": "fable"}


@dataclass(frozen=True)
class Saving:
    """One way to spend less.

    Attributes:
        kind: which.
        key: what it is about: a model, or a feature and its model.
        calls: that are meant.
        usd: saved in the period that was asked about; 0 where it is no matter of money.
        arithmetic: how that comes about.
        advice: what to do.
    """

    kind: Kind
    key: str
    calls: int
    usd: float
    arithmetic: str
    advice: str


@dataclass(frozen=True)
class Rates:
    """List prices, USD per token."""

    input: float
    read: float
    short: float
    long: float
    output: float

    def of(self, row: Mapping[str, Any]) -> float:
        """USD of sums of tokens: `plain`, `read`, `short` and `long` (writes), `output`."""
        return float(
            row["plain"] * self.input
            + row["read"] * self.read
            + row["short"] * self.short
            + row["long"] * self.long
            + row["output"] * self.output
        )


def rates(model: str, at: float, *, batch: bool = False) -> Rates | None:
    """Prices of short prompts; None where the model has none.

    Args:
        model: any id of it.
        at: POSIX seconds.
        batch: in a Message Batch.
    """

    def priced(lifetime: str) -> pricing.Cost | pricing.Unpriced:
        usage = {
            "input_tokens": _SAMPLE,
            "output_tokens": _SAMPLE,
            "cache_read_input_tokens": _SAMPLE,
            "cache_creation_input_tokens": _SAMPLE,
            "cache_creation": {f"ephemeral_{lifetime}_input_tokens": _SAMPLE},
        }
        return pricing.cost(usage, model, at=at, batch=batch)

    short, long = priced("5m"), priced("1h")
    if not isinstance(short, pricing.Cost) or not isinstance(long, pricing.Cost):
        return None
    return Rates(
        short.input_usd / _SAMPLE,
        short.cache_read_usd / _SAMPLE,
        short.cache_write_usd / _SAMPLE,
        long.cache_write_usd / _SAMPLE,
        short.output_usd / _SAMPLE,
    )


def smaller_than(model: str, at: float) -> str | None:
    """The newest model of the next smaller size that was there, None for the smallest."""
    size = _size(model)
    if size is None or size == 0:
        return None
    day = datetime.fromtimestamp(at, tz=timezone.utc).date().isoformat()
    for other in LIST.models():  # the newest first
        there = (other.launched or "") <= day and (other.retires is None or other.retires > day)
        if there and _size(other.name) == size - 1:
            return other.name
    return None


def _size(model: str) -> int | None:
    for word in model.split("-"):
        word = _SAME_SIZE.get(word, word)  # noqa: PLW2901 - the same word, told otherwise
        if word in _SIZES:
            return _SIZES.index(word)
    return None


def smaller_model(rows: Iterable[Sums], at: float) -> list[Saving]:
    """Short questions with short answers and no tools, priced on the next smaller model.

    Args:
        rows: by `model`: `calls`, and the tokens that `Rates.of` takes.
        at: POSIX seconds, for the prices.
    """
    found = []
    for row in rows:
        other = smaller_than(row["model"], at)
        mine, its = rates(row["model"], at), other and rates(other, at)
        if row["calls"] < LEAST or other is None or mine is None or not its:
            continue
        now, then = mine.of(row), its.of(row)
        if now > then:
            found.append(
                Saving(
                    "smaller_model",
                    row["model"],
                    row["calls"],
                    now - then,
                    f"{row['calls']:,} short calls cost {_usd(now)}; their tokens on {other} "
                    f"{_usd(then)}",
                    f"Try {other} on these calls and compare the results before moving them.",
                )
            )
    return _dearest(found)


def prompt_caching(rows: Sequence[Sums], at: float) -> list[Saving]:
    """Prompts without caching that began like the one before, within five minutes.

    Args:
        rows: by `model` and conversation: `calls`, their prompts' `tokens`, and of those `again`,
            that the call before had sent as well.
        at: POSIX seconds, for the prices.
    """
    sums: dict[str, list[float]] = {}
    prices = {model: rates(model, at) for model in {row["model"] for row in rows}}
    for row in rows:
        price = prices[row["model"]]
        if price is None:
            continue
        new = row["tokens"] - row["again"]
        net = row["again"] * (price.input - price.read) - new * (price.short - price.input)
        if net > 0:
            mine = sums.setdefault(row["model"], [0, 0, 0, 0.0])
            for place, value in enumerate((row["calls"], row["again"], new, net)):
                mine[place] += value
    found = []
    for model, (calls, again, new, net) in sums.items():
        price = prices[model]
        if calls < LEAST or price is None:
            continue
        found.append(
            Saving(
                "prompt_caching",
                model,
                int(calls),
                net,
                f"{int(again):,} repeated tokens x ({_rate(price.input)} - {_rate(price.read)}) "
                f"- {int(new):,} written x ({_rate(price.short)} - {_rate(price.input)}), per 1M",
                "Set cache_control on what stays the same: tools, system prompt, conversation.",
            )
        )
    return _dearest(found)


def unused_cache_writes(rows: Iterable[Sums], at: float) -> list[Saving]:
    """Cache writes that nothing read while they lived: the surcharge for writing is lost.

    Args:
        rows: by `model`: `calls`, tokens written for 5 minutes (`short`) and for an hour (`long`).
        at: POSIX seconds, for the prices.
    """
    found = []
    for row in rows:
        price = rates(row["model"], at)
        if price is None:
            continue
        parts = [(row[name], rate) for name, rate in (("short", price.short), ("long", price.long))]
        usd = sum(tokens * (rate - price.input) for tokens, rate in parts)
        told = " + ".join(
            f"{tokens:,} x ({_rate(rate)} - {_rate(price.input)})"
            for tokens, rate in parts
            if tokens
        )
        if usd > 0:
            found.append(
                Saving(
                    "unused_cache_writes",
                    row["model"],
                    row["calls"],
                    usd,
                    f"{told}, per 1M tokens",
                    "Leave cache_control out where nothing follows in time, or write for an hour.",
                )
            )
    return _dearest(found)


def batchable(rows: Iterable[Sums], at: float) -> list[Saving]:
    """Calls in bulk for which nobody waits, priced as results of a Message Batch.

    Args:
        rows: by `model` and `feature`: `calls`, and the tokens that `Rates.of` takes.
        at: POSIX seconds, for the prices.
    """
    found = []
    for row in rows:
        mine, batch = rates(row["model"], at), rates(row["model"], at, batch=True)
        if row["calls"] < LEAST or mine is None or batch is None:
            continue
        now, then = mine.of(row), batch.of(row)
        if now > then:
            found.append(
                Saving(
                    "batch",
                    _of(row),
                    row["calls"],
                    now - then,
                    f"{row['calls']:,} calls cost {_usd(now)}; as results of batches {_usd(then)}",
                    "Send these through the Message Batches API, if their results may take a day.",
                )
            )
    return _dearest(found)


def oversized(rows: Iterable[Sums]) -> list[Saving]:
    """Output limits far above anything that was ever written.

    Args:
        rows: by `model`, `feature` and `max_tokens`: `calls`, and the `longest` output.
    """
    found = []
    for row in rows:
        longest, limit = row["longest"] or 0, row["max_tokens"]
        enough = 2 ** ceil(log2(max(2 * longest, 256)))
        if row["calls"] < LEAST or limit < 4 * enough:
            continue
        found.append(
            Saving(
                "max_tokens",
                _of(row),
                row["calls"],
                0.0,
                f"max_tokens {limit:,}, the longest of {row['calls']:,} outputs {longest:,}",
                f"Ask for {enough:,}: the limit itself costs nothing, but budgets reserve it, and a "
                "runaway answer may use it up.",
            )
        )
    return sorted(found, key=lambda one: (-one.calls, one.key))


def _of(row: Sums) -> str:
    return f"{row['feature']}, {row['model']}" if row["feature"] else str(row["model"])


def _dearest(found: list[Saving]) -> list[Saving]:
    return sorted(found, key=lambda one: (-one.usd, one.key))


def _usd(value: float) -> str:
    return f"${value:,.4f}" if value < 1 else f"${value:,.2f}"


def _rate(per_token: float) -> str:
    return f"${per_token * _PER:.4g}"
