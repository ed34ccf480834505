"""The OTLP/HTTP receiver: `/v1/traces`, `/v1/metrics` and `/v1/logs`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request, Response

from otel_claude.local import wire
from otel_claude.local.rows import DECODERS
from otel_claude.local.wire import RefusedError
from otel_claude.local.writer import OverloadedError

if TYPE_CHECKING:
    from otel_claude.local.backend import Backend
    from otel_claude.local.rows import Batch

router = APIRouter()

_RETRY: Final = {"retry-after": "1"}
_MOST_ITEMS: Final = 50_000  # in one request


@router.post("/v1/{signal}", include_in_schema=False)
async def receive(signal: str, request: Request) -> Response:
    """Take an export request; the answer comes when it is on disk."""
    backend: Backend = request.app.state.backend
    media = wire.PROTOBUF
    try:
        wire.check_signal(signal)
        media = wire.media_of(request.headers.get("content-type", ""))
        body = await _body(request)
        async with backend.turns:
            encoding = request.headers.get("content-encoding", "")
            batch = await asyncio.to_thread(decode, signal, media, encoding, body)
        del body
        await asyncio.wrap_future(backend.take(batch))
    except RefusedError as refused:
        backend.counts.refused_requests += 1
        return _refusal(refused.status, media, refused.message)
    except OverloadedError as overloaded:
        backend.counts.refused_requests += 1
        return _refusal(503, media, str(overloaded))
    except Exception:
        # What could not be stored may be sent again: it is not acknowledged.
        return _refusal(500, media, "could not be stored; see the server's log")
    backend.counts.received += batch.items
    backend.counts.refused += batch.rejected
    answer = wire.accepted(signal, media, rejected=batch.rejected, why=batch.why)
    return Response(answer, media_type=media)


def decode(signal: str, media: str, encoding: str, body: bytes) -> Batch:
    """The rows in the body of an export request.

    Raises:
        RefusedError: it cannot be taken.
    """
    unpacked = wire.unpack(encoding, body)
    message = wire.parse(signal, media, unpacked)
    if _items(signal, message) > _MOST_ITEMS:
        raise RefusedError(413, f"more than {_MOST_ITEMS} items in one request")
    return DECODERS[signal](message, len(unpacked))


def _items(signal: str, message: Any) -> int:
    if signal == "traces":
        groups = (scoped for group in message.resource_spans for scoped in group.scope_spans)
        return sum(len(scoped.spans) for scoped in groups)
    if signal == "logs":
        groups = (scoped for group in message.resource_logs for scoped in group.scope_logs)
        return sum(len(scoped.log_records) for scoped in groups)
    return 0  # only points of budgets are kept


closed = APIRouter()


@closed.post("/v1/{signal}", include_in_schema=False)
def refuse(signal: str, request: Request) -> Response:
    """The answer of a server that only shows: one that is not tried again."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    known = media if media in (wire.PROTOBUF, wire.JSON) else wire.PROTOBUF
    told = f"{signal} are not received here: this server shows what is in ClickHouse"
    return _refusal(405, known, f"{told}; send to the collector")


async def _body(request: Request) -> bytes:
    """The body as it was sent, as far as it is not too long."""
    told = request.headers.get("content-length", "0")
    if told.isdecimal() and int(told) > wire.MAX_BODY:
        raise _too_long()
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > wire.MAX_BODY:
            raise _too_long()
    return bytes(body)


def _too_long() -> RefusedError:
    return RefusedError(413, f"the body is longer than {wire.MAX_BODY} bytes")


def _refusal(status: int, media: str, message: str) -> Response:
    headers = _RETRY if status == 503 else None
    return Response(wire.refusal(media, message), status, headers, media)
