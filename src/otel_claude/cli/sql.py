"""`otel-claude sql`: questions of one's own about the stored calls."""

from __future__ import annotations

import csv
import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from otel_claude.cli.extras import LOCAL, need
from otel_claude.cli.terminal import plain
from otel_claude.cli.up import Db  # noqa: TC001 - typer reads the annotations

if TYPE_CHECKING:
    from otel_claude.local.store import Store


def sql(
    query: Annotated[
        str, typer.Argument(help="One SELECT, in DuckDB's SQL; - reads it from standard input.")
    ],
    *,
    db: Db = None,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["table", "csv", "json"], typer.Option(help="How the answer is printed.")
    ] = "table",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Rows at most.")] = 1_000,
) -> None:
    """Ask the stored calls anything; read only. Tables and columns: docs/local.md."""
    need("sql", LOCAL)
    from otel_claude.local.backend import default_path
    from otel_claude.local.engine import QueryError
    from otel_claude.local.store import StoreError

    text = sys.stdin.read() if query == "-" else query
    try:
        answer = _asked(db or default_path(), text, limit)
    except (QueryError, StoreError) as error:
        typer.echo(f"otel-claude: {error}", err=True)
        raise typer.Exit(1) from error
    _PRINT[format](answer["columns"], answer["rows"])
    if answer["truncated"]:
        typer.echo(f"otel-claude: only the first {limit} rows; see --limit", err=True)


def _asked(path: str, text: str, limit: int) -> Any:
    from otel_claude.local.address import Remote, engine_of
    from otel_claude.local.sql import query as ask

    with engine_of(path) as engine:
        if isinstance(engine, Remote):
            return engine.query(text, limit=limit)
        store: Store = engine  # type: ignore[assignment] # the only other one of a file
        return ask(store, text, limit=limit)


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
