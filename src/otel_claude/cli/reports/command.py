"""The commands `report` and `compare`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from otel_claude.cli.extras import LOCAL, need
from otel_claude.cli.up import Db  # noqa: TC001 - typer reads the annotations

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_claude.cli.reports.section import Section
    from otel_claude.local.engine import Engine
    from otel_claude.local.queries.filters import Filters
    from otel_claude.local.queries.period import Period

    Made = Callable[[Engine, Period, Filters], list[Section]]

_PIPED = 120  # columns, where nobody looks

Days = Annotated[float, typer.Option("--days", help="How far back.")]
Format = Annotated[
    Literal["text", "markdown", "html"], typer.Option("--format", help="How it is printed.")
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only", metavar="NAME=VALUE", help="Calls with this model, feature, tag.<key>, ..."
    ),
]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="A file, for standard output.")]


def report(
    *,
    days: Days = 7.0,
    only: Only = None,
    format: Format = "text",  # noqa: A002 - the option's name
    output: Output = None,
    db: Db = None,
) -> None:
    """Forecast, anomalies, the week, savings, cache misses, sessions, reliability."""
    need("report", LOCAL)
    from otel_claude.cli.reports.sections import report as made

    _print("Claude calls", made, days, only, format, output, db)


def compare(
    *,
    by: Annotated[str, typer.Option(help="model, feature, prompt, ..., or tag.<key>.")] = "model",
    days: Days = 7.0,
    only: Only = None,
    format: Format = "text",  # noqa: A002 - the option's name
    output: Output = None,
    db: Db = None,
) -> None:
    """Cost, times, errors and evaluations side by side, with intervals and sample sizes."""
    need("compare", LOCAL)
    from otel_claude.cli.reports.sections import comparison

    def made(engine: Engine, period: Period, filters: Filters) -> list[Section]:
        return comparison(engine, period, filters, by)

    _print("Claude calls compared", made, days, only, format, output, db)


def _print(
    title: str,
    made: Made,
    days: float,
    only: list[str] | None,
    format: str,  # noqa: A002 - the option's name
    output: Path | None,
    db: str | None,
) -> None:
    from otel_claude.cli.reports import render
    from otel_claude.local.address import engine_of
    from otel_claude.local.backend import default_path
    from otel_claude.local.engine import QueryError
    from otel_claude.local.queries import Period
    from otel_claude.local.store import StoreError

    try:
        period = Period.last(hours=days * 24, now=time.time_ns())
        filters = _filters(only or [])
        with engine_of(db or default_path()) as engine:
            sections = made(engine, period, filters)
    except (QueryError, StoreError, ValueError) as error:
        _end(str(error))
    if format == "markdown":
        told = render.markdown(title, sections)
    elif format == "html":
        told = render.html(title, sections)
    else:
        seen = output is None and sys.stdout.isatty()
        told = render.text(title, sections, width=None if seen else _PIPED, color=seen)
    try:
        _write(told, output)
    except OSError as error:
        _end(f"{output} cannot be written: {error}")


def _write(told: str, output: Path | None) -> None:
    if output is not None:
        output.write_text(told, encoding="utf-8")
    else:
        sys.stdout.buffer.write(told.encode())
        sys.stdout.flush()


def _filters(only: list[str]) -> Filters:
    from otel_claude.local.queries import Filters

    equal: dict[str, tuple[str, ...]] = {}
    for said in only:
        name, equals, value = said.partition("=")
        if not equals:
            raise ValueError(f"--only takes NAME=VALUE, not {said!r}")
        equal[name] = (*equal.get(name, ()), value)
    return Filters(equal)


def _end(message: str) -> NoReturn:
    typer.echo(f"otel-claude: {message}", err=True)
    raise typer.Exit(1)
