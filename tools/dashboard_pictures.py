"""Puts the pictures that the browser tests took into docs/images/dashboard, made smaller.

    python -m pytest tests/e2e/browser/test_looks.py
    python tools/dashboard_pictures.py

Needs the dependency group `browser`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
TAKEN = ROOT / "build" / "pictures"
KEPT = ROOT / "docs" / "images" / "dashboard"
PAGES = (ROOT / "README.md", ROOT / "docs" / "dashboard.md")


def main() -> None:
    """Keep the pictures that the documents name."""
    KEPT.mkdir(parents=True, exist_ok=True)
    named = {
        name
        for page in PAGES
        for name in re.findall(r"images/dashboard/([\w-]+\.png)", page.read_text("utf-8"))
    }
    for name in sorted(named):
        if not (TAKEN / name).exists():
            sys.exit(f"{TAKEN / name} is missing: run the browser tests first")
        with Image.open(TAKEN / name) as picture:
            # The default method merges colours of few pixels: two models would look like one.
            few = Image.Quantize.MAXCOVERAGE
            small = picture.convert("RGB").quantize(method=few, dither=Image.Dither.NONE)
            small.save(KEPT / name, optimize=True)
    for old in KEPT.glob("*.png"):
        if old.name not in named:
            old.unlink()


if __name__ == "__main__":
    main()
