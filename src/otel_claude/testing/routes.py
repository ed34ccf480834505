"""Which path answers what."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from otel_claude.testing import analytics, batches, clouds, complete, messages, models
from otel_claude.testing.errors import ApiError
from otel_claude.testing.wire import Reply

if TYPE_CHECKING:
    from otel_claude.testing.state import Exchange, State

Handler = Callable[..., Reply]
"""Takes the state, the exchange and the named parts of the path."""


def _list_models(_state: State, exchange: Exchange) -> Reply:
    limit = int(exchange.param("limit", "20"))
    rows = [model.to_dict() for model in models.CATALOGUE]
    after = exchange.param("after_id")
    if after:
        ids = [row["id"] for row in rows]
        rows = rows[ids.index(after) + 1 :] if after in ids else []
    return batches.page(rows, limit)


def _get_model(_state: State, _exchange: Exchange, model: str) -> Reply:
    found = models.resolve(model)
    if found is None:
        raise ApiError(404, f"model: {model}")
    return Reply(body=json.dumps(found.to_dict()).encode())


def _ledger(state: State, _exchange: Exchange) -> Reply:
    return Reply(body=json.dumps([entry.to_dict() for entry in state.ledger]).encode())


def _requests(state: State, _exchange: Exchange) -> Reply:
    return Reply(body=json.dumps([request.to_dict() for request in list(state.requests)]).encode())


def _reset(state: State, _exchange: Exchange) -> Reply:
    state.reset()
    return Reply(body=b'{"type":"reset"}')


_BATCH = "/v1/messages/batches"
_VERTEX = r".*/projects/[^/]+/locations/[^/]+/publishers/anthropic/models"
_TABLE: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/v1/messages", messages.create),
    ("POST", "/v1/messages/count_tokens", messages.count_tokens),
    ("POST", "/v1/complete", complete.create),
    ("GET", "/v1/models", _list_models),
    ("GET", "/v1/models/(?P<model>[^/]+)", _get_model),
    ("POST", _BATCH, batches.create),
    ("GET", _BATCH, batches.list_all),
    ("GET", _BATCH + "/(?P<batch_id>[^/]+)", batches.retrieve),
    ("DELETE", _BATCH + "/(?P<batch_id>[^/]+)", batches.delete),
    ("POST", _BATCH + "/(?P<batch_id>[^/]+)/cancel", batches.cancel),
    ("GET", _BATCH + "/(?P<batch_id>[^/]+)/results", batches.results),
    ("GET", "/v1/organizations/analytics/cost", analytics.cost),
    ("GET", "/v1/organizations/analytics/usage", analytics.usage),
    ("POST", "/model/(?P<model>.+)/(?P<how>invoke|invoke-with-response-stream)", clouds.bedrock),
    ("POST", _VERTEX + "/count-tokens:rawPredict", clouds.vertex_count),
    ("POST", _VERTEX + "/(?P<model>[^/]+):(?P<how>rawPredict|streamRawPredict)", clouds.vertex),
    ("GET", "/_emulator/ledger", _ledger),
    ("GET", "/_emulator/requests", _requests),
    ("POST", "/_emulator/reset", _reset),
)
_ROUTES = tuple((method, re.compile(path), handler) for method, path, handler in _TABLE)


def dispatch(state: State, exchange: Exchange) -> Reply:
    """Answer one request.

    Raises:
        ApiError: 404 for a path that does not exist, 405 for a method it does not have, and all
            that handlers raise.
    """
    wrong_method = False
    for method, pattern, handler in _ROUTES:
        match = pattern.fullmatch(exchange.path)
        if match and method == exchange.method:
            return handler(state, exchange, **match.groupdict())
        wrong_method = wrong_method or match is not None
    if wrong_method:
        raise ApiError(405, "Method Not Allowed")
    raise ApiError(404, "Not Found")
