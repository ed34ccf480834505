"""`POST /v1/messages`: from a request to an answer, its ledger entry and its bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otel_claude.testing import faults, generate, sse, usage as usages, validation
from otel_claude.testing.blocks import Block
from otel_claude.testing.errors import ApiError
from otel_claude.testing.generate import Answer
from otel_claude.testing.job import Job, Json
from otel_claude.testing.ledger import refusals
from otel_claude.testing.tokens import prompt_tokens, segments
from otel_claude.testing.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_claude.testing.ledger import LedgerEntry
    from otel_claude.testing.models import Model
    from otel_claude.testing.scenarios import Scenario
    from otel_claude.testing.sse import Event
    from otel_claude.testing.state import Exchange, State

API_VERSION = "2023-06-01"
EVENT_STREAM = "text/event-stream; charset=utf-8"
Ran = tuple[Json, Answer, Json]
"""What `run` gives: the message, the answer it was made from, and the true usage."""

_ID_PREFIX = {"": "msg", "bedrock": "msg_bdrk", "vertex": "msg_vrtx"}


def create(state: State, exchange: Exchange) -> Reply:
    """Answer `POST /v1/messages`."""
    return infer(state, exchange, exchange.json())


def count_tokens(state: State, exchange: Exchange) -> Reply:
    """Answer `POST /v1/messages/count_tokens`; free, so not in the ledger."""
    return count(state, exchange, exchange.json())


def count(state: State, exchange: Exchange, body: Json) -> Reply:
    """Count the tokens of a body in the API's own form."""
    validation.model_of(body)
    validation.conversation(body)
    try:
        faults.before(state, exchange, stream=False)
    except faults.Dropped:
        return Reply(hang_up=True)
    result = {"input_tokens": prompt_tokens(segments(body))}
    return Reply(body=json.dumps(result).encode())


def infer(state: State, exchange: Exchange, body: Json, cloud: str = "") -> Reply:
    """Run one inference, failures included; every one of them is in the ledger."""
    facts = _facts(exchange, body)
    try:
        job = prepare(state, exchange, body, cloud)
        faults.before(state, exchange, stream=bool(body.get("stream")))
        state.limits.take(job.model.id)
    except ApiError as error:
        facts |= {"status": error.status, "error_type": error.type}
        state.ledger.open(state.clock.now(), exchange.path, exchange.request_id, **facts)
        raise
    except faults.Dropped:
        facts |= {"status": 0, "error_type": "connection_dropped"}
        state.ledger.open(state.clock.now(), exchange.path, exchange.request_id, **facts)
        return Reply(hang_up=True)
    message, result, used = run(state, job)
    spent = used["input_tokens"], used["output_tokens"]
    tokens = [count if isinstance(count, int) else 0 for count in spent]
    limits = state.limits.charge(job.model.id, tokens[0] + job.cache.write, tokens[1])
    reply = _streamed if body.get("stream") else _whole
    answer = reply(state, exchange, job, (message, result, used), facts)
    answer.headers = {**answer.headers, **limits, **_tier_headers(used)}
    return answer


def prepare(state: State, exchange: Exchange, body: Json, cloud: str = "") -> Job:
    """Validate a request and count its prompt.

    Raises:
        ApiError: the request is refused.
    """
    body = _on_thread(state, body)
    model: Model = validation.messages(body, exchange.headers.get("anthropic-version", API_VERSION))
    pieces = segments(body)
    validation.size(body, model, pieces, exchange.betas)
    job = Job(body, model, exchange.identity, exchange.scenario, exchange.beta, exchange.betas)
    job.cloud, job.pieces = cloud, pieces
    return job


def run(state: State, job: Job) -> Ran:
    """Do the inference: the message, the answer it was made from, and the true usage."""
    job.cache = state.cache.use(job.model.id, job.pieces)
    result = generate.answer(job)
    if job.scenario.malformed("block"):
        strange = {"type": "emulator_unknown", "detail": {"n": 1}}
        result.blocks.insert(0, Block(strange, strange))
    used = usages.of(job, result)
    message = _message(job, result, used)
    if job.body.get("thread"):
        said = {"role": "assistant", "content": message["content"]}
        with state.lock:
            state.threads[message["id"]] = [*job.body["messages"], said]
    return message, result, used


def _on_thread(state: State, body: Json) -> Json:
    """A request that continues a thread, with the messages that the server holds."""
    thread = body.get("thread")
    if not isinstance(thread, dict) or thread.get("type") != "continue":
        return body
    with state.lock:
        held = state.threads.get(str(thread.get("previous_message_id")))
    if held is None:
        text = "thread: previous_message_id was not found"
        raise ApiError(404, text, details={"error_code": "thread_not_found"})
    return {**body, "messages": [*held, *body.get("messages", ())]}


def _facts(exchange: Exchange, body: Json) -> dict[str, Any]:
    metadata = body.get("metadata")
    return {
        "model": str(body.get("model")) if body.get("model") else None,
        "stream": bool(body.get("stream")),
        "user_id": metadata.get("user_id") if isinstance(metadata, dict) else None,
        "tag": exchange.headers.get("x-emulator-tag"),
    }


def _message(job: Job, result: Answer, used: Json) -> Json:
    message: Json = {
        "id": job.identity.id(_ID_PREFIX[job.cloud]),
        "type": "message",
        "role": "assistant",
        "model": job.scenario.value("model") or result.served or job.model.id,
        "content": [block.final for block in result.blocks],
        "stop_reason": result.stop_reason,
        "stop_sequence": result.stop_sequence,
        "stop_details": result.stop_details,
    }
    shown = faults.usage(job.scenario, used)
    if shown is not None:
        message["usage"] = shown
    if job.scenario.get("container"):
        expires = "2026-12-31T00:00:00Z"
        message["container"] = {"id": job.identity.id("container"), "expires_at": expires}
    return message


