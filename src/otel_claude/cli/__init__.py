"""The command line, `otel-claude`."""

from __future__ import annotations

import importlib.util
import sys

_NEEDED = ("typer", "rich")


def main() -> None:
    """Run the command line; where its extra is not installed, say so and exit with 2."""
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        sys.stderr.write('otel-claude: the command line needs pip install "otel-claude[cli]"\n')
        raise SystemExit(2)
    from otel_claude.cli.app import app

    app()
