"""Content blocks as the model writes them: token by token, until the budget is used up."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otel_claude.testing.job import Json


@dataclass
class Block:
    """One content block.

    Attributes:
        final: the block as it stands in a JSON answer.
        start: the block as `content_block_start` shows it.
        deltas: each delta with the number of output tokens in it.
    """

    final: Json
    start: Json
    deltas: list[tuple[Json, int]] = field(default_factory=list)


@dataclass
class Composer:
    """Writes blocks within `budget` output tokens, `step` tokens to a delta.

    Attributes:
        cut: whether the budget ran out before all was written.
        used: output tokens written so far.
        thinking_used: those of them that are thinking.
    """

    budget: int
    step: int = 3
    blocks: list[Block] = field(default_factory=list)
    used: int = 0
    thinking_used: int = 0
    cut: bool = False

    def _take(self, tokens: list[str]) -> list[str]:
        kept = tokens[: max(0, self.budget - self.used)]
        self.cut = self.cut or len(kept) < len(tokens)
        self.used += len(kept)
        return kept

    def _pieces(self, tokens: list[str]) -> list[tuple[str, int]]:
        step = self.step
        return [
            ("".join(tokens[i : i + step]), len(tokens[i : i + step]))
            for i in range(0, len(tokens), step)
        ]

    def text(self, tokens: list[str], citations: list[Json] | None = None) -> None:
        """A text block of these tokens."""
        if self.cut:
            return
        kept = self._take(tokens)
        final: Json = {"type": "text", "text": "".join(kept)}
        start: Json = {"type": "text", "text": ""}
        if citations is not None:
            final["citations"], start["citations"] = citations, []
        deltas: list[tuple[Json, int]] = [
            ({"type": "citations_delta", "citation": citation}, 0) for citation in citations or ()
        ]
        for text, count in self._pieces(kept):
            deltas.append(({"type": "text_delta", "text": text}, count))
        self.blocks.append(Block(final, start, deltas))

    def thinking(self, tokens: list[str], signature: bytes, *, shown: bool = True) -> None:
        """A thinking block; where it is not shown, its tokens count all the same."""
        kept = self._take(tokens)
        self.thinking_used += len(kept)
        signed = base64.b64encode(signature).decode()
        deltas: list[tuple[Json, int]] = []
        for text, count in self._pieces(kept):
            deltas.append(({"type": "thinking_delta", "thinking": text if shown else ""}, count))
        deltas.append(({"type": "signature_delta", "signature": signed}, 0))
        final = {
            "type": "thinking",
            "thinking": "".join(kept) if shown else "",
            "signature": signed,
        }
        start = {"type": "thinking", "thinking": "", "signature": ""}
        self.blocks.append(Block(final, start, deltas))

    def tool(self, name: str, tool_id: str, value: Any, kind: str = "tool_use") -> None:
        """A tool_use or server_tool_use block. An input that was cut is `{}` in a JSON answer."""
        if self.cut:
            return
        tokens = json_tokens(value)
        kept = self._take(tokens)
        start: Json = {"type": kind, "id": tool_id, "name": name, "input": {}}
        if kind == "tool_use":
            start["caller"] = {"type": "direct"}
        deltas: list[tuple[Json, int]] = [({"type": "input_json_delta", "partial_json": ""}, 0)]
        for text, count in self._pieces(kept):
            deltas.append(({"type": "input_json_delta", "partial_json": text}, count))
        self.blocks.append(
            Block({**start, "input": value if len(kept) == len(tokens) else {}}, start, deltas)
        )

    def whole(self, block: Json) -> None:
        """A block that comes in one piece and costs no output tokens, e.g. a search result."""
        if not self.cut:
            self.blocks.append(Block(block, block))

    def compaction(self, summary: str) -> None:
        """A compaction block; its tokens are those of the compaction iteration, not ours."""
        delta = {"type": "compaction_delta", "content": summary, "encrypted_content": None}
        start: Json = {"type": "compaction", "content": None}
        self.blocks.append(Block({"type": "compaction", "content": summary}, start, [(delta, 0)]))


def json_tokens(value: Any) -> list[str]:
    """JSON text cut into the emulator's output tokens, four characters each."""
    text = json.dumps(value, ensure_ascii=False)
    return [text[i : i + 4] for i in range(0, len(text), 4)]
