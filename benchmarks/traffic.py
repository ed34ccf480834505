"""Made-up traffic as OTLP: what a product on Claude would send, the same for the same seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from otel_claude import semconv

if TYPE_CHECKING:
    from collections.abc import Iterator

SECOND = 1_000_000_000

# Model -> USD per million tokens of input and output, share of the calls.
MODELS = {
    "claude-haiku-4-5": (1.0, 5.0, 0.55),
    "claude-sonnet-4-5": (3.0, 15.0, 0.35),
    "claude-opus-4-5": (5.0, 25.0, 0.10),
}
FEATURES = ("chat", "search", "summaries", "code-review", "triage", "reports")
TEAMS = ("support", "platform", "growth")
ERRORS = (
    ("rate_limit_error", "rate_limit", 429),
    ("overloaded_error", "overloaded", 529),
    ("api_error", "server_error", 500),
    ("client_timeout_error", "timeout", None),
)


@dataclass
class Traffic:
    """Calls, evenly spread over a time.

    Attributes:
        calls: how many.
        start: of the first, nanoseconds since the epoch.
        seconds: from the first to the last.
        seed: the same makes the same calls.
        service: name of the service that makes them.
        users: how many users there are.
    """

    calls: int
    start: int
    seconds: float
    seed: int = 0
    service: str = "shop"
    users: int = 200

    def requests(self, size: int = 512) -> Iterator[bytes]:
        """Export requests as the exporter sends them, with at most `size` spans each."""
        chance = random.Random(self.seed)
        step = self.seconds * SECOND / max(1, self.calls)
        for first in range(0, self.calls, size):
            request = ExportTraceServiceRequest()
            group = request.resource_spans.add()
            _say(group.resource.attributes, semconv.SERVICE_NAME, self.service)
            scoped = group.scope_spans.add()
            scoped.scope.name = semconv.SCOPE
            for number in range(first, min(first + size, self.calls)):
                at = self.start + int(number * step)
                _fill(scoped.spans.add(), at, chance, self.users)
            yield request.SerializeToString()


def _fill(span: Any, at: int, chance: random.Random, users: int) -> None:
    names = list(MODELS)
    model = chance.choices(names, [MODELS[name][2] for name in names])[0]
    attributes: dict[str, Any] = {
        semconv.OPERATION_NAME: "chat",
        semconv.PROVIDER_NAME: "anthropic",
        semconv.REQUEST_MODEL: model,
        semconv.SERVER_ADDRESS: "api.anthropic.com",
        semconv.SERVER_PORT: 443,
        semconv.REQUEST_MAX_TOKENS: 4096,
        semconv.REQUEST_MESSAGES: chance.randint(1, 30),
        semconv.HTTP_BODY_SIZE: chance.randint(500, 90_000),
        semconv.FEATURE: chance.choice(FEATURES),
        semconv.TEAM: chance.choice(TEAMS),
        semconv.USER_ID: f"u-{int(chance.paretovariate(1.2)) % users}",
        semconv.SESSION_ID: f"s-{chance.randrange(users * 20)}",
        semconv.TAG_PREFIX + "experiment": chance.choice("AB"),
        semconv.REQUEST_ID: f"req_{chance.getrandbits(96):024x}",
        semconv.COST_BASIS: "list",
        semconv.COST_PRICE_BOOK: "2026-11-20",
    }
    attributes[semconv.CONVERSATION_ID] = attributes[semconv.SESSION_ID]
    seconds = chance.lognormvariate(0.9, 0.7)
    if chance.random() < 0.03:
        _fail(span, attributes, chance)
    else:
        _answer(attributes, model, seconds, chance)
    span.name = f"chat {model}"
    span.kind = Span.SPAN_KIND_CLIENT
    span.trace_id = chance.randbytes(16)
    span.span_id = chance.randbytes(8)
    span.start_time_unix_nano = at
    span.end_time_unix_nano = at + int(seconds * SECOND)
    for name, value in attributes.items():
        _say(span.attributes, name, value)


def _fail(span: Any, attributes: dict[str, Any], chance: random.Random) -> None:
    kind, category, status = chance.choice(ERRORS)
    span.status.code = Status.STATUS_CODE_ERROR
    attributes |= {
        semconv.ERROR_TYPE: kind,
        semconv.ERROR_CATEGORY: category,
        semconv.OUTCOME: "failed",
        semconv.RETRIES: 2,
    }
    if status:
        attributes[semconv.HTTP_STATUS] = status


def _answer(attributes: dict[str, Any], model: str, seconds: float, chance: random.Random) -> None:
    price_in, price_out, _ = MODELS[model]
    prompt = int(chance.lognormvariate(8, 1))
    output = max(1, int(chance.lognormvariate(5.5, 0.8)))
    read = int(prompt * 0.8) if chance.random() < 0.6 else 0
    plain = prompt - read
    parts = {
        semconv.COST_INPUT: plain * price_in / 1e6,
        semconv.COST_OUTPUT: output * price_out / 1e6,
        semconv.COST_CACHE_READ: read * price_in / 1e7,
    }
    total = round(sum(parts.values()), 12)
    reason = "refusal" if chance.random() < 0.005 else "end_turn"
    attributes |= {
        semconv.RESPONSE_MODEL: model,
        semconv.RESPONSE_ID: f"msg_{chance.getrandbits(96):024x}",
        semconv.RESPONSE_FINISH_REASONS: ["content_filter" if reason == "refusal" else "stop"],
        semconv.STOP_REASON: reason,
        semconv.REQUEST_STREAM: True,
        semconv.RESPONSE_TIME_TO_FIRST_CHUNK: seconds * chance.uniform(0.1, 0.4),
        semconv.TIME_TO_FIRST_EVENT: seconds * 0.1,
        semconv.STREAM_EVENTS: output + 6,
        semconv.OUTCOME: "completed",
        semconv.HTTP_STATUS: 200,
        semconv.RESPONSE_SERVICE_TIER: "standard",
        semconv.USAGE_INPUT_TOKENS: prompt,
        semconv.USAGE_OUTPUT_TOKENS: output,
        semconv.USAGE_CACHE_READ: read,
        semconv.USAGE_CACHE_WRITE: 0,
        semconv.USAGE_CACHE_CREATION: 0,
        semconv.CONTEXT_BUCKET: _bucket(prompt),
        semconv.CONTEXT_UTILIZATION: prompt / 200_000,
        **{name: part for name, part in parts.items() if part},
        semconv.COST_TOTAL: total,
        semconv.USAGE_COST: total,
    }
    if read:
        attributes[semconv.COST_UNCACHED] = (prompt * price_in + output * price_out) / 1e6


def _bucket(prompt: int) -> str:
    for limit, name in ((1_000, "small"), (10_000, "medium"), (50_000, "large")):
        if prompt < limit:
            return name
    return "xlarge"


def _say(attributes: Any, name: str, value: Any) -> None:
    pair = attributes.add()
    pair.key = name
    if isinstance(value, bool):
        pair.value.bool_value = value
    elif isinstance(value, int):
        pair.value.int_value = value
    elif isinstance(value, float):
        pair.value.double_value = value
    elif isinstance(value, list):
        for item in value:
            pair.value.array_value.values.add().string_value = item
    else:
        pair.value.string_value = value
