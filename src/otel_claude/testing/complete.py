"""`POST /v1/complete`: the legacy text completions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from otel_claude.testing import faults, validation
from otel_claude.testing.errors import ApiError, invalid
from otel_claude.testing.messages import EVENT_STREAM
from otel_claude.testing.prose import prose
from otel_claude.testing.sse import Event, encode
from otel_claude.testing.tokens import text_tokens
from otel_claude.testing.wire import Reply

if TYPE_CHECKING:
    from otel_claude.testing.state import Exchange, State


def create(state: State, exchange: Exchange) -> Reply:
    """Answer a completion; its usage is in the ledger only, as the API shows none."""
    body = exchange.json()
    stream = bool(body.get("stream"))
    try:
        faults.before(state, exchange, stream=stream)
        model = validation.model_of(body)
        for name in ("prompt", "max_tokens_to_sample"):
            if name not in body:
                raise invalid(f"{name}: Field required")
    except ApiError as error:
        failed = {"status": error.status, "error_type": error.type, "stream": stream}
        state.ledger.open(state.clock.now(), exchange.path, exchange.request_id, **failed)
        raise
    except faults.Dropped:
        return Reply(hang_up=True)
    rng, most = exchange.identity.rng("text"), int(body["max_tokens_to_sample"])
    tokens = prose(rng, rng.randint(20, 60))
    reason = "stop_sequence" if len(tokens) <= most else "max_tokens"
    tokens = tokens[:most]
    used = {"input_tokens": text_tokens(str(body["prompt"])), "output_tokens": len(tokens)}
    message_id = exchange.identity.id("compl")
    shell = {"type": "completion", "id": message_id, "model": model.id}
    entry = state.ledger.open(
        state.clock.now(),
        exchange.path,
        exchange.request_id,
        message_id=message_id,
        model=model.id,
        stream=stream,
        usage=used,
        stop_reason=reason,
        tag=exchange.headers.get("x-emulator-tag"),
    )

    def sent(_count: int, ok: bool) -> None:
        entry.complete = ok

    if not stream:
        whole = {**shell, "completion": "".join(tokens), "stop_reason": reason}
        return Reply(body=json.dumps(whole).encode(), sent=sent)
    events = [
        Event("completion", {**shell, "completion": token, "stop_reason": None, "stop": None})
        for token in tokens
    ]
    events.append(
        Event("completion", {**shell, "completion": "", "stop_reason": reason, "stop": None})
    )
    chunks = [encode(event) for event in events]
    return Reply(headers={"content-type": EVENT_STREAM}, events=chunks, sent=sent)
