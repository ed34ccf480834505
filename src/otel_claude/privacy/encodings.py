"""What texts say behind the way they are written: JSON, its escapes, those of URLs, typography."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable

# Halves of a character stay as they are: alone they are none.
_NUMBERED: Final = re.compile(r"\\u(?![dD][89a-fA-F])([0-9a-fA-F]{4})")
_NAMED: Final = {'"': '"', "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def json_in(text: str) -> Any:
    """The JSON object or list that a string holds, None where it holds none.

    None, too, where an object has a key twice: only one of its values would be seen.
    """
    if not text.startswith(("{", "[")):
        return None
    try:
        return json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _unescaped(text: str) -> str:
    """The text with JSON's escapes undone, wherever it has any."""
    if "\\" not in text:
        return text
    # Plain replacing is many times faster than a call for each escape. What is between two pairs
    # of backslashes has none.
    pieces = text.split("\\\\")
    for n, piece in enumerate(pieces):
        if "\\" in piece:
            pieces[n] = _without_escapes(piece)
    return "\\".join(pieces)


def _without_escapes(piece: str) -> str:
    for name, character in _NAMED.items():
        piece = piece.replace("\\" + name, character)
    if "\\u" in piece:
        piece = _NUMBERED.sub(lambda escape: chr(int(escape[1], 16)), piece)
    return piece


def _unescaped_twice(text: str) -> str:
    return _unescaped(_unescaped(text))


DECODERS: Final[tuple[Callable[[str], str], ...]] = (unquote, _unescaped, _unescaped_twice)
"""What undoes an encoding. A text that has nothing to undo stays the same."""


def decoded(text: str) -> set[str]:
    """What the text says by each of `DECODERS`, as far as that differs from it."""
    if "%" not in text and "\\" not in text:
        return set()
    once = _unescaped(text)
    return {unquote(text), once, _unescaped(once)} - {text}


_LEVELLED: Final = {"\u00a0": " ", "\u202f": " ", "\u2010": "-", "\u2011": "-"}


def levelled(text: str) -> str:
    """The text with the spaces and hyphens at which no line breaks as the usual ones.

    One character for one: what is found in it stands at the same place in the text.
    """
    for special, usual in _LEVELLED.items():
        text = text.replace(special, usual)
    return text
