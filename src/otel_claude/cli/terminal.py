"""What names and other texts of calls may do to a terminal: nothing."""

from __future__ import annotations

import re
from typing import Final

from rich.text import Text

_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(value: str) -> Text:
    """A text as it is: without markup, and with a sign in place of each control character."""
    return Text(_CONTROLS.sub("\N{REPLACEMENT CHARACTER}", value))
