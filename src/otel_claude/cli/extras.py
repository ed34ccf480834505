"""What a command needs to be installed."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

LOCAL = ("duckdb", "fastapi", "uvicorn", "pyarrow", "platformdirs", "opentelemetry.proto", "yaml")


def installed(name: str) -> bool:
    """Whether a module can be imported, without importing it."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # a package above it is missing
        return False


def need(command: str, names: Sequence[str], extra: str = "local") -> None:
    """End the command with 2 and a word where something is missing."""
    for name in names:
        if not installed(name):
            typer.echo(
                f'otel-claude {command}: {name} is missing; pip install "otel-claude[{extra}]"',
                err=True,
            )
            raise typer.Exit(2)
