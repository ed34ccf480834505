"""Makes JSON of content that stays within a number of bytes: whole parts first, the newest kept.

What is left out is marked: by a part of type `generic` (`generic_type: omitted`) where there are
parts, by `CUT` at the end of a text. Everything passes through redaction on its way; a text is cut
only after that, and with so wide a margin that no half of a secret is left at the end.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otel_claude._characters import sendable
from otel_claude.privacy.redaction import MARGIN

if TYPE_CHECKING:
    from otel_claude.call.parts import Message, Part

CUT: Final = " [cut by otel-claude]"
OMITTED: Final = "omitted"

# Stands at the end of a text that will be cut, while it is redacted: a private character.
_TO_CUT: Final = "\U000ffffd"
_FOR_MARKS: Final = 160  # bytes kept free for them
_LEAST_TEXT: Final = 32


class Fitted(NamedTuple):
    """JSON of some content, and whether something of it was left out."""

    json: str
    cut: bool


def _named(value: object) -> str:
    return f"<{type(value).__name__}>"


# Made once: `json.dumps` would make one for every part.
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_named).encode
_quote: Final = json.encoder.encode_basestring
_TEXT_KEYS: Final = {"type", "content"}


def dump(value: Any) -> str:
    """Compact JSON. What JSON has no type for stands there as the name of its class."""
    if type(value) is dict and value.keys() == _TEXT_KEYS:
        content = value["content"]
        if type(content) is str:  # nearly every part: as fast as it can be
            return f'{{"type":{_quote(value["type"])},"content":{_quote(content)}}}'
    return _encode(value)


def size(text: str) -> int:
    """Bytes in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


class Fitter:
    """Redacts content and makes JSON of it.

    Args:
        redact: what every JSON value passes through; raises where it fails.
        redact_split: the same for texts that follow each other.
        limit: bytes that the JSON may take.
        media: whether the bytes of images and documents stay.
    """

    def __init__(
        self,
        redact: Callable[[Any], Any],
        redact_split: Callable[[Sequence[str]], list[str]],
        limit: int,
        *,
        media: bool,
    ) -> None:
        self._redact = redact
        self._redact_split = redact_split
        self._limit = limit
        self._media = media

    def messages(self, newest_first: Iterable[Message], count: int) -> Fitted:
        """Messages as a list, the oldest first.

        Args:
            newest_first: the messages; only as many are asked for as there is room.
            count: how many there are.
        """
        room = self._limit - _FOR_MARKS
        kept: list[tuple[str, list[str]]] = []
        cut = False
        end = "]}"
        for message in newest_first:
            around = f'{{"role":{_quote(message["role"])},"parts":['
            if (reason := message.get("finish_reason")) is not None:  # of an answer: one message
                end = f'],"finish_reason":{_quote(reason)}}}'
            room -= size(around) + len(end) + 1
            parts, room, cut = self._newest(message["parts"], room, cut_first=not kept)
            left_out = len(message["parts"]) - len(parts)
            if parts or not left_out:
                kept.append((around, parts))
            if cut:
                mark: Part = {"type": "generic", "generic_type": OMITTED, "parts": left_out}
                if older := count - len(kept):
                    mark["messages"] = older
                if kept and (left_out or older):
                    kept[-1][1].insert(0, dump(mark))
                break
        rows = (f"{around}{','.join(parts)}{end}" for around, parts in reversed(kept))
        return Fitted(f"[{','.join(rows)}]", cut)

    def _newest(
        self, parts: list[Part], room: int, *, cut_first: bool
    ) -> tuple[list[str], int, bool]:
        """The newest parts that there is room for, as JSON, the oldest first.

        Returns:
            The parts, the room that is left, and whether something was left out.
        """
        found: list[str] = []
        for part in reversed(self._healed(parts)):
            text = self._whole(part, room)
            if text is None:
                if cut_first and not found:
                    found.append(self._shortened(part, room))
                return found, 0, True
            found.insert(0, text)
            room -= size(text) + 1
        return found, room, False

    def listed(self, parts: Sequence[Part], mark: Callable[[int], Part]) -> Fitted:
        """Parts as a list, the first of them kept; `mark` makes the part that stands for n others."""
        room = self._limit - _FOR_MARKS
        found: list[str] = []
        cut = False
        for part in self._healed(parts):
            text = self._whole(part, room)
            if text is None:
                cut = True
                if not found:
                    found.append(self._shortened(part, room))
                break
            found.append(text)
            room -= size(text) + 1
        if left_out := len(parts) - len(found):
            found.append(dump(mark(left_out)))
        return Fitted(f"[{','.join(found)}]", cut)

    def value(self, value: Mapping[str, Any]) -> Fitted:
        """A JSON object."""
        whole = self._whole(value, self._limit)
        if whole is None:
            return Fitted(self._shortened(value, self._limit), cut=True)
        return Fitted(whole, cut=False)

    def text(self, text: str) -> str:
        """A text that is an attribute by itself."""
        if len(text) <= self._limit:
            redacted: str = self._redact(text)
            if size(redacted) <= self._limit:
                return sendable(redacted)
        return sendable(json.loads(self._shortened({"text": text}, self._limit))["text"])

    def _whole(self, part: Mapping[str, Any], room: int) -> str | None:
        """A part as JSON, None where it takes more than `room`."""
        if part.keys() == _TEXT_KEYS and len(part["content"]) <= room:
            # Nearly every part: its `type` needs no look.
            text = dump({"type": part["type"], "content": self._redact(part["content"])})
            return text if size(text) <= room else None
        small = part if self._media else _without_media(part)
        if _least(small) > room:
            return None
        text = dump(self._redact(small))
        return text if size(text) <= room else None

    def _shortened(self, part: Mapping[str, Any], room: int) -> str:
        """A part with its texts cut until it fits; what stands for it where nothing helps."""
        small = _without_media(part)
        marked: list[str] = []
        redacted = self._redact(_marked(small, max(room, 0), marked))
        if marked:
            redacted = _ended(redacted, marked)
        longest = room
        while longest >= _LEAST_TEXT and not marked:
            text = dump(_with_texts(redacted, longest))
            if size(text) <= room:
                return text
            longest //= 2
        kind = {"type": "generic", "generic_type": OMITTED} if "type" in part else {"text": CUT}
        return dump(kind)

    def _healed(self, parts: Sequence[Part]) -> list[Part]:
        """The same parts without secrets that begin in one text and end in the next."""
        if len(parts) < 2:
            return list(parts)
        found = list(parts)
        start = 0
        while start < len(found):
            end = start
            while end < len(found) and found[end]["type"] == "text":
                end += 1
            if end - start > 1:
                texts = self._redact_split([part["content"] for part in found[start:end]])
                found[start:end] = [
                    {**part, "content": text}
                    for part, text in zip(found[start:end], texts, strict=True)
                ]
            start = end + 1
        return found


