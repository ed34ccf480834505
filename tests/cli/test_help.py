"""What `--help` says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from otel_claude.cli.app import app


def commands(command: Any, *names: str) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield " ".join(names), command
        return
    for name, sub in command.commands.items():
        yield from commands(sub, *names, name)


ALL = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_taken_for_markup(name):
    """What stands in brackets would not be shown."""
    texts = [ALL[name].help or ""]
    texts += [getattr(parameter, "help", None) or "" for parameter in ALL[name].params]
    assert not [text for text in texts if "[" in text]
