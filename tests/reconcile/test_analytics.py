"""The emulator's analytics endpoints, and how reports are fetched from them."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from typing import Any

import anthropic
import pytest

from otel_claude.reconcile.bill import read, windows
from otel_claude.reconcile.facts import WEB_SEARCH
from otel_claude.reconcile.fetch import fetch
from otel_claude.testing import Emulator
from tests.reconcile.conftest import ADMIN

DAY = timedelta(days=1)
NOW = datetime.now(timezone.utc)
TODAY = NOW.replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture
def admin(api: Emulator) -> Any:
    with anthropic.Anthropic(api_key=ADMIN, base_url=api.url, max_retries=0) as sdk:
        yield sdk


def ranged(**more: Any) -> dict[str, Any]:
    return {"starting_at": TODAY, "ending_at": TODAY + DAY, "time_bucket_width": "1d", **more}


def serve(client: Any, ask: Any) -> None:
    for model in ("claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-4-5"):
        for geo in ("global", "us"):
            client.messages.create(
                **ask(f"geo={geo};input_tokens=1000;output_tokens=10", model=model)
            )
    client.messages.create(**ask("web_search=3"))


def test_usage_and_cost_are_the_ledger(api: Emulator, admin: Any, client: Any, ask: Any) -> None:
    serve(client, ask)
    (row,) = admin.beta.organization.analytics.usage.list(**ranged())
    assert row.usage.requests == 7
    assert row.usage.output_tokens == sum(e.usage["output_tokens"] for e in api.ledger)
    assert row.usage.server_tool_use.web_search_requests == 3
    assert row.starting_at == TODAY
    (total,) = admin.beta.organization.analytics.cost.list(**ranged())
    assert total.cost.requests == 7
    parts = list(admin.beta.organization.analytics.cost.list(**ranged(group_by=["cost_type"])))
    assert {part.group.cost_type for part in parts} == {"tokens", "web_search"}
    assert all(part.cost.requests is None for part in parts)
    assert sum(Decimal(p.cost.amount) for p in parts) == Decimal(total.cost.amount)
    search = next(part for part in parts if part.group.cost_type == "web_search")
    assert Decimal(search.cost.list_amount) == 3


@pytest.mark.parametrize("limit", [1, 2, 5, 1000])
def test_pages_have_every_group_once(admin: Any, client: Any, ask: Any, limit: int) -> None:
    serve(client, ask)
    cost = admin.beta.organization.analytics.cost
    query = ranged(group_by=["model", "inference_geo", "cost_type", "token_type"], limit=limit)
    rows = list(cost.list(**query))
    keys = [
        (r.group.model, r.group.inference_geo, r.group.cost_type, r.group.token_type) for r in rows
    ]
    assert len(set(keys)) == len(keys) == 13
    pages = list(cost.list(**query).iter_pages())
    assert len(pages) == -(-6 // limit)
    assert pages[-1].has_more is False


def test_buckets_and_filters(api: Emulator, admin: Any, client: Any, ask: Any) -> None:
    usage = admin.beta.organization.analytics.usage
    client.messages.create(**ask())
    api.clock.advance(-3600)
    client.messages.create(**ask(model="claude-opus-5"))
    api.clock.reset()
    start = TODAY - DAY
    for width, seconds in (("1m", 60), ("1h", 3600)):
        first = NOW - timedelta(hours=2)
        rows = list(
            usage.list(starting_at=first, ending_at=NOW + DAY / 12, time_bucket_width=width)
        )
        assert len(rows) == 2
        assert {(r.ending_at - r.starting_at).total_seconds() for r in rows} == {seconds}
    (only,) = usage.list(starting_at=start, models=["claude-opus-5"], group_by=["model"])
    assert only.group.model == "claude-opus-5"
    assert list(usage.list(starting_at=start, speeds=["fast"])) == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"ending_at": TODAY + 32 * DAY}, "at most 31 days"),
        ({"starting_at": TODAY - DAY, "time_bucket_width": "1m"}, "24 hours"),
        ({"ending_at": anthropic.omit}, "ending_at"),
        ({"starting_at": "2025-12-31T00:00:00Z"}, "2026-01-01"),
        ({"starting_at": "2026-11-01T00:00:00"}, "time zone"),
        ({"ending_at": TODAY}, "after"),
        ({"limit": 1001}, "limit"),
        (
            {"group_by": ["model", "product", "speed", "actor", "agent_id", "actor_type"]},
            "at most 5",
        ),
        ({"group_by": ["token_type"]}, "token_type"),
        ({"page": "page_x"}, "page"),
    ],
)
def test_refused(admin: Any, query: Any, message: str) -> None:
    with pytest.raises(anthropic.BadRequestError, match=message):
        admin.beta.organization.analytics.usage.list(**ranged(**query))


def test_admin_key_and_beta_are_needed(api: Emulator, client: Any, admin: Any) -> None:
    with pytest.raises(anthropic.PermissionDeniedError, match="Admin"):
        client.beta.organization.analytics.cost.list(**ranged())
    with pytest.raises(anthropic.BadRequestError, match="analytics-usage-cost"):
        admin.get("/v1/organizations/analytics/cost?starting_at=2026-11-01", cast_to=object)


def test_windows_touch_and_are_short_enough() -> None:
    for days in (1, 30, 31, 32, 62, 63, 200):
        first = date(2026, 2, 3)
        found = list(windows(first, first + timedelta(days=days - 1)))
        assert len(found) == -(-days // 31)
        assert found[0][0] == "2026-02-03T00:00:00Z"
        assert found[-1][1] == f"{first + timedelta(days=days)}T00:00:00Z"
        assert all(one[1] == two[0] for one, two in pairwise(found))
        for start, end in found:
            span = date.fromisoformat(end[:10]) - date.fromisoformat(start[:10])
            assert timedelta(0) < span <= timedelta(days=31)


class Older:
    """A client as older SDKs have it: no typed methods for these reports."""

    def __init__(self, client: Any) -> None:
        self.get = client.get


@pytest.mark.parametrize("wrap", [lambda client: client, Older])
def test_fetch_more_than_a_month(
    api: Emulator, admin: Any, client: Any, ask: Any, wrap: Any
) -> None:
    serve(client, ask)
    for days in (30, 40, 70):
        api.billing.add(time.time() - days * 86_400, "claude-opus-5", input_tokens=days)
    last = NOW.date()
    document = fetch(wrap(admin), last - timedelta(days=79), last)
    asked = [r for r in api.requests if r.path.endswith("/usage")]
    assert len(asked) == 3
    bill = read(document)
    assert bill.dimensions == ("workspace", "tier", "speed", "geo")
    old = {k.day: c.counts["input"] for k, c in bill.cells.items() if k.model == "claude-opus-5"}
    assert old == {str(last - timedelta(days=d)): d for d in (30, 40, 70)}
    assert sum(c.counts.get("requests", 0) for c in bill.cells.values()) == 10
    searches = [cell for key, cell in bill.cells.items() if key.model == WEB_SEARCH]
    assert [(c.counts, c.total) for c in searches] == [({"web_searches": 3}, Decimal("0.03"))]
    assert bill.parties[("messages_api", "apikey_01Emulator")] == sum(
        (cell.total for cell in bill.cells.values()), Decimal(0)
    )


def test_filters_are_passed_on(api: Emulator, admin: Any, client: Any, ask: Any) -> None:
    serve(client, ask)
    for wrap in (lambda client: client, Older):
        empty = read(
            fetch(wrap(admin), NOW.date(), NOW.date(), {"workspace_ids": ["wrkspc_other"]})
        )
        assert empty.cells == {}
