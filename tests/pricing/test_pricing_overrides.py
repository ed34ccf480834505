from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from otel_claude.pricing import PRICE_BOOK_VERSION, Cost, PriceFileError, Prices, Unpriced, cost

M = Decimal(1_000_000)
USAGE = {"input_tokens": 100, "output_tokens": 10, "server_tool_use": {"web_search_requests": 2}}
TOKENS = {"input_tokens": 100, "output_tokens": 10}
CARD = {
    "input": "4.5", "cache_write_5m": 5, "cache_write_1h": 9, "cache_read": 0.45, "output": 20,
}  # fmt: skip


@pytest.fixture
def load(tmp_path: Any) -> Any:
    def load(content: Any) -> Any:
        path = tmp_path / "prices.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return Prices.load(path)

    return load


def priced(model: Any, prices: Any, said: Any = TOKENS, **facts: Any) -> Any:
    result = cost(said, model, prices=prices, **facts)
    assert isinstance(result, Cost), result
    return result


LIST_5 = (100 * Decimal(5) + 10 * Decimal(25)) / M


def test_card_of_a_listed_model(load: Any) -> None:
    prices = load({"models": {"claude-opus-5": CARD}})
    result = priced("claude-opus-5", prices)
    assert result.total == (100 * Decimal("4.5") + 10 * Decimal(20)) / M
    assert result.basis == "override"
    assert priced(
        "us.anthropic.claude-opus-5", prices, platform="bedrock"
    ).total == result.total * Decimal("1.1")
    assert priced(
        "claude-opus-5", prices, TOKENS | {"inference_geo": "us"}
    ).total == result.total * Decimal("1.1")
    assert priced("claude-opus-4-8", prices).basis == "list"


def test_card_of_a_dated_id_only(load: Any) -> None:
    prices = load({"models": {"claude-haiku-4-5-20251001": CARD}})
    assert priced("claude-haiku-4-5-20251001", prices).basis == "override"
    assert priced("claude-haiku-4-5", prices).basis == "list"


def test_card_of_a_deployment(load: Any) -> None:
    prices = load({"models": {"team-deployment": CARD}})
    expected = (100 * Decimal("4.5") + 10 * Decimal(20)) / M
    asked = priced("claude-opus-5", prices, platform="foundry", request_model="team-deployment")
    assert asked.total == expected
    assert asked.incomplete == ()
    assert priced("team-deployment", prices, platform="foundry").total == expected
    other = priced("claude-opus-5", prices, platform="foundry")
    assert other.total == LIST_5


def test_an_own_card_replaces_all_of_the_listed_price(load: Any) -> None:
    prices = load({"models": {"claude-haiku-5-5": CARD}})
    said = {"input_tokens": 100_001, "output_tokens": 0}
    assert priced("claude-haiku-5-5", prices, said).total == 100_001 * Decimal("4.5") / M
    prices = load(
        {"models": {"claude-haiku-5-5": CARD | {"long_prompt": {"above": 9, **CARD, "input": 6}}}}
    )
    assert priced("claude-haiku-5-5", prices, said).total == 100_001 * Decimal(6) / M


def test_own_fast_card(load: Any) -> None:
    prices = load({"models": {"claude-sonnet-5": CARD | {"fast": CARD | {"input": 9}}}})
    said = {"input_tokens": 100, "output_tokens": 0, "speed": "fast"}
    assert priced("claude-sonnet-5", prices, said).total == 100 * Decimal(9) / M


def test_alias(load: Any) -> None:
    arn = "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc"
    prices = load({"aliases": {"chat": "claude-opus-5", arn: "global.anthropic.claude-opus-5"}})
    assert priced("chat", prices).total == LIST_5
    assert priced("chat", prices).basis == "list"
    result = priced(None, prices, request_model=arn, platform="bedrock")
    assert (result.total, result.incomplete) == (LIST_5, ())
    both = priced("claude-opus-5", prices, request_model=arn, platform="bedrock")
    assert (both.total, both.incomplete) == (LIST_5, ())


@pytest.mark.parametrize(
    "name", ["summaries-v2", "summaries-20260101", "summaries@latest", "chat-v2"]
)
def test_a_name_of_your_own_is_never_priced_as_its_neighbour(load: Any, name: str) -> None:
    card = CARD | {"context_window": 9}
    prices = load({"models": {"summaries": card}, "aliases": {"chat": "claude-haiku-4-5"}})
    assert prices.model("summaries").window == 9
    assert prices.model(name) is None
    result = priced("claude-opus-5", prices, request_model=name, platform="foundry")
    assert (result.total, result.basis) == (LIST_5, "list")
    with pytest.raises(PriceFileError, match="is neither in the price book nor in models"):
        load({"models": {"summaries": CARD}, "aliases": {"other": "summaries-v2"}})


@pytest.mark.parametrize(
    "spelling", ["claude-opus-9-20270101", "us.anthropic.claude-opus-9-v1:0", "claude-opus-9[1m]"]
)
def test_a_claude_model_of_your_own_has_all_its_spellings(load: Any, spelling: str) -> None:
    prices = load({"models": {"claude-opus-9": CARD}, "aliases": {"chat": spelling}})
    assert priced(spelling, prices).basis == priced("chat", prices).basis == "override"


