"""Half characters: Python and JSON can hold them, and UTF-8, which everything is sent in, cannot."""

from __future__ import annotations


def plain(value: object) -> str:
    """A value as a text that can be sent; of a string with a class of its own, what it holds.

    Such strings (members of `class Feature(str, Enum)`) may call themselves something else.
    """
    return sendable(str.__str__(value) if isinstance(value, str) else str(value))


def sendable(text: str) -> str:
    """A text that can be sent: with a question mark for each half character (lone surrogate)."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
