"""A careless program: everything is logged, and failures are recorded with what was asked."""

from __future__ import annotations

import logging

import anthropic
from opentelemetry import trace
from opentelemetry.sdk._logs import LoggingHandler

logging.getLogger().addHandler(LoggingHandler())
logging.getLogger().setLevel(logging.DEBUG)
for quiet in ("urllib3", "opentelemetry"):
    logging.getLogger(quiet).setLevel(logging.WARNING)

client = anthropic.Anthropic()
with trace.get_tracer("shop").start_as_current_span("answer") as span:
    messages: list[anthropic.types.MessageParam] = [{"role": "user", "content": "OURPROMPT"}]
    client.messages.create(model="claude-haiku-4-5", max_tokens=32, messages=messages)
    try:
        int(str(messages[0]["content"]))
    except ValueError as error:
        span.record_exception(error)
        span.set_status(trace.StatusCode.ERROR, f"{type(error).__name__}: {error}")
