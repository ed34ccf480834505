"""The table that `otel-claude run` ends with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from otel_claude.local.engine import QueryError
from otel_claude.local.queries import Filters, Period
from otel_claude.local.queries.summary import summary

if TYPE_CHECKING:
    from otel_claude.local.engine import Engine

_SLACK = 60 * 1_000_000_000  # nanoseconds, for clocks


def show(engine: Engine, run_id: str, began: int, *, dashboard: str | None) -> None:
    """Print what a run used and cost, on standard error: standard output is the program's.

    Args:
        engine: where to ask.
        run_id: of the run.
        began: when, nanoseconds since the epoch.
        dashboard: address of the page; None without one.
    """
    console = Console(stderr=True, highlight=False)
    period = Period.given(start=str((began - _SLACK) / 1e9))
    try:
        found = summary(engine, period, Filters({"run": (run_id,)}))
    except QueryError as error:
        console.print(Text(f"otel-claude: what it cost cannot be told: {error}"))
        return
    if not found["totals"]["calls"]:
        console.print(Text("otel-claude: no Claude calls were recorded."))
    else:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style="bold", no_wrap=True)
        table.add_column()
        for name, text in _rows(found):
            table.add_row(name, Text(text))
        console.print(table)
    if dashboard:
        console.print(Text.assemble(("Dashboard    ", "bold"), dashboard))


def _rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    totals = found["totals"]
    first, errors = totals["first_token"], totals["errors"]
    cost = f"${totals['cost_usd']:,.6f}"
    if totals["unpriced"]:
        cost += f", and {totals['unpriced']:,} calls without a known price"
    if totals["incomplete"]:
        cost += f"; incomplete for {totals['incomplete']:,} calls"
    rows = [
        ("Calls", f"{totals['calls']:,}" + (f", {errors:,} failed" if errors else "")),
        (
            "Tokens",
            f"{totals['input_tokens']:,} in ({totals['cache_read_tokens']:,} cached), "
            f"{totals['output_tokens']:,} out",
        ),
        ("Cost", cost),
    ]
    if first["p50"] is not None:
        rows.append(("First token", f"{first['p50']:.2f} s median, {first['p95']:.2f} s p95"))
    for name, key in (("Slowest", "slowest"), ("Dearest", "most_expensive")):
        if (call := found[key]) is not None:
            rows.append((name, _one(call)))
    return rows


def _one(call: dict[str, Any]) -> str:
    parts = [str(call["model"])]
    if call["duration_s"] is not None:
        parts.append(f"{call['duration_s']:.2f} s")
    if call["cost_usd"] is not None:
        parts.append(f"${call['cost_usd']:,.6f}")
    if call["feature"]:
        parts.append(call["feature"])
    return f"{', '.join(parts)} (span {call['id']})"
