"""Where commands find calls: the options, and how commands end where nothing can be asked."""

from __future__ import annotations

from typing import Annotated

import typer

from otel_claude.local.engine import is_clickhouse

_HELP = (
    "File of the calls, or clickhouse://user:password@host:port/database (the password rather in "
    "CLICKHOUSE_PASSWORD). (default: in the data directory)"
)

Source = Annotated[str | None, typer.Option("--db", "--from", metavar="FILE|URL", help=_HELP)]
Place = Annotated[str | None, typer.Option("--db", metavar="FILE|URL", help=_HELP)]
"""The same where `--from` is a time."""
Start = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="TIME|URL",
        help="ISO 8601 (UTC where it says no zone), or seconds since 1970; or clickhouse://..., as "
        "for --db.",
    ),
]


def place_and_start(db: str | None, start: str | None) -> tuple[str | None, str | None]:
    """Where calls are, and from when on, of `--db` and of a `--from` that may be either."""
    return (start, None) if start is not None and is_clickhouse(start) else (db, start)


def exit_code(error: Exception) -> int:
    """Of a program that ends because of an error: 2 where ClickHouse could not be asked at all."""
    code: int = getattr(error, "exit_code", 1)
    return code
