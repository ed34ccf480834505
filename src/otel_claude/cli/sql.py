"""`otel-claude sql`: questions of one's own about the stored calls."""

from __future__ import annotations

import csv
import json
import sys
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from otel_claude.cli.extras import LOCAL, need
from otel_claude.cli.source import Source, exit_code
from otel_claude.cli.terminal import plain


def sql(
    query: Annotated[
        str, typer.Argument(help="One SELECT, in DuckDB's SQL; - reads it from standard input.")
    ],
    *,
    db: Source = None,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["table", "csv", "json"], typer.Option(help="How the answer is printed.")
    ] = "table",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Rows at most.")] = 1_000,
) -> None:
    """Ask the stored calls anything; read only. Tables and columns: docs/local.md."""
    need("sql", LOCAL)
    from otel_claude.local.address import engine_of
    from otel_claude.local.backend import default_path
    from otel_claude.local.engine import QueryError
    from otel_claude.local.store import StoreError

    text = sys.stdin.read() if query == "-" else query
    try:
        with engine_of(db or default_path()) as engine:
            answer = engine.query(text, limit=limit)
    except (QueryError, StoreError) as error:
        typer.echo(f"otel-claude: {error}", err=True)
        raise typer.Exit(exit_code(error)) from error
    _PRINT[format](answer["columns"], answer["rows"])
    if answer["truncated"]:
        typer.echo(f"otel-claude: only the first {limit} rows; see --limit", err=True)


def _table(columns: list[str], rows: list[list[Any]]) -> None:
    table = Table()
    for number, name in enumerate(columns):
        counts = rows and all(isinstance(row[number], int | float) for row in rows)
        table.add_column(plain(name), justify="right" if counts else "left", overflow="fold")
    for row in rows:
        table.add_row(*(plain("" if value is None else str(value)) for value in row))
    Console().print(table)


def _csv(columns: list[str], rows: list[list[Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def _json(columns: list[str], rows: list[list[Any]]) -> None:
    found = [dict(zip(columns, row, strict=True)) for row in rows]
    sys.stdout.write(json.dumps(found, indent=2, default=str) + "\n")


_PRINT = {"table": _table, "csv": _csv, "json": _json}
