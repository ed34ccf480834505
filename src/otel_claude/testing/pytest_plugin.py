"""Opt-in pytest plugin: `pytest_plugins = ["otel_claude.testing.pytest_plugin"]`.

It gives the fixture `claude_api`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_claude.testing.server import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def claude_api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """A fresh emulator, at which SDK clients made during the test point by themselves.

    `ANTHROPIC_BASE_URL` and `ANTHROPIC_API_KEY` are set for the length of the test.
    """
    with Emulator() as api:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", api.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-emulator")
        monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
        yield api
