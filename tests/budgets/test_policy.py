"""Policies say what they mean, or what is wrong with them."""

from __future__ import annotations

import decimal
import json
import pickle
from decimal import Decimal
from typing import Any

import pytest

import otel_claude
from otel_claude._attribution import Attribution
from otel_claude.budgets import Budget, BudgetError, Budgets
from otel_claude.budgets.load import load


async def later(_):
    return True


class Later:
    async def __call__(self, _):
        return True


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": "two words"}, "name: 'two words' is no name"),
        ({"name": 7}, "name: 7 is no name"),
        ({"limit": "lots"}, "limit: 'lots' is no amount of usd"),
        ({"limit": -1}, "limit: -1 is no amount"),
        ({"limit": True}, "limit: True is no amount"),
        ({"limit": float("nan")}, "limit: nan is no amount"),
        ({"limit": "1e30"}, "limit: '1e30' is no amount"),
        ({"limit": None}, "limit: is missing"),
        ({"scope": "person"}, "scope: 'person' is none of everything, trace"),
        ({"scope": "tag:"}, "scope: 'tag:' is none of"),
        ({"window": "fortnight"}, "window: 'fortnight' is no window"),
        ({"timezone": "Mars"}, "timezone: there is no time zone 'Mars'"),
        ({"unit": "eur"}, "unit: 'eur' is none of usd, tokens"),
        ({"action": "stop"}, "action: 'stop' is none of block, warn"),
        ({"unreachable": "maybe"}, "unreachable: 'maybe' is none of open, closed"),
        ({"unpriced": "free"}, "unpriced: 'free' is none of allow, block"),
        ({"warn_at": [80]}, "warn_at: 80 is no share"),
        ({"warn_at": "half"}, "warn_at: 'half' is no share"),
        ({"limits": [1]}, "limits: [1] is no mapping"),
        ({"limits": {"pro": 1}}, "classes: is missing"),
        ({"limits": {"pro": "x"}, "classes": "tier"}, "limits.pro: 'x' is no amount"),
        ({"call_limit": "x"}, "call_limit: 'x' is no amount"),
        ({"classes": 3}, "classes: 3 is neither"),
        ({"limits": {False: 1}, "classes": "country"}, "limits: False is no class; in YAML"),
        ({"limits": {None: 1}, "classes": "country"}, "limits: None is no class; in YAML"),
        ({"action": later}, "action: is a coroutine function"),
        ({"action": Later()}, "action: is a coroutine function"),
        ({"classes": later}, "classes: is a coroutine function"),
    ],
)
def test_what_is_wrong_is_said(fields, says):
    with pytest.raises(BudgetError) as raised:
        Budget(**{"name": "b", "limit": 1, **fields})
    assert says in str(raised.value)


def test_limits_by_class():
    by_tag = Budget("b", limit=1, limits={"pro": 20, "staff": None}, classes="tier")
    amounts = {
        tier: by_tag.limit_of(Attribution(tags={"tier": tier})) for tier in ("pro", "free", "staff")
    }
    assert amounts == {"pro": 20 * 10**15, "free": 10**15, "staff": None}
    by_function = Budget(
        "b", unit="tokens", limits={"a": 5}, classes=lambda said: (said.user or "")[:1]
    )
    assert by_function.limit_of(Attribution(user="anna")) == 5
    assert by_function.limit_of(Attribution(user="bob")) is None
    by_number: Any = Budget("b", unit="tokens", limits={3: 5}, classes=lambda _: 3)  # type: ignore[arg-type, return-value, dict-item] # as programs do
    assert by_number.limit_of(Attribution()) == 5


def test_amounts_are_exact_whatever_precision_the_application_has_set():
    with decimal.localcontext() as context:
        context.prec = 3
        budget = Budget("b", limit="12345.678901234567891")
        assert budget.units == 12345678901234567891
        assert budget.amount(12345678901234567891) == Decimal("12345.678901234567891")


def test_what_is_finer_than_the_ledger_is_rounded_up():
    assert Budget("b", limit="0.0000000000000001").units == 1


