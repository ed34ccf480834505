"""Writes the generated files of `deploy/`, or checks them."""

from __future__ import annotations

import argparse
import sys

from tools.operations.files import ROOT, made
from tools.operations.thresholds import load


def main() -> None:
    """Write the files; with --check say which differ and exit 1."""
    said = argparse.ArgumentParser(prog="python -m tools.operations", description=__doc__)
    said.add_argument("--check", action="store_true", help="write nothing, exit 1 at a difference")
    check = said.parse_args().check
    stale = []
    for name, text in made(load()).items():
        path = ROOT / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for name in stale:
        sys.stdout.write(f"{'differs' if check else 'wrote'}: {name}\n")
    raise SystemExit(int(check and bool(stale)))


if __name__ == "__main__":
    main()
