"""`otel-claude reconcile`: what was recorded against what Anthropic bills."""

from __future__ import annotations

import json
import os
import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from otel_claude.cli.stored import is_store, lines_of
from otel_claude.reconcile import CannotCompareError, Report, reconcile as compare
from otel_claude.reconcile.bill import Amount, read as read_bill
from otel_claude.reconcile.document import as_document
from otel_claude.reconcile.facts import DIMENSIONS
from otel_claude.reconcile.recorded import read as read_calls

if TYPE_CHECKING:
    from otel_claude.reconcile import Coverage, Key, Recording

_FILTERS = "Which part of the bill"
_WORDS = {"only_on_bill": "only on the bill", "only_recorded": "only recorded"}


def reconcile(  # noqa: PLR0913 - these are the command's options
    calls: Annotated[
        list[str],
        typer.Argument(
            help="Calls: JSON lines of log_calls or of OTLP, a file of `otel-claude up`, or "
            "clickhouse://user:password@host:port/database."
        ),
    ],
    *,
    bill: Annotated[
        Path | None, typer.Option(help="Saved pages of the reports, instead of asking for them.")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="First day, UTC. (default: see --days)")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="Last day, included. (default: today)")
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="How many days, up to --to.")] = 7,
    by: Annotated[str, typer.Option(help="Keep apart in the rows: workspace,tier,speed,geo.")] = "",
    tolerance: Annotated[
        float, typer.Option(min=0, help="Percent of difference that counts as none.")
    ] = 0.1,
    discounted: Annotated[
        bool, typer.Option("--discounted", help="Compare with what is paid, not with list prices.")
    ] = False,
    workspace_id: Annotated[list[str] | None, typer.Option(rich_help_panel=_FILTERS)] = None,
    api_key_id: Annotated[list[str] | None, typer.Option(rich_help_panel=_FILTERS)] = None,
    product: Annotated[list[str] | None, typer.Option(rich_help_panel=_FILTERS)] = None,
    save: Annotated[
        Path | None, typer.Option(help="Keep what the API answered in a file, for --bill.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare recorded calls with Anthropic's own figures (admin key in ANTHROPIC_ADMIN_KEY).

    Exit code 0: they agree; 1: they differ; 2: they cannot be compared.
    """
    keep = tuple(name.strip() for name in by.split(",") if name.strip())
    if wrong := [name for name in keep if name not in DIMENSIONS]:
        raise typer.BadParameter(
            f"{wrong[0]!r} is none of {', '.join(DIMENSIONS)}", param_hint="--by"
        )
    span = _span(first, last, days)
    given = {"workspace_ids": workspace_id, "api_key_ids": api_key_id, "products": product}
    filters = {name: values for name, values in given.items() if values}
    try:
        whole = bill is not None and not (first or last)
        recording = _calls(calls, None if whole else span)
        document = _document(bill) if bill else _fetched(span, filters)
        if save and not bill:
            save.write_text(json.dumps(document), encoding="utf-8")
        asked = None if whole else (span[0].isoformat(), span[1].isoformat())
        report = compare(
            recording,
            read_bill(document, amount=_amount(recording, discounted=discounted)),
            days=asked,
            by=keep,
            tolerance=Decimal(str(tolerance)) / 100,
        )
    except CannotCompareError as error:
        _cannot(str(error), as_json=as_json)
    if as_json:
        typer.echo(json.dumps(as_document(report), indent=2))
    else:
        _print(report, keep)
    raise typer.Exit(1 if report.findings else 0)


def _span(first: str | None, last: str | None, days: int) -> tuple[date, date]:
    today = datetime.now(timezone.utc).date()
    end = today if last is None else _day(last, "--to")
    start = end - timedelta(days=days - 1) if first is None else _day(first, "--from")
    if start > end:
        raise typer.BadParameter("the first day is after the last", param_hint="--from")
    return start, end


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter("give a day as 2026-11-21", param_hint=option) from error


def _calls(sources: list[str], days: tuple[date, date] | None) -> Recording:
    def lines() -> Any:
        for source in sources:
            if is_store(source):
                yield from lines_of(source, days)
                continue
            with Path(source).open(encoding="utf-8", errors="replace") as file:
                yield from file

    try:
        return read_calls(lines())
    except OSError as error:
        raise CannotCompareError(f"the recorded calls cannot be read: {error}") from error


def _document(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise CannotCompareError(f"the bill cannot be read: {error}") from error
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise CannotCompareError(f"the bill is not JSON: {error}") from error


def _fetched(span: tuple[date, date], filters: dict[str, list[str]]) -> Any:
    key = os.environ.get("ANTHROPIC_ADMIN_KEY")
    if not key:
        raise CannotCompareError(
            "Anthropic's figures need an admin key in ANTHROPIC_ADMIN_KEY (or a saved bill: --bill)"
        )
    try:
        import anthropic
    except ImportError as error:
        raise CannotCompareError("the anthropic package is not installed") from error
    from otel_claude.reconcile.fetch import fetch

    try:
        with anthropic.Anthropic(api_key=key) as client:
            return fetch(client, *span, filters)
    except anthropic.APIConnectionError as error:
        raise CannotCompareError(f"Anthropic's API cannot be reached: {error}") from error
    except anthropic.AnthropicError as error:
        raise CannotCompareError(f"Anthropic's figures were refused: {error}") from error


def _amount(recording: Recording, *, discounted: bool) -> Amount:
    """Own prices stand for what is paid; the list stands for the list."""
    own = any(call.basis == "override" and not call.elsewhere for call in recording.calls)
    return "amount" if discounted or own else "list_amount"


def _cannot(message: str, *, as_json: bool) -> NoReturn:
    if as_json:
        typer.echo(json.dumps({"verdict": "cannot compare", "reason": message}, indent=2))
    else:
        typer.echo(f"Cannot compare: {message.rstrip('.')}.", err=True)
    raise typer.Exit(2)


def _print(report: Report, by: tuple[str, ...]) -> None:
    # A pipe has no width: do not fold its lines.
    console = Console() if sys.stdout.isatty() else Console(width=180)
    told = ", ".join(("day", "model", *report.dimensions))
    console.print(f"[bold]{report.days[0]} to {report.days[1]}[/], compared by {told}")
    table = Table(title="Coverage and cost (USD)")
    for name in ("day", "model", *by):
        table.add_column(name, no_wrap=True)
    for name in ("requests", "bill only", "rec. only", "tokens", "bill only", "rec. only",
                 "recorded", "billed", "by coverage", "by rate", "in doubt"):  # fmt: skip
        table.add_column(name, justify="right")
    for row in (*report.rows, report.total):
        if row is report.total:
            table.add_section()
        table.add_row(
            row.key.day,
            row.key.model,
            *(getattr(row.key, name) or "" for name in by),
            *_counts(row.requests),
            *_counts(row.tokens),
            *(f"{usd:,.6f}" for usd in (row.recorded_usd, row.billed_usd)),
            *(
                f"{usd:+,.6f}" if usd else ""
                for usd in (row.by_coverage, row.by_rate, row.by_doubt)
            ),
        )
    console.print(table)
    _print_findings(report, console)
    if report.outside:
        table = Table(title="Outside this comparison")
        for name in ("what", "calls", "tokens", "USD", "why"):
            table.add_column(
                name, justify="right" if name in ("calls", "tokens", "USD") else "left"
            )
        for item in report.outside:
            amount = "" if item.usd is None else f"{item.usd:,.6f}"
            table.add_row(item.name, _some(item.calls), _some(item.tokens), amount, item.note)
        console.print(table)
    for note in report.notes:
        console.print(note)
    console.print(verdict_of(report), style="bold")


def _counts(seen: Coverage) -> tuple[str, ...]:
    return tuple(map(_some, seen))


def _some(number: int) -> str:
    return f"{number:,}" if number else ""


def _where(key: Key) -> str:
    return " ".join(v for v in key if v is not None and v not in ("standard", "not_available"))


def _print_findings(report: Report, console: Console) -> None:
    coverage = [finding for finding in report.findings if finding.kind != "rate"]
    rates = [finding for finding in report.findings if finding.kind == "rate"]
    if coverage:
        table = Table("where", "what", "counts", "USD", title="Coverage: seen by one side only")
        for found in coverage:
            counts = ", ".join(f"{name} {number:+,}" for name, number in found.counts.items())
            table.add_row(_where(found.key), _WORDS[found.kind], counts, f"{found.usd:+,.6f}")
        console.print(table)
    if rates:
        columns = ("where", "component", "tokens", "recorded", "billed", "USD", "")
        table = Table(*columns, title="Rates: the same tokens, other money (USD per MTok)")
        for found in rates:
            table.add_row(
                _where(found.key),
                found.component,
                _some(next(iter(found.counts.values()))),
                f"{found.recorded_rate:,.6g}",
                f"{found.billed_rate:,.6g}",
                f"{found.usd:+,.6f}",
                "" if found.certain else "average: the sides have different calls",
            )
        console.print(table)


def verdict_of(report: Report) -> str:
    """One sentence."""
    percent = f"{(report.tolerance * 100).normalize():f}%"
    if not report.findings:
        return f"Agrees within {percent}: {report.total.billed_usd:f} USD on the bill."
    rates = sum(finding.kind == "rate" for finding in report.findings)
    return (
        f"Differs by more than {percent}: {len(report.findings) - rates} differences in coverage, "
        f"{rates} in rates; the bill is {report.total.billed_usd - report.total.recorded_usd:+f} USD "
        "against what was recorded."
    )
