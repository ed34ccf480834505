"""The Python environments with other versions of the SDK, made by `.ci/sdks.sh`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def python_with(version: str) -> Path:
    """The interpreter that has that SDK; skips where it is not there, but never in CI."""
    if version == "installed":
        return Path(sys.executable)
    script = ROOT / ".ci" / "sdks.sh"
    found = subprocess.run(
        ["bash", str(script), "--where", version], capture_output=True, text=True, check=False
    )
    where = found.stdout.split()[-1] if found.stdout else "/nowhere"
    python = Path(where) / "bin" / "python"
    if not python.exists():
        reason = f"no environment with anthropic {version}: run .ci/sdks.sh"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return python
