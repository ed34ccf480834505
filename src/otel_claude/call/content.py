"""`Content`: what a call was asked and what it answered.

It is kept only where an observer asked for it in `before` (`Call.want_content`), and then as
references to the request's JSON and to the pieces of the answer: messages and parts are made from
them when somebody looks. The application may change its own objects as soon as it has them back, so
an observer that looks later than in `after` calls `hold` there. What is kept here has not been
redacted and stays in the process; whatever is emitted goes through `emit.content`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from otel_claude.call.parts import Message, Part, definition_of, message_of, part_of
from otel_claude.call.usage import fields, text

# Delta of a stream -> the field that it carries, which is also the field of its block.
# Signatures and citations are no words of the model.
DELTAS: Final[Mapping[str, str | None]] = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "input_json_delta": "partial_json",
    "compaction_delta": "content",
    "signature_delta": None,
    "citations_delta": None,
}
_INPUT: Final = "partial_json"
_NOTHING: Final[Mapping[str, Any]] = {}


class Content:
    """The words of one call.

    Attributes:
        request: the body of the request under the API's names, as it was given to the SDK's
            transport: `messages`, `system`, `tools`, `output_config` and so on. Not to be changed.
        finish_reason: why the answer ended, in the conventions' words, once the call has; the
            message that came back says it, too.
    """

    __slots__ = ("_answer", "_open", "_pieces", "finish_reason", "request")

    def __init__(self) -> None:
        self.request: Mapping[str, Any] = _NOTHING
        self.finish_reason: str | None = None
        self._answer: Sequence[Any] = ()
        self._open: dict[int, dict[str, Any]] = {}
        self._pieces: dict[int, list[tuple[str, str]]] = {}

    # --- filled in by capture -------------------------------------------------------------------

    def read_answer(self, said: Mapping[str, Any]) -> None:
        """Keep the content of a whole message, or of a legacy completion."""
        content = said.get("content")
        if isinstance(content, list | tuple):
            self._answer = content
        elif (completion := text(said.get("completion"))) is not None:
            self._answer = ({"type": "text", "text": completion},)

    def start_block(self, index: object, block: object) -> None:
        """A block of a stream begins. The SDK may go on to fill in its own object, so it is copied."""
        if isinstance(index, int):
            self._open[index] = dict(fields(block))
            self._pieces[index] = []

    def add_delta(self, index: Any, delta: object) -> None:
        """A piece of a block came. Called for every delta of a stream."""
        said = fields(delta)
        name = DELTAS.get(said["type"])
        if name is not None:
            self._pieces[index].append((name, said[name]))

    def add_completion(self, piece: str) -> None:
        """A piece of a legacy completion came."""
        if not self._open:
            self.start_block(0, {"type": "text"})
        self._pieces[0].append(("text", piece))

    # --- read by observers ----------------------------------------------------------------------

    def hold(self) -> None:
        """Stay as it is now, whatever the application does with its objects. Texts are shared."""
        self.request = copied(self.request)
        self._answer = [copied(fields(block)) for block in self._answer]

    @property
    def blocks(self) -> list[Mapping[str, Any]]:
        """The blocks of the answer as the API's JSON; of an interrupted stream, as far as they came.

        The `input` of a tool use whose JSON is not whole is the string that came.
        """
        if self._answer:
            return [fields(block) for block in self._answer]
        return [self._assemble(index) for index in sorted(self._open)]

    def _assemble(self, index: int) -> dict[str, Any]:
        block = dict(self._open[index])
        joined: dict[str, list[str]] = {}
        for name, piece in self._pieces[index]:
            if piece:
                joined.setdefault(name, []).append(piece)
        for name, pieces in joined.items():
            whole = "".join(pieces)
            if name == _INPUT:
                block["input"] = _parsed(whole)
            else:
                block[name] = (block.get(name) or "") + whole
        return block

    @property
    def answer_text(self) -> str:
        """What the model said, as plain text: its text blocks, one after the other."""
        found = (block.get("text") for block in self.blocks if block.get("type") == "text")
        return "".join(words for words in found if isinstance(words, str))

    @property
    def input_messages(self) -> list[Message]:
        """The messages of the request, the oldest first."""
        if (prompt := text(self.request.get("prompt"))) is not None:
            return [{"role": "user", "parts": [part_of(prompt)]}]
        return [message_of(message) for message in _list(self.request.get("messages"))]

    @property
    def output_message(self) -> Message | None:
        """The message that came back, None where nothing of it did."""
        parts = [part_of(block) for block in self.blocks]
        if not parts:
            return None
        message: Message = {"role": "assistant", "parts": parts}
        if self.finish_reason is not None:
            message["finish_reason"] = self.finish_reason
        return message

    @property
    def system_instructions(self) -> list[Part]:
        """The system prompt: a text part for each of its blocks."""
        system = self.request.get("system")
        blocks: Sequence[Any] = [system] if isinstance(system, str) else _list(system)
        return [part_of(block) for block in blocks]

    @property
    def tool_definitions(self) -> list[Part]:
        """The tools that the request offers."""
        return [definition_of(tool) for tool in _list(self.request.get("tools"))]


def copied(value: Any) -> Any:
    """A request's mappings and lists anew; what else is in them (files, streams) stays what it is."""
    if isinstance(value, Mapping):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list | tuple) else value


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _parsed(document: str) -> Any:
    try:
        return json.loads(document)
    except ValueError:
        return document
