"""`otel-claude alerts`: whether a rule file can be, and whether its messages arrive."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from otel_claude.cli.extras import LOCAL, need

if TYPE_CHECKING:
    from otel_claude.local.alerts.rules import RuleFile
    from otel_claude.local.backend import Backend

logger = logging.getLogger("otel_claude.alerts")

_NAME = "alerts.yaml"

alerts = typer.Typer(
    name="alerts",
    help="Alert rules of `up`: `check` reads a file, `test` sends a message to its channels.",
    no_args_is_help=True,
)


@dataclass(frozen=True)
class RulesAt:
    """A rule file, or why there is none."""

    path: Path | None
    file: RuleFile | None
    reason: str | None = None

    def watch(self, backend: Backend, url: str) -> None:
        """Have a backend look at the rules."""
        from otel_claude.local.alerts.alerter import Alerter

        if self.file is not None:
            backend.alerter = Alerter(backend.engine, self.file, str(self.path), url)
            backend.alerter.start()
        elif self.reason is not None:
            backend.no_alerts = self.reason


def rules_of(given: Path | None, database: str) -> RulesAt:
    """The rules that are asked for, else those that stand beside the default file of calls.

    What nobody asked for must not keep `up` or `run` from starting: what is wrong there is
    logged, and said where alerts are shown.

    Raises:
        typer.Exit: the file that is asked for cannot be used; told on standard error.
    """
    from otel_claude.local.alerts.source import RulesError, load
    from otel_claude.local.backend import default_path

    found = _default() if given is None and database == default_path() else given
    if found is None or (given is None and not found.exists()):
        return RulesAt(None, None)
    try:
        return RulesAt(found, load(found))
    except RulesError as error:
        if given is not None:
            _refuse(error)
        said = "; ".join(str(error).splitlines())
        logger.warning("otel-claude: alerts are off: %s", said)
        return RulesAt(found, None, f"alerts are off: {said}")


def _default() -> Path:
    from otel_claude.local.backend import default_path

    return Path(default_path()).with_name(_NAME)


def _refuse(error: Exception) -> NoReturn:
    for line in str(error).splitlines():
        typer.echo(f"otel-claude: {line}", err=True)
    raise typer.Exit(1)


def _loaded(file: Path | None) -> RuleFile:
    need("alerts", LOCAL)
    from otel_claude.local.alerts.source import RulesError, load

    try:
        return load(file or _default())
    except RulesError as error:
        _refuse(error)


@alerts.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(help="Rules. (default: alerts.yaml in the data directory)")
    ] = None,
) -> None:
    """Say what a rule file means; exit with 1 where something in it is wrong."""
    found = _loaded(file)
    from otel_claude.local.alerts.reading import duration, limit_text

    table = Table()
    for name in ("rule", "what", "limit", "window", "for", "calls", "severity", "told"):
        table.add_column(name, overflow="fold")
    for rule in found.rules:
        filters = [f"{name} {' or '.join(values)}" for name, values in rule.where.items()]
        cells = (
            rule.name,
            rule.type.replace("_", " "),
            limit_text(rule),
            duration(rule.window),
            duration(rule.hold) if rule.hold else "at once",
            "\n".join(filters) or "all",
            rule.severity,
            ", ".join(found.told_of(rule)),
        )
        table.add_row(*map(Text, cells))
    Console().print(table)


@alerts.command("test")
def send_test(
    file: Annotated[
        Path | None, typer.Argument(help="Rules. (default: alerts.yaml in the data directory)")
    ] = None,
    channel: Annotated[
        list[str] | None, typer.Option("--channel", "-c", help="Only this one; may be repeated.")
    ] = None,
) -> None:
    """Send one message to each channel of a rule file; exit with 1 where one does not arrive."""
    found = _loaded(file)
    from otel_claude.local.alerts.channels import ChannelError, send
    from otel_claude.local.alerts.message import Message

    unknown = [name for name in channel or () if name not in found.channels]
    if unknown:
        known = ", ".join(found.channels)
        raise typer.BadParameter(f"there is no {unknown[0]!r}; there are {known}")
    text = "This is a test: alerts of otel-claude arrive here."
    now = datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
    message = Message("test", "test", "test", "info", text, None, None, None, {}, now, None)
    failed = False
    for name, target in found.channels.items():
        if channel and name not in channel:
            continue
        try:
            send(target, message)
        except ChannelError as error:
            failed = True
            typer.echo(f"{name} ({target.type}): failed: {error}", err=True)
        else:
            typer.echo(f"{name} ({target.type}): sent", err=True)
    if failed:
        raise typer.Exit(1)
