"""The queries of docs/queries.md, by language."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def documented(language: str) -> list[str]:
    """Every block of that language."""
    text = (ROOT / "docs" / "queries.md").read_text(encoding="utf-8")
    return [query.strip() for found, query in _BLOCK.findall(text) if found == language]
