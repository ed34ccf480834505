"""The commands `report` and `compare`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from otel_claude.cli.extras import LOCAL, need
from otel_claude.cli.source import Place, Start, exit_code, place_and_start

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_claude.cli.reports.answers import Answers
    from otel_claude.cli.reports.section import Section
    from otel_claude.local.engine import Engine
    from otel_claude.local.queries.filters import Filters
    from otel_claude.local.queries.period import Period

_DAYS = 7.0  # where no time is said
_PIPED = 120  # columns, where nobody looks

Hours = Annotated[float | None, typer.Option("--hours", help="The last hours.")]
Days = Annotated[float | None, typer.Option("--days", help=f"The last days. (default: {_DAYS:g})")]
To = Annotated[str | None, typer.Option("--to", help="Likewise. (default: now)")]
Models = Annotated[
    list[str] | None, typer.Option("--model", help="Calls of this model; again for more.")
]
Features = Annotated[
    list[str] | None, typer.Option("--feature", help="Calls of this feature; again for more.")
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="NAME=VALUE",
        help="Calls with this team, user, service, ..., tag.<key>; - for those without one.",
    ),
]
Format = Annotated[
    Literal["text", "markdown", "html", "json"],
    typer.Option("--format", help="How it is written; json: as REST answers."),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="A file, instead of standard output.")
]


def report(  # noqa: PLR0913 - the options of a command
    *,
    week: Annotated[
        bool, typer.Option("--week", help="The last seven whole days against the seven before.")
    ] = False,
    hours: Hours = None,
    days: Days = None,
    start: Start = None,
    end: To = None,
    model: Models = None,
    feature: Features = None,
    only: Only = None,
    format: Format = "text",  # noqa: A002 - the option's name
    output: Output = None,
    db: Place = None,
) -> None:
    """What calls cost and will cost, what was unusual, and what could be saved."""
    need("report", LOCAL)
    from otel_claude.cli.reports import answers, sections

    db, start = place_and_start(db, start)
    if week and _said(hours, days, start):
        _end("--week is seven days: give --to to end it earlier, and no other time")
    period, filters = _asked(hours, days, start, end, model, feature, only)
    if week:
        found = _answer(db, lambda engine: answers.weekly(engine, period.end, filters))
        _write("The week of Claude calls", found, sections.weekly, format, output)
    else:
        found = _answer(db, lambda engine: answers.report(engine, period, filters))
        _write("Claude calls", found, sections.report, format, output)


def compare(  # noqa: PLR0913 - the options of a command
    *,
    by: Annotated[
        str, typer.Option(help="model, feature, prompt, prompt_version, ..., or tag.<key>.")
    ] = "model",
    hours: Hours = None,
    days: Days = None,
    start: Start = None,
    end: To = None,
    model: Models = None,
    feature: Features = None,
    only: Only = None,
    format: Format = "text",  # noqa: A002 - the option's name
    output: Output = None,
    db: Place = None,
) -> None:
    """Cost, times, errors, feedback and evaluations, with intervals and numbers of calls."""
    need("compare", LOCAL)
    from otel_claude.cli.reports import answers
    from otel_claude.cli.reports.compared import comparison

    db, start = place_and_start(db, start)
    period, filters = _asked(hours, days, start, end, model, feature, only)
    found = _answer(db, lambda engine: answers.comparison(engine, period, filters, by))
    _write("Claude calls compared", found, comparison, format, output)


def _asked(
    hours: float | None,
    days: float | None,
    start: str | None,
    end: str | None,
    model: list[str] | None,
    feature: list[str] | None,
    only: list[str] | None,
) -> tuple[Period, Filters]:
    """Which time and which calls; ends the program where there are none such."""
    from otel_claude.local.queries import FilterError, Filters, Period, PeriodError

    equal: dict[str, tuple[str, ...]] = {}
    named = [f"model={name}" for name in model or ()] + [
        f"feature={name}" for name in feature or ()
    ]
    for said in (*named, *(only or ())):
        name, equals, value = said.partition("=")
        if not equals:
            _end(f"--only takes NAME=VALUE, not {said!r}")
        equal[name] = (*equal.get(name, ()), value)
    if not _said(hours, days, start):
        days = _DAYS
    try:
        period = Period.given(hours=hours, days=days, start=start, end=end, now=time.time_ns())
        return period, Filters(equal)
    except (PeriodError, FilterError) as error:
        _end(str(error))


def _said(*options: object) -> bool:
    return any(option is not None for option in options)


def _answer(db: str | None, ask: Callable[[Engine], Answers]) -> Answers:
    from otel_claude.local.address import engine_of
    from otel_claude.local.backend import default_path
    from otel_claude.local.engine import QueryError
    from otel_claude.local.queries import FilterError
    from otel_claude.local.store import StoreError

    try:
        with engine_of(db or default_path()) as engine:
            return ask(engine)
    except (QueryError, StoreError, FilterError) as error:
        _end(str(error), exit_code(error))


def _write(
    title: str,
    found: Answers,
    made: Callable[[Answers], list[Section]],
    format: str,  # noqa: A002 - the option's name
    output: Path | None,
) -> None:
    from otel_claude.cli.reports import render

    if format == "json":
        told = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    elif format == "markdown":
        told = render.markdown(title, made(found))
    elif format == "html":
        told = render.html(title, made(found))
    else:
        seen = output is None and sys.stdout.isatty()
        told = render.text(title, made(found), width=None if seen else _PIPED, color=seen)
    try:
        if output is not None:
            output.write_text(told, encoding="utf-8")
            return
        sys.stdout.buffer.write(told.encode())
        sys.stdout.flush()
    except BrokenPipeError:
        raise  # whoever reads has seen enough: typer ends the program
    except OSError as error:
        _end(f"{output or 'the report'} cannot be written: {error}")


def _end(message: str, code: int = 1) -> NoReturn:
    typer.echo(f"otel-claude: {message}", err=True)
    raise typer.Exit(code)
