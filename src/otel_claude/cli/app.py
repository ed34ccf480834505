"""The typer application: which commands there are."""

from __future__ import annotations

from typing import Annotated

import typer

from otel_claude import __version__
from otel_claude.cli.alerts import alerts
from otel_claude.cli.audit import audit
from otel_claude.cli.budgets import budgets
from otel_claude.cli.decrypt import decrypt
from otel_claude.cli.demo import demo
from otel_claude.cli.doctor import doctor
from otel_claude.cli.price import price
from otel_claude.cli.reconcile import reconcile
from otel_claude.cli.reports.command import compare, report
from otel_claude.cli.run import run
from otel_claude.cli.sql import sql
from otel_claude.cli.up import down, up

app = typer.Typer(
    name="otel-claude",
    help="OpenTelemetry for Claude in Python: a span, metrics and the exact cost of every call.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"otel-claude {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """OpenTelemetry for Claude in Python: a span, metrics and the exact cost of every call."""


app.add_typer(budgets)
app.add_typer(alerts)
app.command()(demo)
app.command()(doctor)
app.command()(up)
app.command()(down)
# What follows the program is its own.
app.command(context_settings={"allow_interspersed_args": False})(run)
app.command()(sql)
app.command()(report)
app.command()(compare)
app.command()(price)
app.command()(reconcile)
app.command()(decrypt)
app.add_typer(audit, name="audit")