def test_discount_is_exact_and_covers_the_whole_bill(load: Any) -> None:
    prices = load({"multiplier": 0.873})
    result = priced("claude-opus-5", prices, USAGE)
    assert result.total == (LIST_5 + Decimal("0.02")) * Decimal("0.873")
    assert result.server_tools == Decimal("0.02") * Decimal("0.873")
    assert result.basis == "override"
    smallest = {
        "input_tokens": 0,
        "output_tokens": 0,
        "cache_read_input_tokens": 1,
        "inference_geo": "us",
    }
    assert priced("claude-haiku-5-5", prices, smallest, batch=True).total == Decimal(
        "5.5e-9"
    ) * Decimal("0.873")
    assert sum(line.amount for line in result.explain()) == result.total


def test_multiplier_of_a_platform(load: Any) -> None:
    prices = load({"platforms": {"foundry": "1.1"}})
    result = priced("claude-opus-5", prices, USAGE, platform="foundry")
    assert result.total == LIST_5 * Decimal("1.1") + Decimal("0.02")
    assert (result.basis, result.incomplete) == ("override", ())
    assert priced("claude-opus-5", prices).total == LIST_5


def test_saying_that_foundry_has_no_premium_settles_it(load: Any) -> None:
    result = priced("claude-opus-5", load({"platforms": {"foundry": 1}}), platform="foundry")
    assert (result.total, result.basis, result.incomplete) == (LIST_5, "list", ())


def test_free_by_override(load: Any) -> None:
    result = priced("claude-opus-5", load({"multiplier": 0}))
    assert (result.total, result.free_reason) == (0, "free_by_override")


def test_unknown_stays_unknown(load: Any) -> None:
    assert isinstance(cost(TOKENS, "claude-opus-9", prices=load({"multiplier": 1})), Unpriced)


def test_version_says_that_prices_are_own(load: Any) -> None:
    assert load({"name": "acme"}).version == f"{PRICE_BOOK_VERSION}+acme"
    one, other = load({"multiplier": 1}), load({"multiplier": 0.9})
    assert one.version != other.version
    assert one.version.startswith(f"{PRICE_BOOK_VERSION}+")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "is not valid JSON"),
        ("[]", "must be an object, is an array"),
        ('{"multiplier": 1, "multiplier": 2}', "multiplier: stands there twice"),
        ({"multiplyer": 1}, "multiplyer: unknown key; known are schema, name, multiplier"),
        ({"schema": 2}, "schema: must be 1, is 2"),
        ({"multiplier": "cheap"}, "multiplier: must be a number, is 'cheap'"),
        ({"multiplier": True}, "multiplier: must be a number, is a truth value"),
        ({"multiplier": -1}, "multiplier: must be a number that is not negative, is -1"),
        ('{"multiplier": NaN}', "multiplier: must be a number"),
        ({"multiplier": "Infinity"}, "multiplier: must be a number that is not negative"),
        ({"multiplier": "1e999"}, "multiplier: has more than 18 digits"),
        ({"multiplier": "0.1234567890123456789"}, "multiplier: has more than 18 digits"),
        ({"platforms": {"azure": 1}}, "platforms.azure: unknown platform; known are anthropic"),
        ({"platforms": [1]}, "platforms: must be an object, is an array"),
        ({"aliases": {"chat": 5}}, "aliases.chat: must be a non-empty string, is a number"),
        ({"aliases": {"chat": "claude-opus-9"}}, "aliases.chat: 'claude-opus-9' is neither in"),
        ({"models": {"m": 5}}, "models.m: must be an object, is a number"),
        ({"models": {"m": {}}}, "models.m.input: is missing"),
        ({"models": {"m": CARD | {"output": None}}}, "models.m.output: must be a number, is missing"),
        ({"models": {"m": CARD | {"price": 1}}}, "models.m.price: unknown key"),
        ({"models": {"m": CARD | {"geo": "yes"}}}, "models.m.geo: must be true or false, is a string"),
        ({"models": {"m": CARD | {"until": "2027-01-01"}}}, "models.m.until: an override has no end date"),
        ({"models": {"m": CARD | {"context_window": 0}}}, "models.m.context_window: must be a whole number"),
        ({"models": {"m": CARD | {"long_prompt": CARD}}}, "models.m.long_prompt.above: is missing"),
        ({"models": {"m": CARD | {"fast": {"input": 1}}}}, "models.m.fast.cache_write_5m: is missing"),
        ({"name": 5}, "name: must be a non-empty string, is a number"),
    ],
)  # fmt: skip
def test_a_broken_file_says_where(load: Any, tmp_path: Any, content: Any, problem: Any) -> None:
    with pytest.raises(PriceFileError) as caught:
        load(content)
    assert str(caught.value).startswith(f"{tmp_path / 'prices.json'}: ")
    assert problem in str(caught.value)


def test_no_such_file(tmp_path: Any) -> None:
    with pytest.raises(PriceFileError, match=r"nowhere\.json: cannot be read: No such file"):
        Prices.load(tmp_path / "nowhere.json")


def test_plans_kept_are_bounded() -> None:
    prices = Prices()
    for number in range(3000):
        cost(TOKENS, f"claude-{number}", prices=prices)
    assert len(prices.plans) <= 1024
