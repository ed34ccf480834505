"""Half characters: Python and JSON can hold them, and UTF-8, which everything is sent in, cannot."""

from __future__ import annotations


def sendable(text: str) -> str:
    """A text that can be sent: with a question mark for each half character (lone surrogate)."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
