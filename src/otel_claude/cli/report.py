"""The demo's report on the terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from otel_claude import semconv
from otel_claude.cli.aggregate import CALLS_A_DAY, DAYS, Group, Report, percentile

if TYPE_CHECKING:
    from rich.console import Console

    from otel_claude.cli.received import Span

_ROOMY = 96  # columns from which on the tables get air

_DECLARED = semconv.registry("both")


def show(report: Report, console: Console, *, took: float) -> None:
    """Print tables, totals and one span.

    Args:
        report: what the telemetry says.
        console: where to.
        took: seconds that the calls took together.
    """
    console.print(
        f"Received by OTLP in {took:.1f} s: {report.spans:,} spans, {report.points:,} metric "
        f"points, {report.records:,} log records. All that follows is made from them.",
        highlight=False,
    )
    for title, groups in (("model", report.by_model), ("feature", report.by_feature)):
        console.print()
        console.print(_table(title, groups, report.total, roomy=console.width >= _ROOMY))
    console.print()
    _show_total(report, console)
    if report.span is not None:
        _show_span(report.span, console)


def _table(title: str, groups: dict[str, Group], total: Group, *, roomy: bool) -> Table:
    table = Table(
        title=f"Claude calls by {title}",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1 if roomy else 0),
        show_footer=len(groups) > 1,
    )
    for number, (header, footer) in enumerate(
        zip(_headers(title), _row("total", total), strict=True)
    ):
        table.add_column(
            header,
            footer,
            justify="right" if number else "left",
            no_wrap=True,
            footer_style="bold",
        )
    for name, group in groups.items():
        table.add_row(*_row(name, group))
    return table


def _headers(title: str) -> tuple[str, ...]:
    return (
        f"\n{title}",
        "\ncalls",
        "\nerr.",
        "tokens\nin",
        "tokens\nout",
        "of in,\ncached",
        "cost\nUSD",
        "1st token\np50/p95 s",
        "duration\np50/p95 s",
    )


def _row(name: str, group: Group) -> tuple[str, ...]:
    return (
        name,
        f"{group.calls:,}",
        f"{group.errors:,}",
        f"{group.input:,}",
        f"{group.output:,}",
        f"{group.cache_read:,}",
        f"{group.cost:,.4f}",
        _pair(group.first),
        _pair(group.duration),
    )


def _pair(values: list[float]) -> str:
    middle, high = percentile(values, 0.5), percentile(values, 0.95)
    return "-" if middle is None or high is None else f"{middle:.2f}/{high:.2f}"


def _show_total(report: Report, console: Console) -> None:
    total, counted = report.total, report.counted
    rows = [
        ("Total", f"{total.calls:,} calls, ${total.cost:,.6f}"),
        (
            "A month",
            f"${report.projected:,.2f} at {CALLS_A_DAY:,} calls a day for {DAYS} days, "
            "priced as these on average",
        ),
        (
            "Caching",
            f"saved ${counted.savings:,.6f}: without it these calls cost ${counted.uncached:,.6f}",
        ),
    ]
    if total.retries:
        rows.append(("Retries", f"{total.retries:,} failed attempts that the SDK repeated"))
    if total.incomplete:
        rows.append(
            (
                "Interrupted",
                f"{total.incomplete:,} streams broke off: their prompt is counted, their output "
                "nobody knows",
            )
        )
    if total.unpriced:
        rows.append(("No price", f"{total.unpriced:,} calls, not in the cost"))
    rows += _quality(report.verdicts)
    wrong = report.disagreements()
    rows.append(("Metrics", "; ".join(wrong) if wrong else "say the same as the spans"))
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, text in rows:
        table.add_row(name, text)
    console.print(table, highlight=False)


def _quality(verdicts: dict[str, dict[str, int]]) -> list[tuple[str, str]]:
    """What checks and users say of the answers."""
    rows = []
    checks = {name: by for name, by in verdicts.items() if name != semconv.FEEDBACK}
    if checks:
        made = sum(sum(by.values()) for by in checks.values())
        failed = {name: by["fail"] for name, by in checks.items() if "fail" in by}
        told = ", ".join(f"{count:,} x {name}" for name, count in failed.items())
        number = sum(failed.values())
        rows.append(("Checks", f"{made:,} made, {number:,} failed{f' ({told})' if told else ''}"))
    if voices := verdicts.get(semconv.FEEDBACK):
        told = ", ".join(f"{count:,} {kind}" for kind, count in voices.items())
        rows.append(("Feedback", f"{sum(voices.values()):,} answers: {told}"))
    return rows


def _show_span(span: Span, console: Console) -> None:
    console.print()
    console.print(Text("One span, with all its attributes", style="bold"))
    head = (
        f"{span.name}  {span.kind}, status {span.status}, {span.seconds:.3f} s, scope {span.scope}"
    )
    console.print(head, highlight=False, markup=False)
    ids = f"trace {span.trace_id}  span {span.span_id}"
    if span.parent_id:
        ids += f"  parent {span.parent_id}"
    console.print(ids, highlight=False, style="dim")
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name in sorted(span.attributes, key=_family):
        table.add_row(Text(name), Text(_plain(span.attributes[name]), style="cyan"))
    console.print(Padding(table, (0, 0, 0, 2)))


def _family(name: str) -> tuple[bool, str]:
    """The conventions' names first, ours and the SDK's after."""
    return name not in _DECLARED, name


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
