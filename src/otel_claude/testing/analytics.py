"""`GET /v1/organizations/analytics/{cost,usage}`: the ledger as an organization's bill.

As in the API: an admin key and a beta header are wanted, a range is at most 31 days (24 hours in
buckets of a minute), at most 5 dimensions apart from `cost_type` and `token_type`, rows come in
pages, and amounts are strings of fractional cents.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qs

from otel_claude.testing.billing import TOKEN_TYPES, Charge
from otel_claude.testing.clock import rfc3339
from otel_claude.testing.errors import ApiError, invalid
from otel_claude.testing.job import Json
from otel_claude.testing.wire import Reply

if TYPE_CHECKING:
    from otel_claude.testing.state import Exchange, State

BETA: Final = "analytics-usage-cost-2026-08-24"
_DAY: Final = timedelta(days=1)
_WIDTHS: Final = {"1m": timedelta(minutes=1), "1h": timedelta(hours=1), "1d": _DAY}
_FIRST: Final = datetime(2026, 1, 1, tzinfo=timezone.utc)
_FAN_OUT: Final = ("cost_type", "token_type")
_DIMENSIONS: Final = (
    "actor", "actor_type", "agent_id", "api_key_id", "claude_tag_category", "claude_tag_user_id",
    "context_window", "deployment_id", "environment_id", "inference_geo", "model",
    "organization_id", "product", "rbac_group_id", "service_tier", "session_id",
    "slack_channel_id", "speed", "user_profile_id", "workspace_id",
)  # fmt: skip
_FILTERS: Final = {
    "models": "model",
    "workspace_ids": "workspace_id",
    "api_key_ids": "api_key_id",
    "service_tiers": "service_tier",
    "speeds": "speed",
    "inference_geos": "inference_geo",
    "products": "product",
    "context_windows": "context_window",
}


class Query(NamedTuple):
    """A request for a report, checked."""

    start: datetime
    end: datetime
    width: timedelta | None
    group_by: tuple[str, ...]
    limit: int
    offset: int
    digest: str
    filters: dict[str, set[str | None]]


Rows = Callable[[list[Charge], Query, Json], list[Json]]


def cost(state: State, exchange: Exchange) -> Reply:
    """Answer `GET /v1/organizations/analytics/cost`."""
    discount = state.billing.discount

    def rows(charges: list[Charge], query: Query, base: Json) -> list[Json]:
        return [
            {**base, "group": {**base["group"], **fan}, "cost": _money(cents, discount, requests)}
            for fan, cents, requests in _costs(charges, query)
            if cents
        ]

    return _report(state, exchange, (*_DIMENSIONS, *_FAN_OUT), rows)


def usage(state: State, exchange: Exchange) -> Reply:
    """Answer `GET /v1/organizations/analytics/usage`."""

    def rows(charges: list[Charge], _query: Query, base: Json) -> list[Json]:
        spent = [charge for charge in charges if charge.cost_type == "tokens"]
        return [{**base, "usage": _tokens(spent)}] if spent else []

    return _report(state, exchange, _DIMENSIONS, rows)


def _report(state: State, exchange: Exchange, dimensions: Iterable[str], rows: Rows) -> Reply:
    from otel_claude.testing.server import WORKSPACE

    _admit(exchange)
    now = datetime.fromtimestamp(state.clock.now(), tz=timezone.utc)
    query = _query(exchange, now, tuple(dimensions))
    found: dict[tuple[Any, ...], list[Charge]] = {}
    for charge in state.billing.charges(state.ledger, WORKSPACE):
        at = datetime.fromtimestamp(charge.time, tz=timezone.utc)
        if query.start <= at < query.end and _passes(charge, query.filters):
            values = tuple(charge.group.get(name) for name in query.group_by if name in _DIMENSIONS)
            found.setdefault((_bucket(at, query), values), []).append(charge)
    made = [rows(charges, query, _base(key, query)) for key, charges in found.items()]
    made = sorted((row for row in made if row), key=_size, reverse=True)
    ended = query.offset + query.limit
    more = len(made) > ended
    body = {
        "data": [row for group in made[query.offset : ended] for row in group],
        "has_more": more,
        "next_page": _cursor(query.digest, ended) if more else None,
        "data_refreshed_at": rfc3339(state.clock.now(), fraction=True),
    }
    return Reply(body=json.dumps(body).encode())


def _admit(exchange: Exchange) -> None:
    key = exchange.headers.get("x-api-key") or exchange.headers.get("authorization", "")
    if not key.removeprefix("Bearer ").startswith("sk-ant-admin"):
        text = "This endpoint needs an Admin API key, or a key with the scope read:analytics."
        raise ApiError(403, text, details={"error_code": "api_key_scope_missing"})
    if BETA not in exchange.betas:
        raise invalid(f"anthropic-beta: {BETA} is required")


def _query(exchange: Exchange, now: datetime, dimensions: tuple[str, ...]) -> Query:
    said = parse_qs(exchange.query, keep_blank_values=True)

    def one(name: str) -> str | None:
        return next(iter(said.get(name, ())), None)

    width_name = one("time_bucket_width")
    if width_name is not None and width_name not in _WIDTHS:
        raise invalid(f"time_bucket_width: must be one of {', '.join(_WIDTHS)}")
    width = _WIDTHS[width_name] if width_name else None
    start = _moment("starting_at", one("starting_at"))
    if one("ending_at") is None and width:
        raise invalid("ending_at: Field required when time_bucket_width is set")
    last = min(now, start + 31 * _DAY)
    end = last if one("ending_at") is None else _moment("ending_at", one("ending_at"))
    _check_range(start, end, now, width_name)
    group_by = tuple(said.get("group_by[]", ()))
    unknown = [name for name in group_by if name not in dimensions]
    if unknown:
        raise invalid(f"group_by: {unknown[0]!r} is not one of {', '.join(dimensions)}")
    if len([name for name in group_by if name not in _FAN_OUT]) > 5:
        raise invalid("group_by: at most 5 dimensions")
    limit = one("limit") or "20"
    if not limit.isdigit() or not 1 <= int(limit) <= 1000:
        raise invalid("limit: must be between 1 and 1000")
    rest = sorted((name, values) for name, values in said.items() if name != "page")
    digest = hashlib.blake2b(f"{exchange.path}{rest}".encode(), digest_size=6).hexdigest()
    filters = {
        column: {None if value in ("", "not_available") else value for value in said[f"{name}[]"]}
        for name, column in _FILTERS.items()
        if f"{name}[]" in said
    }
    offset = _offset(one("page"), digest)
    if width is None:
        start = _floor(start, _WIDTHS["1h"])
    return Query(start, end, width, group_by, int(limit), offset, digest, filters)


def _check_range(start: datetime, end: datetime, now: datetime, width: str | None) -> None:
    if end <= start:
        raise invalid("ending_at: must be after starting_at")
    if start < _FIRST or start < now - 366 * _DAY:
        raise invalid("starting_at: must be within the last 365 days and not before 2026-01-01")
    if end - start > 31 * _DAY:
        raise invalid("The range may span at most 31 days")
    if width == "1m" and end - start > _DAY:
        raise invalid("time_bucket_width: with 1m the range may span at most 24 hours")


def _moment(name: str, text: str | None) -> datetime:
    if text is None:
        raise invalid(f"{name}: Field required")
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+").replace("Z", "+00:00"))
    except ValueError:
        raise invalid(f"{name}: not an RFC 3339 time: {text!r}") from None
    if moment.tzinfo is None:
        raise invalid(f"{name}: must have a time zone")
    return moment.astimezone(timezone.utc)


def _cursor(digest: str, offset: int) -> str:
    return "page_" + base64.urlsafe_b64encode(f"{digest}.{offset}".encode()).decode()


def _offset(page: str | None, digest: str) -> int:
    if page is None:
        return 0
    try:
        text = base64.urlsafe_b64decode(page.removeprefix("page_")).decode()
        whose, _, offset = text.partition(".")
        if whose == digest:
            return int(offset)
    except (binascii.Error, ValueError):
        pass
    raise invalid("page: not a cursor of this query")


def _passes(charge: Charge, filters: dict[str, set[str | None]]) -> bool:
    return all(charge.group.get(name) in wanted for name, wanted in filters.items())


def _floor(at: datetime, width: timedelta) -> datetime:
    return at - (at - datetime(1970, 1, 1, tzinfo=timezone.utc)) % width


def _bucket(at: datetime, query: Query) -> datetime:
    return query.start if query.width is None else _floor(at, query.width)


def _base(key: tuple[Any, ...], query: Query) -> Json:
    start, values = key
    end = query.end if query.width is None else start + query.width
    if query.width is None:
        end = _floor(end, _WIDTHS["1h"])
    names = [name for name in query.group_by if name in _DIMENSIONS]
    group = {**dict.fromkeys(_DIMENSIONS), **dict(zip(names, values, strict=True))}
    return {
        "starting_at": rfc3339(start.timestamp()),
        "ending_at": rfc3339(end.timestamp()),
        "group": group,
    }


def _requests(charges: list[Charge]) -> int:
    return len({charge.request for charge in charges})


def _costs(charges: list[Charge], query: Query) -> list[tuple[Json, Decimal, int | None]]:
    """Rows of one group: how it fans out, its cents, its number of requests."""
    parts: dict[tuple[str, str | None], Decimal] = {}
    for charge in charges:
        found: list[tuple[str, str | None]] = [("tokens", kind) for kind in TOKEN_TYPES]
        found += [("web_search", None), (charge.cost_type, None)]
        for part, cents in zip(
            found, (*charge.cents, charge.searches_cents, charge.fee), strict=True
        ):
            parts[part] = parts.get(part, Decimal(0)) + cents
    asked = [name for name in _FAN_OUT if name in query.group_by]
    fanned: dict[tuple[str | None, str | None], Decimal] = {}
    for (name, kind), cents in parts.items():
        if asked == ["token_type"] and kind is None:
            continue
        key = (name if asked else None, kind if "token_type" in asked else None)
        fanned[key] = fanned.get(key, Decimal(0)) + cents
    count = None if asked else _requests(charges)
    return [
        ({"cost_type": name, "token_type": kind}, cents, count)
        for (name, kind), cents in fanned.items()
    ]


def _money(cents: Decimal, discount: Decimal, requests: int | None) -> Json:
    return {
        "amount": f"{(cents * discount).normalize():f}",
        "list_amount": f"{cents.normalize():f}",
        "currency": "USD",
        "requests": requests,
    }


def _tokens(charges: list[Charge]) -> Json:
    plain, short, long, read, output = map(sum, zip(*(c.tokens for c in charges), strict=True))
    return {
        "uncached_input_tokens": plain,
        "cache_creation": {
            "ephemeral_5m_input_tokens": short,
            "ephemeral_1h_input_tokens": long,
        },
        "cache_read_input_tokens": read,
        "output_tokens": output,
        "server_tool_use": {"web_search_requests": sum(charge.searches for charge in charges)},
        "total_tokens": plain + short + long + read + output,
        "requests": _requests(charges),
    }


def _size(rows: list[Json]) -> tuple[Decimal, str]:
    """What ranks a group: its amount or its tokens; then its values, so that the order is one."""
    total = sum(
        (Decimal(row["cost"]["amount"]) if "cost" in row else row["usage"]["total_tokens"])
        for row in rows
    )
    return Decimal(total), json.dumps(rows[0])
