"""The same API as Bedrock and Vertex AI offer it: model in the path, other framing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from otel_claude.testing import messages
from otel_claude.testing.errors import invalid

if TYPE_CHECKING:
    from otel_claude.testing.state import Exchange, State
    from otel_claude.testing.wire import Reply

_BEDROCK = re.compile(
    r"^(?:.*/)?(?:[a-z-]+\.)?(?:anthropic\.)?(?P<id>claude-.+?)(?:-v\d+(?::\d+)?)?$"
)


def api_id(name: str) -> str:
    """The Claude API's id for a Bedrock or Vertex model name.

    `us.anthropic.claude-haiku-4-5-20251001-v1:0` and `claude-haiku-4-5@20251001` are both
    `claude-haiku-4-5-20251001`. A name that hides its model (an opaque ARN) is `claude-opus-5-5`.
    """
    if "application-inference-profile/" in name:
        return "claude-opus-5-5"
    match = _BEDROCK.match(name.replace("@", "-"))
    return match["id"] if match else name


def _in_body(exchange: Exchange, model: str, *, stream: bool) -> dict[str, object]:
    body = exchange.json()
    betas = body.pop("anthropic_beta", None)
    if betas:
        exchange.headers["anthropic-beta"] = ",".join(betas)
    version = str(body.pop("anthropic_version", ""))
    if not version:
        raise invalid("anthropic_version: Field required")
    exchange.headers["anthropic-version"] = messages.API_VERSION
    return {**body, "model": api_id(unquote(model)), "stream": stream}


def bedrock(state: State, exchange: Exchange, model: str, how: str) -> Reply:
    """Answer `POST /model/{model}/invoke` and `.../invoke-with-response-stream`."""
    body = _in_body(exchange, model, stream=how != "invoke")
    return messages.infer(state, exchange, body, "bedrock")


def vertex(state: State, exchange: Exchange, model: str, how: str) -> Reply:
    """Answer `POST .../models/{model}:rawPredict` and `:streamRawPredict`."""
    body = _in_body(exchange, model, stream=how != "rawPredict")
    return messages.infer(state, exchange, body, "vertex")


def vertex_count(state: State, exchange: Exchange) -> Reply:
    """Answer `POST .../models/count-tokens:rawPredict`."""
    body = exchange.json()
    body["model"] = api_id(str(body.get("model", "")))
    return messages.count(state, exchange, body)
