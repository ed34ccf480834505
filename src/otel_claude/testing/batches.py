"""Message batches: created, polled until they end, and read as JSON lines."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from otel_claude.testing import faults, messages
from otel_claude.testing.clock import rfc3339
from otel_claude.testing.errors import ApiError, body_of, invalid
from otel_claude.testing.ledger import refusals
from otel_claude.testing.wire import Reply

if TYPE_CHECKING:
    from otel_claude.testing.job import Json
    from otel_claude.testing.state import Exchange, State

OUTCOMES = ("succeeded", "errored", "canceled", "expired")
_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_DAY = 86_400.0


@dataclass
class Batch:
    """One batch, with the results it will show when it has ended."""

    id: str
    created: float
    polls_left: int
    url: str
    results: list[Json] = field(default_factory=list)
    ended: float | None = None
    canceled: float | None = None
    pending: list[Any] = field(default_factory=list)
    working: bool = False

    def to_dict(self) -> Json:
        """The batch as the API shows it."""
        over = self.ended is not None
        counts = {kind: self._count(kind) if over else 0 for kind in OUTCOMES}
        status = "ended" if over else "canceling" if self.canceled else "in_progress"
        return {
            "id": self.id,
            "type": "message_batch",
            "processing_status": status,
            "request_counts": {"processing": 0 if over else len(self.pending), **counts},
            "created_at": rfc3339(self.created, fraction=True),
            "expires_at": rfc3339(self.created + _DAY, fraction=True),
            "ended_at": rfc3339(self.ended, fraction=True) if self.ended else None,
            "cancel_initiated_at": rfc3339(self.canceled, fraction=True) if self.canceled else None,
            "archived_at": None,
            "results_url": self.url if over else None,
        }

    def _count(self, kind: str) -> int:
        return sum(result["result"]["type"] == kind for result in self.results)


def page(rows: list[Json], limit: int) -> Reply:
    """The first `limit` rows as a page of a list."""
    shown = rows[:limit]
    found = {
        "data": shown,
        "has_more": len(rows) > limit,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
    }
    return _json(found)


def _json(value: Json) -> Reply:
    return Reply(body=json.dumps(value).encode())


def create(state: State, exchange: Exchange) -> Reply:
    """Answer `POST /v1/messages/batches`."""
    items = exchange.json().get("requests")
    if not isinstance(items, list) or not items:
        raise invalid("requests: List should have at least 1 item")
    seen: set[str] = set()
    for index, item in enumerate(items):
        custom_id = str(item.get("custom_id", "")) if isinstance(item, dict) else ""
        if not _CUSTOM_ID.fullmatch(custom_id) or not isinstance(item.get("params"), dict):
            raise invalid(f"requests.{index}: custom_id and params are required")
        if custom_id in seen:
            raise invalid(f"requests.{index}.custom_id: {custom_id!r} is not unique")
        seen.add(custom_id)
    status = exchange.scenario.get("status") or exchange.scenario.get("fail")
    if status:
        faults.before(state, exchange, stream=False)
    polls = exchange.scenario.count("polls")
    batch_id = exchange.identity.id("msgbatch")
    url = f"{exchange.base_url}/v1/messages/batches/{batch_id}/results"
    batch = Batch(batch_id, state.clock.now(), state.batch_polls if polls is None else polls, url)
    batch.pending = [(item, exchange) for item in items]
    with state.lock:
        state.batches[batch.id] = batch
    if batch.polls_left <= 0:
        _finish(state, batch)
    return _json(batch.to_dict())


def _find(state: State, batch_id: str) -> Batch:
    batch: Batch | None = state.batches.get(batch_id)
    if batch is None:
        raise ApiError(404, f"Batch {batch_id} not found.")
    return batch


def retrieve(state: State, _exchange: Exchange, batch_id: str) -> Reply:
    """Answer `GET /v1/messages/batches/{id}`; each call brings the batch nearer to its end."""
    batch = _find(state, batch_id)
    with state.lock:
        due = batch.ended is None and batch.polls_left <= 0
        batch.polls_left -= 1
    if due:
        _finish(state, batch)
    return _json(batch.to_dict())


def list_all(state: State, exchange: Exchange) -> Reply:
    """Answer `GET /v1/messages/batches`, newest first."""
    with state.lock:
        rows = [batch.to_dict() for batch in reversed(list(state.batches.values()))]
    ids = [row["id"] for row in rows]
    after = exchange.param("after_id")
    rows = rows[ids.index(after) + 1 :] if after in ids else rows
    return page(rows, int(exchange.param("limit", "20")))


def cancel(state: State, _exchange: Exchange, batch_id: str) -> Reply:
    """Answer `POST .../cancel`: items not yet processed end as canceled."""
    batch = _find(state, batch_id)
    if batch.ended is None and batch.canceled is None:
        batch.canceled = state.clock.now()
        batch.polls_left = 0
    return _json(batch.to_dict())


def delete(state: State, _exchange: Exchange, batch_id: str) -> Reply:
    """Answer `DELETE .../{id}`.

    Raises:
        ApiError: 409, while the batch is still at work.
    """
    batch = _find(state, batch_id)
    if batch.ended is None:
        raise ApiError(409, f"Batch {batch_id} is still in progress and cannot be deleted.")
    with state.lock:
        state.batches.pop(batch_id, None)
    return _json({"id": batch_id, "type": "message_batch_deleted"})


def results(state: State, _exchange: Exchange, batch_id: str) -> Reply:
    """Answer `GET .../results`: JSON lines, in another order than the requests were in.

    Raises:
        ApiError: 404, before the batch has ended.
    """
    batch = _find(state, batch_id)
    if batch.ended is None:
        raise ApiError(404, f"Batch {batch_id} has no available results.")
    lines = [json.dumps(result) for result in reversed(batch.results)]
    data = "".join(f"{line}\n" for line in lines).encode()
    return Reply(headers={"content-type": "application/x-jsonl"}, body=data)


def _finish(state: State, batch: Batch) -> None:
    """Run every item, once."""
    with state.lock:
        if batch.working:
            return
        batch.working = True
    done = []
    for item, exchange in batch.pending:
        result = _item(state, exchange, item, canceled=batch.canceled is not None)
        done.append({"custom_id": item["custom_id"], "result": result})
    with state.lock:
        batch.results = done
        batch.pending = []
        batch.ended = state.clock.now()  # the last: who sees it finds the results


def _outcome(exchange: Exchange, custom_id: str) -> str:
    """Outcome asked for: by the scenario for all items, or by the end of an item's custom_id."""
    asked = exchange.scenario.value("batch") or custom_id.replace("_", "-").rpartition("-")[2]
    return asked if asked in OUTCOMES else "succeeded"


