"""Anthropic's own figures, from the pages of its usage and cost reports.

https://platform.claude.com/docs/en/api/admin-api (beta `analytics-usage-cost-2026-08-24`). Amounts
there are strings of fractional cents.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from otel_claude.reconcile.facts import (
    DIMENSIONS,
    REQUESTS,
    SEARCHES,
    WEB_SEARCH,
    Bill,
    CannotCompareError,
    Key,
    day_of,
    model_name,
    seconds_of,
)

_Row = Mapping[str, Any]

GROUP_BY: Final = ("model", *DIMENSIONS.values())
"""What the usage is to be grouped by: the most that the API allows."""

COST_GROUP_BY: Final = (*GROUP_BY, "cost_type", "token_type")
PARTY_GROUP_BY: Final = ("product", "api_key_id", "cost_type")

MAX_DAYS: Final = 31
"""Longest range of one request."""

_TOKEN_TYPES: Final[Mapping[str, str]] = {
    "uncached_input_tokens": "input",
    "cache_read_input_tokens": "cache_read",
    "cache_creation.ephemeral_5m_input_tokens": "cache_write",
    "cache_creation.ephemeral_1h_input_tokens": "cache_write",
    "output_tokens": "output",
}
_CENT: Final = Decimal("0.01")
_SECONDS_A_DAY: Final = 86_400

Amount = Literal["list_amount", "amount"]
"""Which price: before or after the organization's discount."""


def windows(first: date, last: date) -> Iterator[tuple[str, str]]:
    """Ranges of at most 31 days from the first day to the last, both included, as RFC 3339.

    Starts are inclusive and ends exclusive, so the ranges touch and do not overlap.
    """
    after = last + timedelta(days=1)
    while first < after:
        end = min(after, first + timedelta(days=MAX_DAYS))
        yield f"{first.isoformat()}T00:00:00Z", f"{end.isoformat()}T00:00:00Z"
        first = end


def read(document: Any, *, amount: Amount = "list_amount") -> Bill:
    """A bill from saved pages.

    Args:
        document: what `otel-claude reconcile --save` wrote, or a page as the API gives it, or a
            list of pages; usage and cost may come in any order.
        amount: which price to read.

    Raises:
        CannotCompareError: it lacks what a comparison needs.
    """
    said = document if isinstance(document, list) else [document]
    parts = [part for part in said if isinstance(part, dict)]
    pages = [page for part in parts for page in _pages(part)]
    rows = _rows(pages)
    bill = Bill(dimensions=_dimensions(parts, rows))
    try:
        for row in rows:
            if "usage" in row:
                _add_usage(bill, row)
            elif "cost" in row:
                _add_cost(bill, row, amount)
        for row in _rows(page for part in parts for page in part.get("parties") or ()):
            _add_party(bill, row, amount)
        bill.days = _days(parts, rows)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise CannotCompareError(f"the bill has a row that is not understood: {error!r}") from error
    if not pages or (rows and not any("usage" in row for row in rows)):
        raise CannotCompareError("the bill has no usage report: it needs usage and cost pages")
    refreshed = [page["data_refreshed_at"] for page in pages if page.get("data_refreshed_at")]
    bill.refreshed = min(map(seconds_of, refreshed), default=None)
    return bill


def _pages(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "data" in part:
        yield part
    for name in ("usage", "cost"):
        yield from (page for page in part.get(name) or () if isinstance(page, dict))


def _rows(pages: Iterable[Mapping[str, Any]]) -> list[_Row]:
    return [row for page in pages for row in page.get("data") or () if isinstance(row, dict)]


def _dimensions(parts: Iterable[Any], rows: Sequence[_Row]) -> tuple[str, ...]:
    """What the rows are grouped by: as the document says, or as their values show."""
    said = next((part["group_by"] for part in parts if "group_by" in part), None)
    if said is None:
        tokens = [row.get("group") or {} for row in rows if "usage" in row]
        said = [name for name in GROUP_BY if any(group.get(name) for group in tokens)]
    return tuple(name for name, theirs in DIMENSIONS.items() if theirs in said)


def _days(parts: Iterable[Any], rows: Sequence[_Row]) -> tuple[str, str] | None:
    for part in parts:
        if "from" in part and "to" in part:
            return part["from"], part["to"]
    found = sorted(str(row["starting_at"])[:10] for row in rows)
    return (found[0], found[-1]) if found else None


def _key(bill: Bill, row: _Row, model: str) -> Key:
    start, end = (seconds_of(str(row[name])) for name in ("starting_at", "ending_at"))
    if end - start > _SECONDS_A_DAY:
        raise CannotCompareError("the bill has no days: ask for time_bucket_width=1d")
    group = row.get("group") or {}
    key = Key(
        day_of(start),
        model_name(model),
        group.get("workspace_id"),
        group.get("service_tier") or "standard",
        group.get("speed") or "standard",
        group.get("inference_geo") or "not_available",
    )
    return key.only(() if model == WEB_SEARCH else bill.dimensions)


def _add_usage(bill: Bill, row: _Row) -> None:
    usage = row["usage"]
    model = (row.get("group") or {}).get("model")
    if searches := (usage.get("server_tool_use") or {}).get("web_search_requests"):
        bill.cell(_key(bill, row, WEB_SEARCH)).count(SEARCHES, searches)
    split = usage.get("cache_creation") or {}
    counts = {
        "input": usage.get("uncached_input_tokens") or 0,
        "cache_read": usage.get("cache_read_input_tokens") or 0,
        "cache_write_5m": split.get("ephemeral_5m_input_tokens") or 0,
        "cache_write_1h": split.get("ephemeral_1h_input_tokens") or 0,
        "output": usage.get("output_tokens") or 0,
    }
    if not model and not any(counts.values()):
        return  # sandbox spans
    if not model:
        raise CannotCompareError("the usage report is not grouped by model")
    cell = bill.cell(_key(bill, row, model))
    for name, value in counts.items():
        cell.count(name, value)
    if usage.get("requests") is None:
        bill.has_requests = False
    else:
        cell.count(REQUESTS, usage["requests"])


def _add_cost(bill: Bill, row: _Row, amount: Amount) -> None:
    group, money = row.get("group") or {}, row["cost"]
    if money.get("currency", "USD") != "USD":
        raise CannotCompareError(f"the bill is in {money['currency']}, not in USD")
    usd = Decimal(money[amount]) * _CENT
    bill.discount += (Decimal(money["list_amount"]) - Decimal(money["amount"])) * _CENT
    kind = group.get("cost_type") or ("tokens" if group.get("token_type") else None)
    if kind is None:
        raise CannotCompareError("the cost report is not grouped by cost_type and token_type")
    if kind == "web_search":
        bill.cell(_key(bill, row, WEB_SEARCH)).spend("server_tools", usd)
    elif kind != "tokens":
        bill.fees[kind] = bill.fees.get(kind, Decimal(0)) + usd
    elif group.get("token_type") not in _TOKEN_TYPES or not group.get("model"):
        raise CannotCompareError("the cost report is not grouped by model and token_type")
    else:
        component = _TOKEN_TYPES[group["token_type"]]
        bill.cell(_key(bill, row, group["model"])).spend(component, usd)


def _add_party(bill: Bill, row: _Row, amount: Amount) -> None:
    group = row.get("group") or {}
    if group.get("cost_type") not in ("tokens", "web_search"):
        return  # fees belong to nobody's calls
    party = (str(group.get("product") or "other"), str(group.get("api_key_id") or "no key"))
    usd = Decimal(row["cost"][amount]) * _CENT
    bill.parties[party] = bill.parties.get(party, Decimal(0)) + usd