def _open(state: State, exchange: Exchange, facts: dict[str, Any], ran: Ran) -> LedgerEntry:
    message, _, used = ran
    facts = {**facts, "model": message["model"], "message_id": message["id"], "usage": used}
    facts |= refusals(message)
    return state.ledger.open(state.clock.now(), exchange.path, exchange.request_id, **facts)


def _whole(state: State, exchange: Exchange, job: Job, ran: Ran, facts: dict[str, Any]) -> Reply:
    message, result, used = ran
    scenario = job.scenario
    data = json.dumps(message, ensure_ascii=False).encode()
    if scenario.malformed("json"):
        data = data[: len(data) // 2]
    if scenario.malformed("empty"):
        data = b""
    entry = _open(state, exchange, facts, ran)
    entry.stop_reason = result.stop_reason
    drop = scenario.get("drop") is not None

    def sent(_count: int, ok: bool) -> None:
        entry.complete = ok and not drop

    reply = Reply(body=data, drop=drop, sent=sent)
    if job.cloud == "bedrock":
        reply.headers["x-amzn-bedrock-input-token-count"] = str(used["input_tokens"])
        reply.headers["x-amzn-bedrock-output-token-count"] = str(used["output_tokens"])
    return reply


def _streamed(state: State, exchange: Exchange, job: Job, ran: Ran, facts: dict[str, Any]) -> Reply:
    message, result, used = ran
    scenario, shown = job.scenario, faults.usage(job.scenario, used)
    full = sse.events(job, message, result, used if shown is None else shown)
    if job.cloud == "bedrock":
        full[-1].data["amazon-bedrock-invocationMetrics"] = _metrics(used)
    events = faults.stream_events(full, scenario, exchange.request_id)
    entry = _open(state, exchange, facts, ran)
    error = scenario.get("error")
    if error:
        entry.error_type = error.value or "overloaded_error"
    encode = sse.encode_aws if job.cloud == "bedrock" else sse.encode
    chunks = [encode(event) for event in events]
    if scenario.malformed("json") and len(chunks) > 2:
        chunks.insert(2, b'event: content_block_delta\ndata: {"type": "content_block_d\n\n')
    kind = "application/vnd.amazon.eventstream" if job.cloud == "bedrock" else EVENT_STREAM
    return Reply(
        headers={"content-type": kind, "cache-control": "no-cache"},
        events=chunks,
        pauses=faults.pauses(events, scenario),
        drop=scenario.get("drop") is not None,
        sent=_progress(entry, events, result, used),
    )


def _progress(
    entry: LedgerEntry, events: list[Event], result: Answer, used: Json
) -> Callable[[int, bool], None]:
    """Keep a ledger entry true while its stream is being sent."""

    def sent(count: int, ok: bool) -> None:
        count = min(count, len(events))
        ended = any(event.name == "message_stop" for event in events[-1:])
        entry.complete = ok and ended and count == len(events)
        last = events[count - 1] if count else None
        told = any(event.name == "message_delta" for event in events[max(0, count - 3) : count])
        entry.stop_reason = result.stop_reason if told else None
        entry.usage = used if told else usages.partial(used, last.tokens if last else 0)

    sent(0, False)
    return sent


def _metrics(used: Json) -> Json:
    return {
        "inputTokenCount": used["input_tokens"],
        "outputTokenCount": used["output_tokens"],
        "cacheReadInputTokenCount": used["cache_read_input_tokens"],
        "cacheWriteInputTokenCount": used["cache_creation_input_tokens"],
        "invocationLatency": 12,
        "firstByteLatency": 3,
    }


def _tier_headers(used: Json) -> dict[str, str]:
    """Headers that only the priority tier and fast mode have."""
    names = ["priority"] if used.get("service_tier") == "priority" else []
    names += ["fast"] if used.get("speed") == "fast" else []
    headers: dict[str, str] = {}
    for name in names:
        for side, limit in (("input", 100_000), ("output", 20_000)):
            count = used.get(f"{side}_tokens")
            left = limit - (count if isinstance(count, int) else 0)
            headers[f"anthropic-{name}-{side}-tokens-limit"] = str(limit)
            headers[f"anthropic-{name}-{side}-tokens-remaining"] = str(max(0, left))
            headers[f"anthropic-{name}-{side}-tokens-reset"] = "2026-12-31T00:00:00Z"
    return headers


def shape_headers(headers: dict[str, str], scenario: Scenario) -> dict[str, str]:
    """Response headers after the `header` and `unified` steps of a scenario."""
    unified = scenario.get("unified")
    if unified:
        prefix = "anthropic-ratelimit-unified"
        claim = unified.options.get("claim", "five_hour")
        headers[f"{prefix}-status"] = unified.value or "allowed"
        headers[f"{prefix}-representative-claim"] = claim
        headers[f"{prefix}-reset"] = "1795262400"
        for window in ("5h", "7d"):
            headers[f"{prefix}-{window}-status"] = unified.value or "allowed"
            headers[f"{prefix}-{window}-utilization"] = unified.options.get("utilization", "0.42")
            headers[f"{prefix}-{window}-reset"] = "1795262400"
    for step in scenario.all("header"):
        name, colon, value = step.value.partition(":")
        if name.startswith("-"):
            headers.pop(name[1:].strip().lower(), None)
        elif colon:
            headers[name.strip().lower()] = value.strip()
    return headers
