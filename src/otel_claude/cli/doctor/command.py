"""The command `otel-claude doctor`."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from otel_claude.cli.doctor import configuration, export, packages, rehearsal

if TYPE_CHECKING:
    from otel_claude.cli.doctor.configuration import Setting
    from otel_claude.cli.doctor.findings import Finding

_LOOKS: Final = {
    "ok": ("green", "ok"),
    "note": ("cyan", "note"),
    "warning": ("yellow", "warning"),
    "problem": ("bold red", "PROBLEM"),
}


def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Why is there no data? Checks what an application started here, like this, would record.

    Run it with the Python and the environment of the application. It sends one test span.
    Exit code 1 where data is missing because of something that it found.
    """
    settings, about_settings = configuration.in_effect(os.environ)
    findings = [
        *packages.check(os.environ),
        *about_settings,
        *export.check(os.environ),
        rehearsal.check(os.environ),
    ]
    if as_json:
        answer = {
            "findings": [asdict(finding) for finding in findings],
            "settings": [asdict(setting) for setting in settings],
        }
        typer.echo(json.dumps(answer, indent=2))
    else:
        _show(findings, settings)
    if any(finding.level == "problem" for finding in findings):
        raise typer.Exit(1)


def _show(findings: list[Finding], settings: list[Setting]) -> None:
    console = Console()
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        style, word = _LOOKS[finding.level]
        table.add_row(f"[{style}]{word}[/]", finding.subject, _plain(finding.says))
        if finding.do:
            table.add_row("", "", f"[{style}]->[/] {_plain(finding.do)}")
    console.print(table)
    console.print()
    known = Table(box=None, pad_edge=False, title="Settings in effect", title_justify="left")
    for heading in ("setting", "value", "from"):
        known.add_column(heading, overflow="fold")
    for setting in settings:
        known.add_row(setting.name, _plain(setting.value), setting.source)
    console.print(known)


def _plain(text: str) -> str:
    """Text as it is: brackets in it are no markup."""
    return text.replace("[", r"\[")
