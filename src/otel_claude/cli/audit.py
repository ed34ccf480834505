"""`otel-claude audit`: is the trail whole, and what does it tell?"""

from __future__ import annotations

from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from otel_claude.audit import chain, report as reports
from otel_claude.audit.trail import TrailError, read
from otel_claude.settings import BadSettingError, read_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

audit = typer.Typer(help="Check an audit trail, and report on it.", no_args_is_help=True)

_Files = Annotated[
    list[Path],
    typer.Argument(help="OTLP in JSON, as the collector's file exporter writes it, in order."),
]
_SHOWN: Final = 50


class Format(str, Enum):
    """How a report is written."""

    markdown = "markdown"
    json = "json"
    csv = "csv"


@audit.command()
def verify(
    files: _Files,
    *,
    key: Annotated[
        str | None,
        typer.Option(
            envvar="OTEL_CLAUDE_HASH_KEY", help="The setting hash_key of the application."
        ),
    ] = None,
    closed: Annotated[
        bool, typer.Option("--closed", help="Chains that do not say that they ended are wrong.")
    ] = False,
) -> None:
    """Tell whether records were removed, changed, inserted or moved. Exit code 1 where so.

    Of a chain that does not say that it ended (its process runs, or was killed), records after the
    last cannot be missed.
    """
    try:
        secret = None if key is None else read_key(key)
        verdict = chain.verify(read(files), secret)
    except (TrailError, BadSettingError) as problem:
        raise typer.BadParameter(str(problem)) from None
    for flaw in verdict.flaws[:_SHOWN]:
        typer.echo(f"chain {flaw.chain}, record {flaw.sequence}: {flaw.says}")
    if len(verdict.flaws) > _SHOWN:
        typer.echo(f"... and {len(verdict.flaws) - _SHOWN} more")
    open_ends = verdict.chains - verdict.closed
    typer.echo(
        f"records: {verdict.records}, chains: {verdict.chains} ({open_ends} without an end),"
        f" flaws: {len(verdict.flaws)}"
    )
    if verdict.unkeyed:
        typer.echo(
            f"sealed without a key: {verdict.unkeyed}; whoever could change records could seal them"
            " anew. Set hash_key."
        )
    if verdict.flaws or (closed and open_ends):
        raise typer.Exit(1)


@audit.command()
def report(
    files: _Files,
    *,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--from", help="First moment, UTC.", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            "--to", help="First moment after, UTC.", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
        ),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How it is written.")] = Format.markdown,
) -> None:
    """Report on a period: data usage, cost, access, geography, findings."""
    try:
        found = reports.report(read(files), since=_utc(since), until=_utc(until))
    except TrailError as problem:
        raise typer.BadParameter(str(problem)) from None
    typer.echo(_WRITE[form](found).rstrip("\n"))


def _utc(moment: datetime | None) -> datetime | None:
    return moment and moment.replace(tzinfo=timezone.utc)


_WRITE: Final[Mapping[Format, Callable[[reports.Report], str]]] = {
    Format.markdown: reports.as_markdown,
    Format.json: reports.as_json,
    Format.csv: reports.as_csv,
}
