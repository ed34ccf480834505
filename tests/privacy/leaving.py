"""What leaves the process in each mode, found out by planting marks: python -m tests.privacy.leaving"""

from __future__ import annotations

import base64
import contextlib
import itertools
import logging
from collections.abc import Mapping
from typing import Any, Final, Literal

import anthropic

from otel_claude import ClaudeInstrumentor, attribution
from otel_claude.testing import Emulator
from tests.conftest import Telemetry

from .figures import DOCUMENT

BEGIN: Final = "<!-- what leaves: made by python -m tests.privacy.leaving -->"
END: Final = "<!-- end of what leaves -->"

_IMAGE: Final = base64.b64encode(b"the bytes of an image").decode()

# What it is -> the mark that stands for it.
ROWS: Final[Mapping[str, str]] = {
    "messages of the request, results of tools in them": "mark-input",
    "the answer, thinking, arguments of tools in it": "mark-output",
    "system prompt": "mark-system",
    "names of the tools that are offered": "mark_tool",
    "their descriptions and schemas (with `tool_schemas`)": "mark-description",
    "stop sequences": "mark-stop",
    "bytes of images and documents (with `media`)": _IMAGE,
    "error messages, stack traces": "mark-error",
    "arguments of a tool that a tool runner runs": "mark-arguments",
    "its result": "mark-result",
    "its name": "run_mark",
    "signatures, encrypted thinking": "mark-signature",
    "`metadata.user_id`": "mark-metadata",
    "headers of the request": "mark-header",
    "API key, tokens of MCP servers": "mark-key",
    "attribution: user, session, tags": "mark-user",
    "attribution: tenant, team, feature, endpoint": "mark-feature",
    "model, parameters, token counts, cost": "claude-sonnet-5-5",
    "`custom_id` of batch results": "mark-custom",
}
MODES: Final[Mapping[str, dict[str, Any]]] = {
    "default": {},
    "`capture=span`": {"capture": "span"},
    "`capture=event`": {"capture": "event"},
}


def _work(client: anthropic.Anthropic, mode: int) -> None:
    @anthropic.beta_tool(description="mark-description")
    def run_mark(value: Literal["mark-arguments"]) -> str:
        return "mark-result"

    base: Any = {"model": "claude-sonnet-5-5", "max_tokens": 2048}
    user: Any = {"role": "user", "content": "mark-input"}
    source = {"type": "base64", "media_type": "image/png", "data": _IMAGE}
    thinking = {"type": "thinking", "thinking": "mark-input", "signature": "mark-signature"}
    messages: Any = [
        {"role": "user", "content": [{"type": "image", "source": source}]},
        {"role": "assistant", "content": [thinking, {"type": "text", "text": "mark-input"}]},
        user,
    ]
    headers = {"x-mark": "mark-header", "x-emulator-scenario": "text=mark-output"}
    client.messages.create(
        **base,
        messages=messages,
        system="mark-system",
        stop_sequences=["mark-stop"],
        metadata={"user_id": "mark-metadata"},
        tools=[
            {
                "name": "mark_tool",
                "description": "mark-description",
                "input_schema": {"type": "object"},
            }
        ],
        tool_choice={"type": "none"},
        extra_headers=headers,
    )
    server = {"type": "url", "url": "https://mcp.example.com", "name": "mcp"}
    servers: Any = [{**server, "authorization_token": "mark-key"}]
    client.beta.messages.create(**base, messages=[user], mcp_servers=servers)
    with contextlib.suppress(anthropic.BadRequestError):
        failing = {"x-emulator-scenario": "status=400,message=mark-error"}
        client.messages.create(**base, messages=[user], extra_headers=failing)
    assert list(client.beta.messages.tool_runner(**base, messages=[user], tools=[run_mark]))
    params: Any = {**base, "messages": [user]}
    batch = client.messages.batches.create(
        requests=[{"custom_id": f"mark-custom-{mode}", "params": params}]
    )
    while client.messages.batches.retrieve(batch.id).processing_status != "ended":
        pass
    assert list(client.messages.batches.results(batch.id))


_runs = itertools.count()


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += record.getMessage() + "\n"


def _emitted(settings: Mapping[str, Any], number: int) -> dict[str, str]:
    """Everything that a program emitted, by signal."""
    telemetry, lines = Telemetry(), _Lines()
    logger = logging.getLogger("otel_claude")
    level = logger.level
    logger.addHandler(lines)
    logger.setLevel(logging.INFO)
    try:
        telemetry.instrument(log_calls=True, **settings)
        with (
            Emulator() as api,
            anthropic.Anthropic(
                api_key="mark-key", base_url=api.url, max_retries=0, open_telemetry=False
            ) as client,
            attribution(user="mark-user", session="mark-user", feature="mark-feature"),
        ):
            # Results of a batch that were read before are not counted again.
            _work(client, number)
        metrics = telemetry.reader.get_metrics_data()
    finally:
        ClaudeInstrumentor().uninstrument()
        logger.removeHandler(lines)
        logger.setLevel(level)
    return {
        "spans": "".join(span.to_json() for span in telemetry.spans),
        "metrics": str(metrics and metrics.to_json()),
        "events": "".join(r.to_json() for r in telemetry.log_exporter.get_finished_logs()),
        "log lines": lines.text,
    }


def table() -> str:
    """Where each thing is found, by mode."""
    start = next(_runs) * len(MODES)
    emitted = {
        mode: _emitted(settings, start + n) for n, (mode, settings) in enumerate(MODES.items())
    }
    rows = [("what", *MODES), ("---",) * (len(MODES) + 1)]
    for what, mark in ROWS.items():
        cells = (
            ", ".join(signal for signal, text in found.items() if mark in text) or "-"
            for found in emitted.values()
        )
        rows.append((what, *cells))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def with_table(text: str) -> str:
    """The document with the table made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
