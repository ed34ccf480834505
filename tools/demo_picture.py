"""Draws what `otel-claude demo` prints as docs/images/demo.svg, for the README."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "demo.svg"
COLUMNS = 96


def main() -> None:
    """Run the demo and save its tables; the span below them is left out for length."""
    command = [str(Path(sys.executable).with_name("otel-claude")), "demo"]
    wide = {**os.environ, "COLUMNS": str(COLUMNS), "FORCE_COLOR": "1"}
    run = subprocess.run(command, env=wide, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - our own command
    shown = run.stdout.partition("One span, with all its attributes")[0].rstrip()
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123 - for the length of the process
    console.print(Text.from_ansi(shown))
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    # Without the web fonts that the format asks a CDN for: any monospace font will do.
    plain = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    console.save_svg(str(PICTURE), title="otel-claude demo", code_format=plain)


if __name__ == "__main__":
    main()
