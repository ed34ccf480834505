"""A program with budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from otel_claude import ClaudeInstrumentor, _faults, semconv
from otel_claude.budgets.ledger import Standing
from tests.conftest import Telemetry


@pytest.fixture
def budgeted(telemetry: Telemetry) -> Iterator[Callable[..., Telemetry]]:
    """Instruments with budgets. No fault of ours may happen unless a test injects it."""
    _faults.drain()

    def instrument(*budgets: Any, **options: Any) -> Telemetry:
        telemetry.instrument(budgets=list(budgets) or options.pop("budgets"), **options)
        return telemetry

    yield instrument
    assert _faults.drain() == {}


def standing(name: str, key: str = "") -> Standing:
    """How the account of a budget stands now."""
    store = ClaudeInstrumentor()._guard.store
    found = [s for account, s in store.accounts(f"{name}:").items() if account.endswith(f":{key}")]
    return found[-1] if found else Standing(0, 0)


def spent(name: str, key: str = "") -> Decimal:
    """USD that a budget has settled, exactly."""
    return Decimal(standing(name, key).spent).scaleb(-15)


def cost(telemetry: Telemetry) -> Decimal:
    """USD of all spans: exact, as each of them prints its exact amount."""
    attributes = [span.attributes or {} for span in telemetry.spans]
    return sum((Decimal(repr(a.get(semconv.COST_TOTAL, 0.0))) for a in attributes), Decimal(0))
