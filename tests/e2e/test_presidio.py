"""Presidio's pattern recognisers as a detector: the real package, with no network to reach."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_PROGRAM = """
import json, socket

def refuse(*_):
    raise OSError("a connection was tried")

socket.socket.connect = refuse
socket.getaddrinfo = refuse
from otel_claude.privacy.redaction import Redactor

texts = [
    "My social security number is 457-55-5462.",
    "Send it to 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
    "Mail bob@example.com",
    "The quick brown fox jumps over the lazy dog.",
]
print(json.dumps(Redactor(("default", "presidio")).redact(texts)))
"""


@pytest.fixture(scope="module")
def python() -> Path:
    script = ROOT / ".ci" / "presidio.sh"
    found = subprocess.run(
        ["bash", str(script), "--where"], capture_output=True, text=True, check=True
    )
    path = Path(found.stdout.strip())
    if not (path / ".complete").exists():
        reason = "no environment with Presidio: run .ci/presidio.sh"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path / "bin" / "python"


def test_pattern_recognisers_find_more_and_download_nothing(python: Path) -> None:
    run = subprocess.run(
        [python, "-c", _PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert json.loads(run.stdout.splitlines()[-1]) == [
        "My social security number is <US_SSN>.",
        "Send it to <CRYPTO>",
        "Mail <EMAIL>",
        "The quick brown fox jumps over the lazy dog.",
    ]