def test_a_budget_that_only_warns_says_when_its_limit_is_passed():
    assert [float(s) for s in Budget("b", limit=1, action="warn").shares] == [0.8, 1.0]
    assert [float(s) for s in Budget("b", limit=1, warn_at=[0.5, 0.9]).shares] == [0.5, 0.9]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"store": "mongodb://secret@host"}, "store: give memory, or a URL"),
        ({"timeout": 0}, "timeout: 0 is no positive number"),
        ({"timeout": 61}, "timeout: 61 is more than 60"),
        ({"retry_seconds": float("nan")}, "retry_seconds: nan is no positive number"),
        ({"hold_seconds": float("inf")}, "hold_seconds: inf is more than 2592000"),
        ({"hold_seconds": 10**400}, "is more than 2592000"),
        ({"store": "redis://:secret@h?decode_responses=True"}, "store: decode_responses cannot"),
        ({"hold_seconds": "x"}, "hold_seconds: 'x' is no positive number"),
        ({"namespace": "a}b"}, "namespace: 'a}b' is no prefix"),
        ({"cluster": "yes"}, "cluster: 'yes' is neither"),
        ({"budgets": [Budget("a", limit=1), Budget("a", limit=2)]}, "'a' is given twice"),
    ],
)
def test_what_is_wrong_with_the_whole_is_said(fields, says):
    with pytest.raises(BudgetError) as raised:
        Budgets(**{"budgets": [Budget("b", limit=1)], **fields})
    assert says in str(raised.value)
    assert "secret" not in str(raised.value)


YAML = """
store: redis://localhost:6379/0
timeout: 0.2
budgets:
  - name: per-user
    scope: user
    window: day
    timezone: Europe/Berlin
    limit: 5.10
    limits: {pro: 20, staff: null}
    classes: tier
    warn_at: [0.5, 0.9]
    unreachable: closed
  - name: tokens
    unit: tokens
    window: 5 hours
    limit: 1000000
    action: warn
"""


def test_a_file(tmp_path):
    path = tmp_path / "budgets.yaml"
    path.write_text(YAML)
    budgets, problems = load(str(path))
    assert problems == ()
    assert budgets is not None
    assert (budgets.store, budgets.timeout) == ("redis://localhost:6379/0", 0.2)
    user, tokens = budgets.budgets
    assert (user.units, user.span.name) == (51 * 10**14, "day in Europe/Berlin")
    assert (tokens.units, tokens.firm) == (1_000_000, False)


def test_json_text_and_plain_lists_are_the_same_as_a_file(tmp_path):
    plain = [{"name": "b", "limit": 1}]
    path = tmp_path / "b.json"
    path.write_text(json.dumps({"budgets": plain}))
    for given in (json.dumps(plain), plain, {"budgets": plain}, path, [Budget("b", limit=1)]):
        budgets, problems = load(given)
        assert budgets is not None, given
        assert [b.name for b in budgets.budgets] == ["b"]
        assert problems == ()


def test_what_is_wrong_is_left_out_and_the_rest_holds():
    given = [
        {"name": "good", "limit": 1},
        {"name": "bad", "limit": "x"},
        {"name": "odd", "limit": 1, "windw": "day"},
        {"limit": 1},
        "text",
        {"name": "good", "limit": 2},
    ]
    budgets, problems = load({"budgets": given, "sore": "memory"})
    assert budgets is not None
    assert [(b.name, b.limit) for b in budgets.budgets] == [("good", 1)]
    assert len(problems) == 6
    assert "did you mean 'window'" in str(problems)
    assert "did you mean 'store'" in str(problems)
    assert "given twice" in str(problems)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file"),
        ("{broken", "is no YAML"),
        ("just: [", "is no YAML"),
        ("name: b", "a list of policies is needed"),
        ("budgets: []", "there are no budgets"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, content, says):
    path = tmp_path / "budgets.yml"
    if content is not None:
        path.write_text(content)
    budgets, problems = load(str(path))
    assert budgets is None
    assert says in " ".join(problems)


def exceeded(**facts):
    known = {"scope": "user", "key": "u-1", "window": "day in UTC", "unit": "usd"}
    amounts = {"limit": Decimal(5), "spent": Decimal("4.980"), "estimate": Decimal("0.05")}
    return otel_claude.BudgetExceeded("daily", **{**known, **amounts, **facts})


def test_the_exception_says_all_and_survives_pickling():
    error = exceeded(resets_at=1_792_000_000.0, reserved=Decimal("0.01"))
    assert str(error) == (
        "budget 'daily' (user u-1, day in UTC): limit 5 USD, spent 4.98 USD, reserved 0.01 USD; "
        "this call may cost 0.05 USD. Resets at 2026-10-14T17:46:40Z"
    )
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is otel_claude.BudgetExceeded
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_the_exception_for_tokens_single_calls_and_other_reasons():
    text = str(exceeded(unit="tokens", limit=100, spent=0, estimate=120, window="call"))
    assert text.endswith("(user u-1, call): limit 100 tokens; this call may cost 120 tokens")
    assert "cannot be reached" in str(exceeded(reason="unreachable"))
    assert "has no price" in str(exceeded(reason="unpriced", estimate=None))
