"""What Claude calls cost: a dated price book and the rules of billing, as pure functions.

`cost` prices one call from the `usage` of its response, exactly and without any network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_claude.pricing.book import PRICE_BOOK_VERSION
from otel_claude.pricing.cost import cost
from otel_claude.pricing.models import Resolved, context_window, resolve, retirement
from otel_claude.pricing.prices import Prices
from otel_claude.pricing.result import Cost, GroupCost, Unpriced

if TYPE_CHECKING:
    from otel_claude.pricing.estimates import Ceiling, Estimate, Held, ceiling, estimate
    from otel_claude.pricing.explain import Line
    from otel_claude.pricing.groups import Group, billed
    from otel_claude.pricing.overrides import PriceFileError
    from otel_claude.pricing.refresh import Refresh

__all__ = [
    "PRICE_BOOK_VERSION",
    "Ceiling",
    "Cost",
    "Estimate",
    "Group",
    "GroupCost",
    "Held",
    "Line",
    "PriceFileError",
    "Prices",
    "Refresh",
    "Resolved",
    "Unpriced",
    "billed",
    "ceiling",
    "context_window",
    "cost",
    "estimate",
    "resolve",
    "retirement",
]

_HOMES = {
    "Ceiling": "estimates",
    "Estimate": "estimates",
    "Group": "groups",
    "Held": "estimates",
    "Line": "explain",
    "PriceFileError": "overrides",
    "Refresh": "refresh",
    "billed": "groups",
    "ceiling": "estimates",
    "estimate": "estimates",
}


def __getattr__(name: str) -> Any:
    """Import what only some callers use when it is first asked for."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{home}"), name)
