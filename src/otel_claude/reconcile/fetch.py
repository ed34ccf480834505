"""Gets Anthropic's reports through an SDK client: the typed methods where there are any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from otel_claude.reconcile.bill import COST_GROUP_BY, GROUP_BY, PARTY_GROUP_BY, windows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

BETA: Final = "analytics-usage-cost-2026-08-24"
_PATH: Final = "/v1/organizations/analytics/"
_PAGE: Final = 1000
_REPORTS: Final = (("usage", GROUP_BY), ("cost", COST_GROUP_BY), ("parties", PARTY_GROUP_BY))


def fetch(
    client: Any, first: date, last: date, filters: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Any]:
    """The usage and cost reports of some days, as a document that `bill.read` takes.

    Args:
        client: an `anthropic.Anthropic` with an admin key (or one with the scope `read:analytics`).
        first: first UTC day.
        last: last UTC day, included. Ranges beyond 31 days are asked for in parts.
        filters: `workspace_ids`, `api_key_ids`, `products` -> the values that are wanted.

    Raises:
        anthropic.APIError: the API refuses, or cannot be reached.
    """
    document: dict[str, Any] = {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "group_by": list(GROUP_BY),
        "filters": {name: list(values) for name, values in (filters or {}).items()},
    }
    for name, group_by in _REPORTS:
        document[name] = [
            page
            for start, end in windows(first, last)
            for page in _pages(
                client,
                "usage" if name == "usage" else "cost",
                {
                    "starting_at": start,
                    "ending_at": end,
                    "time_bucket_width": "1d",
                    "group_by": list(group_by),
                    "limit": _PAGE,
                    **{key: list(values) for key, values in (filters or {}).items()},
                },
            )
        ]
    return document


def _pages(client: Any, report: str, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
    beta = getattr(client, "beta", None)
    analytics = getattr(getattr(beta, "organization", None), "analytics", None)
    resource = getattr(analytics, report, None)
    if resource is not None:
        for page in resource.list(**query).iter_pages():
            yield page.to_dict(mode="json")
        return
    cursor: str | None = None
    while True:
        page = _plain_page(client, report, query, cursor)
        yield page
        cursor = page.get("next_page")
        if not cursor or page.get("has_more") is False:
            return


def _plain_page(
    client: Any, report: str, query: Mapping[str, Any], cursor: str | None
) -> dict[str, Any]:
    """One page through `client.get`, for SDKs that have no method for it.

    The query stands in the path: older SDKs would join lists with commas.
    """
    pairs = [
        (f"{name}[]" if isinstance(value, list) else name, item)
        for name, value in query.items()
        for item in (value if isinstance(value, list) else [value])
    ]
    if cursor:
        pairs.append(("page", cursor))
    path = f"{_PATH}{report}?{urlencode(pairs)}"
    page = client.get(path, cast_to=object, options={"headers": {"anthropic-beta": BETA}})
    return dict(page)