def _item(state: State, exchange: Exchange, item: Json, *, canceled: bool) -> Json:
    custom_id, params = str(item["custom_id"]), dict(item["params"])
    outcome = "canceled" if canceled else _outcome(exchange, custom_id)
    if outcome in ("canceled", "expired"):
        return {"type": outcome}
    identity = state.identify(f"{exchange.path}/{custom_id}", json.dumps(params).encode())
    own = replace(exchange, identity=identity)
    if outcome == "errored":
        return _errored(ApiError(500), exchange)
    params.pop("stream", None)
    try:
        job = messages.prepare(state, own, params)
    except ApiError as error:
        return _errored(error, exchange)
    job.batch = True
    message, result, used = messages.run(state, job)
    metadata = params.get("metadata")
    state.ledger.open(
        state.clock.now(),
        exchange.path,
        exchange.request_id,
        message_id=message["id"],
        model=message["model"],
        complete=True,
        usage=used,
        stop_reason=result.stop_reason,
        user_id=metadata.get("user_id") if isinstance(metadata, dict) else None,
        tag=exchange.headers.get("x-emulator-tag"),
        custom_id=custom_id,
        **refusals(message),
    )
    return {"type": "succeeded", "message": message}


def _errored(error: ApiError, exchange: Exchange) -> Json:
    body = body_of(error.type, error.message, exchange.request_id)
    return {"type": "errored", "error": body}
