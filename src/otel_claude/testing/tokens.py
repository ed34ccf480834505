"""How the emulator counts tokens. The rule is simple, documented and deterministic.

Input: UTF-8 bytes / 4, rounded up, per block of text; 1,500 for an image, 3,000 for a document
that is not text; the JSON of any other block as if it were text. To that come 4 per message,
8 per request and 290 where the request has tools (the tool-use system prompt).

Output: one token per word of text (a run of non-space with the space before it), one per four
characters of JSON.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PER_REQUEST = 8
PER_MESSAGE = 4
TOOL_PROMPT = 290
IMAGE = 1_500
DOCUMENT = 3_000
_WORD = re.compile(r"\s*\S+|\s+$")


@dataclass(frozen=True)
class Segment:
    """A piece of the prompt, in the order the API renders it: tools, system, messages.

    `ttl` is set where a cache breakpoint stands after this piece.
    """

    tokens: int
    digest: bytes
    ttl: str | None = None


def text_tokens(text: str) -> int:
    """Input tokens of a text."""
    return max(1, -(-len(text.encode(errors="replace")) // 4))


def words(text: str) -> list[str]:
    """A text cut into the emulator's output tokens."""
    return _WORD.findall(text)


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces: equal values have equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def block_tokens(block: object) -> int:  # noqa: PLR0911 - one return per kind
    """Input tokens of one content block."""
    if isinstance(block, str):
        return text_tokens(block)
    if not isinstance(block, Mapping):
        return text_tokens(canonical(block))
    kind = block.get("type")
    if kind == "text":
        return text_tokens(str(block.get("text", "")))
    if kind == "image":
        return IMAGE
    source = block.get("source")
    if kind == "document" and isinstance(source, Mapping):
        return (
            text_tokens(str(source.get("data", ""))) if source.get("type") == "text" else DOCUMENT
        )
    if kind == "tool_result":
        content = block.get("content") or ""
        return 8 + sum(
            block_tokens(part) for part in ([content] if isinstance(content, str) else content)
        )
    return text_tokens(canonical({k: v for k, v in block.items() if k != "cache_control"}))


def _segment(block: Mapping[str, Any], where: str, extra: int = 0) -> Segment:
    control = block.get("cache_control")
    bare = {key: value for key, value in block.items() if key != "cache_control"}
    digest = hashlib.blake2b(f"{where}:{canonical(bare)}".encode(errors="replace"), digest_size=16)
    ttl = str(control.get("ttl") or "5m") if isinstance(control, Mapping) else None
    return Segment(block_tokens(block) + extra, digest.digest(), ttl)


def as_blocks(content: object) -> list[dict[str, Any]]:
    """Message content or a system prompt as a list of blocks."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        return []
    return [
        dict(block) if isinstance(block, Mapping) else {"type": "text", "text": str(block)}
        for block in content
    ]


def _segments(body: Mapping[str, Any]) -> Iterator[Segment]:
    for index, tool in enumerate(body.get("tools") or ()):
        if isinstance(tool, Mapping):
            yield _segment(tool, "tool", 0 if index else TOOL_PROMPT)
    for block in as_blocks(body.get("system")):
        yield _segment(block, "system")
    for message in body.get("messages") or ():
        for index, block in enumerate(as_blocks(message.get("content"))):
            yield _segment(block, str(message.get("role")), 0 if index else PER_MESSAGE)


def segments(body: Mapping[str, Any]) -> list[Segment]:
    """The prompt as the cache sees it. A top-level `cache_control` marks the last piece."""
    found = list(_segments(body))
    control = body.get("cache_control")
    if found and isinstance(control, Mapping) and found[-1].ttl is None:
        last = found[-1]
        found[-1] = Segment(last.tokens, last.digest, str(control.get("ttl") or "5m"))
    return found


def prompt_tokens(pieces: list[Segment]) -> int:
    """All input tokens of a prompt, cached or not."""
    return PER_REQUEST + sum(piece.tokens for piece in pieces)
