"""Many calls and many abandoned streams in one process; prints what is left of them, as JSON.

    python -m tests.matrix.load CALLS ABANDONED

No network: the answers come from a transport in the process, so that all memory seen is ours, the
SDK's or OpenTelemetry's.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from otel_claude import ClaudeInstrumentor, semconv

try:
    import httpx2 as http
except ImportError:  # SDK 0.x
    import httpx as http  # type: ignore[import-not-found,no-redef,unused-ignore] # not beside httpx2

ASK: dict[str, Any] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Hello"}],
}


class Counting(SpanProcessor):
    def __init__(self) -> None:
        self.started = self.ended = 0

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        self.started += 1

    def on_end(self, span: ReadableSpan) -> None:
        self.ended += 1


class Api:
    """Answers every request; ids differ from call to call, as those of the API do."""

    def __init__(self) -> None:
        self._number = 0

    def __call__(self, request: Any) -> Any:
        self._number += 1
        headers = {"request-id": f"req_{self._number}", "anthropic-ratelimit-tokens-limit": "100"}
        if request.headers.get("x-fail"):
            body = {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}
            return http.Response(529, json=body, headers=headers)
        message = {
            "id": f"msg_{self._number}",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-5-5",
            "content": [{"type": "text", "text": "Hello"}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": 5},
        }
        if not json.loads(request.content).get("stream"):
            return http.Response(200, json=message, headers=headers)
        headers["content-type"] = "text/event-stream"
        return http.Response(200, content=_events(message), headers=headers)


def _events(message: dict[str, Any]) -> Iterator[bytes]:
    start = {**message, "content": [], "stop_reason": None}
    text = {"type": "text", "text": ""}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": text},
        *(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": "Hello "},
            }
            for _ in range(4)
        ),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 5},
        },
        {"type": "message_stop"},
    ]
    for event in events:
        yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def call(client: Any, number: int) -> None:
    """One call that is read to its end, or fails."""
    kind = number % 4
    if kind == 0:
        client.messages.create(**ASK)
    elif kind == 1:
        for _ in client.messages.create(**ASK, stream=True):
            pass
    elif kind == 2:
        with client.messages.stream(**ASK) as stream:
            stream.get_final_message()
    else:
        try:
            client.messages.create(**ASK, extra_headers={"x-fail": "1"})
        except anthropic.APIStatusError:
            return


def abandon(client: Any, number: int) -> None:
    """One stream that is left in some way."""
    kind = number % 4
    stream = client.messages.create(**ASK, stream=True)
    if kind == 0:
        return  # unread
    if kind == 1:
        next(stream)
    elif kind == 2:
        with stream:
            next(stream)
    else:
        next(stream)
        cycle: list[Any] = [stream]
        cycle.append(cycle)


def rss() -> int:
    """Resident memory in bytes; 0 where the system does not tell."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return next(
        int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS")
    )


def main(calls: int, abandoned: int) -> None:
    """Make them, after a fifth as warm-up, and print what is left."""
    spans, reader = Counting(), InMemoryMetricReader()
    tracers, meters = TracerProvider(), MeterProvider([reader])
    tracers.add_span_processor(spans)
    ClaudeInstrumentor().instrument(tracer_provider=tracers, meter_provider=meters)
    client = anthropic.Anthropic(
        api_key="k",
        base_url="http://api.invalid",
        max_retries=0,
        http_client=http.Client(transport=http.MockTransport(Api())),
    )

    def work(n_calls: int, n_abandoned: int) -> None:
        every = max(1, n_calls // max(1, n_abandoned))
        left = n_abandoned
        for number in range(n_calls):
            call(client, number)
            if number % every == 0 and left:
                left -= 1
                abandon(client, left)
            if number % 1000 == 999:
                reader.get_metrics_data()
        gc.collect()
        # Calls of streams that died in a collection end in a thread of their own, very soon.
        deadline = time.monotonic() + 5
        while spans.ended < spans.started and time.monotonic() < deadline:
            time.sleep(0.01)
        reader.get_metrics_data()

    work(calls // 5, abandoned // 5)
    blocks, resident = sys.getallocatedblocks(), rss()
    work(calls, abandoned)
    blocks, resident = sys.getallocatedblocks() - blocks, rss() - resident
    data = reader.get_metrics_data()
    totals: dict[str, float] = {}
    for resource in data.resource_metrics if data else []:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    totals[metric.name] = totals.get(metric.name, 0) + getattr(point, "value", 0)
    print(
        json.dumps(
            {
                "made": sum(n // 5 + n for n in (calls, abandoned)),
                "started": spans.started,
                "ended": spans.ended,
                "requests": totals.get(semconv.M_REQUESTS, 0),
                "active": totals.get(semconv.M_ACTIVE, 0),
                "faults": totals.get(semconv.M_FAULTS, 0),
                "blocks": blocks,
                "resident": resident,
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
