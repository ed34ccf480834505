"""`otel-claude budgets`: how each budget stands, and whether a policy file can be."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from otel_claude.budgets.budgets import MEMORY, Budgets
from otel_claude.budgets.ledger import Standing, Unreachable
from otel_claude.budgets.load import load
from otel_claude.budgets.policy import BudgetError
from otel_claude.settings import PREFIX

if TYPE_CHECKING:
    from otel_claude.budgets.ledger import Store
    from otel_claude.budgets.policy import Budget

_VARIABLE = f"{PREFIX}BUDGETS"

budgets = typer.Typer(
    name="budgets",
    help="How each budget stands; `check` reads a policy file and says what is wrong.",
    invoke_without_command=True,
)


@budgets.callback()
def show(
    context: typer.Context,
    *,
    file: Annotated[
        str | None, typer.Option("--file", "-f", help=f"Policies; ${_VARIABLE} by default.")
    ] = None,
    top: Annotated[int, typer.Option(help="Keys shown of each budget, the fullest first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show how each budget stands in Redis now."""
    if context.invoked_subcommand is not None:
        return
    found = _load(file or os.environ.get(_VARIABLE))
    if found.store.startswith(MEMORY):
        typer.echo(
            "These budgets are kept in the memory of each process: nobody else can see them.\n"
            "Their gauges claude.budget.* show them, or give them a store in Redis.",
            err=True,
        )
        raise typer.Exit(1)
    try:
        store = found.open()
        rows = [row for budget in found.budgets for row in _rows(budget, store, top)]
    except (BudgetError, Unreachable) as problem:
        typer.echo(f"otel-claude budgets: {problem}", err=True)
        raise typer.Exit(1) from problem
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    else:
        _print(rows)


@budgets.command()
def check(
    file: Annotated[str, typer.Argument(help="Policies, in YAML or JSON.")],
) -> None:
    """Say what a policy file means, and what is wrong with it; exit with 1 where anything is."""
    found, problems = load(file)
    for problem in problems:
        typer.echo(f"wrong: {problem}", err=True)
    if found is not None:
        table = _table("budget", "scope", "window", "limit", "action", "warns at", "store away")
        for budget in found.budgets:
            table.add_row(
                budget.name,
                budget.scope,
                budget.span.name,
                _limits(budget),
                budget.action if isinstance(budget.action, str) else "function",
                ", ".join(f"{float(share):.0%}" for share in budget.shares),
                budget.unreachable,
            )
        Console().print(table)
    if problems:
        raise typer.Exit(1)


def _load(file: str | None) -> Budgets:
    if not file:
        raise typer.BadParameter(f"give policies by --file or {_VARIABLE}", param_hint="--file")
    found, problems = load(file)
    for problem in problems:
        typer.echo(f"wrong, and left out: {problem}", err=True)
    if found is None:
        raise typer.Exit(1)
    return found


def _rows(budget: Budget, store: Store, top: int) -> list[dict[str, Any]]:
    """One row for each key that has spent or holds anything in the window."""
    mark, until = budget.span.at(time.time())
    start = f"{budget.account}:{mark}:"
    found = store.accounts(start, budget.span.part)
    if budget.scope == "everything":
        found = {start: found.get(start, Standing(0, 0))}
    fullest = sorted(found.items(), key=lambda item: item[1].spent + item[1].reserved, reverse=True)
    ends = None if budget.span.part else datetime.fromtimestamp(until, timezone.utc).isoformat()
    return [
        {
            "budget": budget.name,
            "scope": budget.scope,
            "key": account[len(start) :] or None,
            "window": budget.span.name,
            "unit": budget.unit,
            "limit": None if budget.units is None else str(budget.amount(budget.units)),
            "spent": str(budget.amount(standing.spent)),
            "reserved": str(budget.amount(standing.reserved)),
            "share": (standing.spent + standing.reserved) / budget.units if budget.units else None,
            "resets_at": ends,
        }
        for account, standing in fullest[:top]
    ]


def _print(rows: list[dict[str, Any]]) -> None:
    table = _table("budget", "of", "window", "limit", "spent", "reserved", "taken", "resets (UTC)")
    for row in rows:
        share = "" if row["share"] is None else f"{row['share']:.0%}"
        table.add_row(
            row["budget"],
            row["scope"] if row["key"] is None else f"{row['scope']} {row['key']}",
            row["window"],
            f"{row['limit'] or 'by class'} {row['unit']}",
            row["spent"],
            row["reserved"],
            share,
            (row["resets_at"] or "rolling").removesuffix("+00:00"),
        )
    Console().print(table)


def _limits(budget: Budget) -> str:
    said = [] if budget.limit is None else [f"{budget.limit} {budget.unit}"]
    said += [
        f"{name}: {limit if limit is not None else 'none'}" for name, limit in budget.limits.items()
    ]
    said += [] if budget.call_limit is None else [f"a call: {budget.call_limit} {budget.unit}"]
    return "\n".join(said)


def _table(*columns: str) -> Table:
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