def _without_media(part: Any) -> Any:
    """The same with size and hash in place of bytes, wherever a blob stands in it."""
    if isinstance(part, Mapping):
        if part.get("type") == "blob" and isinstance(part.get("content"), str):
            return {**part, "content": "", **_measured(part["content"])}
        if any(isinstance(value, Mapping | list) for value in part.values()):
            return {name: _without_media(value) for name, value in part.items()}
    elif isinstance(part, list):
        return [_without_media(item) for item in part]
    return part


def _measured(content: str) -> dict[str, Any]:
    """Size in bytes and SHA-256 of what a base64 text stands for."""
    try:
        data = base64.b64decode(content)
    except ValueError:
        data = content.encode("utf-8", "replace")
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _least(value: Any) -> int:
    """Bytes that the JSON of a value takes at least: one per character of its texts."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(map(_least, value.values()))
    return sum(map(_least, value)) if isinstance(value, list | tuple) else 0


def _marked(value: Any, room: int, marked: list[str]) -> Any:
    """The same with its long texts shortened as far as redaction need not see them."""
    if isinstance(value, str) and len(value) > room + MARGIN:
        marked.append(value)
        return value[: room + MARGIN] + _TO_CUT
    if isinstance(value, Mapping):
        return {name: _marked(item, room, marked) for name, item in value.items()}
    return (
        [_marked(item, room, marked) for item in value]
        if isinstance(value, list | tuple)
        else value
    )


def _ended(value: Any, marked: list[str]) -> Any:
    """The same with the marked texts cut: at their ends there may be half a secret.

    Takes what it finds from `marked`; what stays there was lost, and the value is not to be used.
    """
    if isinstance(value, str) and value.endswith(_TO_CUT) and marked:
        marked.pop()
        return value[: -MARGIN - 1] + CUT
    if isinstance(value, Mapping):
        return {name: _ended(item, marked) for name, item in value.items()}
    return [_ended(item, marked) for item in value] if isinstance(value, list | tuple) else value


def _with_texts(value: Any, longest: int) -> Any:
    """The same with no text longer than `longest` characters, mark included."""
    if isinstance(value, str):
        return (
            value if len(value) <= longest else value[: longest - len(CUT)].removesuffix(CUT) + CUT
        )
    if isinstance(value, Mapping):
        return {name: _with_texts(item, longest) for name, item in value.items()}
    return (
        [_with_texts(item, longest) for item in value] if isinstance(value, list | tuple) else value
    )
