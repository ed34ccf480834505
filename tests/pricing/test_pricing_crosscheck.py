"""The price book against two public tables that others keep: genai-prices and litellm's.

Development dependencies only. litellm's table is read as a file; its code is never imported. A
failure here is news, not a bug: look at Anthropic's pricing page, then change a row of
`src/otel_claude/pricing/book.py`, or add a known difference below with its reason.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from datetime import datetime, timezone
from decimal import Decimal
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

import pytest

from otel_claude.pricing import Prices, resolve
from otel_claude.pricing.plans import in_force

pytestmark = pytest.mark.crosscheck

LOOK = (
    "Look at https://platform.claude.com/docs/en/about-claude/pricing and at the release notes; "
    "then change src/otel_claude/pricing/book.py and PRICE_BOOK_VERSION, or add a known difference "
    "to this test with its reason."
)
BOOK = Prices()
RATES = ("input", "write_5m", "write_1h", "read", "output")

UNLISTED = {
    "claude-v1": "retired before prompt caching; only two rates are known",
    "claude-2": "retired before prompt caching; only two rates are known",
    "claude-3-sonnet": "retired; the tables disagree on whether it had prompt caching",
    "claude-3-sonnet-20240229": "retired; the tables disagree on whether it had prompt caching",
    "claude-mythos-preview": "an announcement price without cache rates; retired",
}
"""Models that are left out of the book on purpose: they are unknown, not priced."""

DIFFERENT = {
    ("genai-prices", "claude-sonnet-4-5", "long"): "its tier ended with the 1M beta in April 2026",
}
"""(table, model, card) where the other table is known to be wrong or old."""

MISSING = {
    "genai-prices": {
        "claude-mythos-5": "limited access, not in that table",
        "claude-mythos-5-1": "limited access, not in that table",
    },
}


def now() -> float:
    return datetime.now(timezone.utc).timestamp()


def cards(name: Any) -> Any:
    """Our cards for a model today: standard and, where there is one, for long prompts."""
    model = BOOK.model(name)
    assert model is not None
    at = now()
    rates = next((card for card in model.earlier if in_force(card, at)), model.rates)
    found = {"standard": dict(zip(RATES, map(Decimal, rates[:5]), strict=True))}
    if model.long and in_force(model.long.card, at):
        found["long"] = dict(zip(RATES, map(Decimal, model.long.card[:5]), strict=True))
    return found


def compare(table: Any, name: Any, theirs: Any, problems: Any) -> None:
    if name in UNLISTED:
        return
    if resolve(name).model is None:
        problems.append(f"{table} has {name!r}, which the price book does not: {theirs}")
        return
    ours = cards(name)
    for card in ("standard", "long"):
        if (table, resolve(name).model, card) in DIFFERENT:
            continue
        if card not in theirs or card not in ours:
            if card in theirs or card in ours:
                problems.append(f"{table}, {name}: only one side has a price for {card} prompts")
            continue
        for rate, value in theirs[card].items():
            if value is not None and ours[card][rate] != value:
                problems.append(
                    f"{table}, {name}, {card}: {rate} is {value} there and {ours[card][rate]} here"
                )


def absent(what: str) -> NoReturn:
    """Skips, but not in CI: there the comparison is the point."""
    # Newer tables are not made for Python 3.10.
    needed = os.environ.get("CI") == "true" and sys.version_info >= (3, 11)
    (pytest.fail if needed else pytest.skip)(f"{what} is not installed")


def genai() -> Any:
    try:
        snapshot = importlib.import_module("genai_prices.data_snapshot")
    except ImportError:
        absent("genai-prices")
    provider = next(p for p in snapshot.get_snapshot().providers if p.id == "anthropic")
    keys = (
        "input_mtok",
        "cache_write_mtok",
        "cache_write_1h_mtok",
        "cache_read_mtok",
        "output_mtok",
    )
    found = {}
    for model in provider.models:
        prices = model.get_prices(datetime.now(timezone.utc))
        both: dict[str, dict[str, Any]] = {"standard": {}, "long": {}}
        for rate, key in zip(RATES, keys, strict=True):
            value = getattr(prices, key, None)
            tiers = getattr(value, "tiers", None)
            both["standard"][rate] = getattr(value, "base", value)
            if tiers:
                both["long"][rate] = tiers[0].price
        found[model.id] = both if both["long"] else {"standard": both["standard"]}
    return found


def litellm() -> Any:
    try:
        files = metadata.files("litellm") or []
    except metadata.PackageNotFoundError:
        absent("litellm (pip install --no-deps litellm)")
    name = "model_prices_and_context_window_backup.json"
    table = next((Path(str(f.locate())) for f in files if f.name == name), None)
    assert table is not None, "litellm keeps its table elsewhere now"
    rows = json.loads(table.read_text(encoding="utf-8"))
    return {name: row for name, row in rows.items() if row.get("litellm_provider") == "anthropic"}


def per_million(row: Any, key: Any) -> Any:
    value = row.get(key)
    return None if value is None else (Decimal(repr(float(value))) * 1_000_000).normalize()


def test_genai_prices_agrees() -> None:
    problems: list[str] = []
    theirs = genai()
    for name, prices in theirs.items():
        compare("genai-prices", name, prices, problems)
    names = {resolve(name).model for name in theirs}
    problems += [
        f"the price book has {model.name!r}, which genai-prices does not"
        for model in BOOK.models()
        if model.name not in names and model.name not in MISSING["genai-prices"]
    ]
    assert not problems, "\n".join([*problems, LOOK])


def test_litellm_agrees() -> None:
    keys = (
        "input_cost_per_token",
        "cache_creation_input_token_cost",
        "cache_creation_input_token_cost_above_1hr",
        "cache_read_input_token_cost",
        "output_cost_per_token",
    )
    problems: list[str] = []
    for name, row in litellm().items():
        prices = {"standard": {r: per_million(row, k) for r, k in zip(RATES, keys, strict=True)}}
        model = BOOK.model(name)
        above = next((t for t in (100, 200) if f"input_cost_per_token_above_{t}k_tokens" in row), 0)
        if above:
            prices["long"] = {
                r: per_million(row, f"{k}_above_{above}k_tokens")
                for r, k in zip(RATES, keys, strict=True)
            }
            if model and model.long and model.long.above != above * 1000:
                problems.append(f"litellm, {name}: long prompts begin above {above},000 there")
        compare("litellm", name, prices, problems)
        if model is None:
            continue
        extra = row.get("provider_specific_entry") or {}
        if bool(extra.get("us")) != model.geo:
            problems.append(f"litellm, {name}: US-only premium {extra.get('us')} there")
        if model.window and row.get("max_input_tokens") not in (None, model.window):
            problems.append(f"litellm, {name}: window {row['max_input_tokens']} there")
    assert not problems, "\n".join([*problems, LOOK])


def test_a_new_model_or_another_rate_is_reported() -> None:
    problems: list[str] = []
    compare("made up", "claude-opus-9", {"standard": {"input": Decimal(1)}}, problems)
    compare("made up", "claude-opus-5", {"standard": {"input": Decimal(6)}}, problems)
    assert problems == [
        "made up has 'claude-opus-9', which the price book does not: {'standard': {'input': Decimal('1')}}",
        "made up, claude-opus-5, standard: input is 6 there and 5 here",
    ]


def test_every_known_difference_is_still_needed() -> None:
    problems: list[str] = []
    theirs = genai()
    for table, name, card in DIFFERENT:
        assert table == "genai-prices"
        ours = cards(name)
        if theirs[name].get(card) == ours.get(card):
            problems.append(f"{name}, {card}: {table} agrees now; remove the known difference")
    gone = [name for name in MISSING["genai-prices"] if name in theirs]
    problems += [f"genai-prices has {name} now; remove it from MISSING" for name in gone]
    assert not problems, "\n".join(problems)
