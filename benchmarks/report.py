"""Turns results into tables: for the terminal, for docs/performance.md, and into JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any, Final

from benchmarks.floor import TITLES
from benchmarks.measure import python_line
from benchmarks.subjects import DEFAULT, PLAIN, SUBJECTS
from benchmarks.workloads import WORKLOADS

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.measure import Results
    from benchmarks.spread import Cost, Spread

BEGIN: Final = "<!-- benchmarks: begin, written by `python -m benchmarks` -->"
END: Final = "<!-- benchmarks: end -->"

Row = tuple[str, ...]
Table = tuple[str, Row, list[Row]]
"""Title, head, rows."""

_TITLES: Final = {subject.name: subject.title for subject in SUBJECTS}


def tables(results: Results) -> list[Table]:
    """Everything that was measured."""
    found = [_costs(results, events=False), _costs(results, events=True)]
    if results.recorded:
        found.append(_recorded(results))
    if results.startup:
        found.append(_startup(results))
    if results.floor:
        found.append(_floor(results))
    if results.labels:
        found.append(_labels(results))
    if results.concurrency:
        found.append(_concurrency(results))
    if results.memory:
        found.append(_memory(results))
    if results.unavailable:
        rows: list[Row] = [(_TITLES[name], reason) for name, reason in results.unavailable.items()]
        found.append(("Not measured", ("subject", "why"), rows))
    return [table for table in found if table[2]]


def _costs(results: Results, *, events: bool) -> Table:
    shown = [w for w in WORKLOADS if bool(w.events) is events and w.name in results.costs]
    unit = "event" if events else "call"
    title = f"CPU time per {unit}: microseconds added [middle half of the rounds], and the ratio"
    head = ("subject", *(workload.title for workload in shown))
    rows: list[Row] = []
    for subject in SUBJECTS:
        if not shown or subject.name not in results.costs[shown[0].name]:
            continue
        costs = [results.costs[workload.name][subject.name] for workload in shown]
        cells = [
            _total(c, events=events) if subject is PLAIN else _added(c, events=events)
            for c in costs
        ]
        rows.append((subject.title, *cells))
    return title, head, rows


def _total(cost: Cost, *, events: bool) -> str:
    return f"{cost.total.median:.{2 if events else 0}f} in all"


def _added(cost: Cost, *, events: bool) -> str:
    a, digits = cost.added, 2 if events else 0
    return (
        f"{a.median:+.{digits}f} [{a.low:.{digits}f} to {a.high:.{digits}f}], "
        f"{cost.ratio.median:.{3 if events else 2}f}x"
    )


def _recorded(results: Results) -> Table:
    rows: list[Row] = []
    for name, said in results.recorded.items():
        versions = results.versions.get(name, {})
        subject = next(s for s in SUBJECTS if s.name == name)
        own = subject.distribution or ("otel-claude" if subject.claude else "anthropic")
        rows.append(
            (
                subject.title,
                f"{own} {versions.get(own, '?')}",
                str(said["attributes"]),
                str(len(said["metrics"])),
            )
        )
    return (
        "What was recorded for these costs",
        ("subject", "version", "attributes of the span of a call", "metrics of calls"),
        rows,
    )


def _startup(results: Results) -> Table:
    said = results.startup
    rows: list[Row] = [
        (_TITLES[name], _spread(spread, 1), _spread(said["base_ms"][name], 0))
        for name, spread in said["added_ms"].items()
    ]
    extras = ", ".join(said["extras"]) or "none"
    return (
        "Import and enable, in fresh processes. Modules of extras that otel-claude imported: "
        + extras,
        (
            "subject",
            "ms of CPU added",
            "to ms for anthropic, BaseInstrumentor, the OpenTelemetry API and wrapt",
        ),
        rows,
    )


def _floor(results: Results) -> Table:
    rows: list[Row] = [(TITLES[name], _spread(spread, 1)) for name, spread in results.floor.items()]
    record, cost = results.floor["histogram"].median, results.floor["cost"].median
    rows.append(("cost, as a ratio to one histogram.record", f"{cost / record:.2f}"))
    return "The floor, in the same run: primitives in a hot loop", ("what", "us"), rows


def _labels(results: Results) -> Table:
    rows: list[Row] = [
        (f"{sets:,}", _spread(said["added_us"], 0), _spread(said["collection_ms"], 1))
        for sets, said in results.labels.items()
    ]
    return (
        "Label sets (values of `feature`): cost of a call and of an export of spans and metrics",
        ("label sets", "us added per call", "ms per export of 200 calls"),
        rows,
    )


def _concurrency(results: Results) -> Table:
    rows: list[Row] = []
    for events, subjects in results.concurrency.items():
        for name, said in subjects.items():
            cells = (
                f"{_spread(said[key], 0)}, {said[f'{key} ratio'].median:.2f}x"
                for key in ("p50", "p99")
            )
            rows.append((f"{events:,}", _TITLES[name], *cells))
    return (
        "500 streams at once on one event loop: how late an event reaches the application, in us",
        ("events of a stream", "subject", "median", "99th percentile"),
        rows,
    )


def _memory(results: Results) -> Table:
    rows: list[Row] = []
    for name, said in results.memory.items():
        rows.append(
            (
                _TITLES[name],
                f"{said['resident'] / 2**20:.1f}",
                f"{said['resident_growth'] / said['calls']:.0f}",
                f"{said['traced_growth'] / said['traced_calls']:.1f}",
                f"{said['traced_peak'] / 2**20:.2f}",
            )
        )
    calls = next(iter(results.memory.values()))["calls"]
    return (
        f"Memory: after 1,000 calls, and what {calls:,} more leave behind once exported",
        (
            "subject",
            "resident, MiB",
            "resident growth, bytes per call",
            "traced growth, bytes per call",
            "traced peak before export, MiB",
        ),
        rows,
    )


def _spread(spread: Spread, digits: int) -> str:
    return f"{spread.median:.{digits}f} [{spread.low:.{digits}f} to {spread.high:.{digits}f}]"


# --- ways out ----------------------------------------------------------------------------------


def as_text(results: Results) -> str:
    """Plain tables for the terminal."""
    lines = [python_line(results), f"{results.rounds} rounds in shuffled order", ""]
    for title, head, rows in tables(results):
        widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
        lines.append(title)
        lines += [
            "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
            for row in (head, tuple("-" * width for width in widths), *rows)
        ]
        lines.append("")
    return "\n".join(lines)


def as_markdown(results: Results) -> str:
    """The part of docs/performance.md that is written by machine."""
    lines = [
        BEGIN,
        "",
        f"Measured {python_line(results)}; medians of {results.rounds} rounds in shuffled order.",
    ]
    for title, head, rows in tables(results):
        lines += ["", f"### {title}", "", _row(head), _row(("---",) * len(head))]
        lines += [_row(_bold(row) if row[0] == _TITLES[DEFAULT.name] else row) for row in rows]
    return "\n".join([*lines, "", END])


def _row(cells: Row) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _bold(row: Row) -> Row:
    return tuple(f"**{cell}**" for cell in row)


def write_markdown(results: Results, path: Path) -> None:
    """Replace the part between the markers, or add it at the end."""
    part = as_markdown(results)
    text = path.read_text(encoding="utf-8") if path.exists() else "# Performance\n"
    if BEGIN in text and END in text:
        head, _, rest = text.partition(BEGIN)
        tail = rest.partition(END)[2]
        text = head + part + tail
    else:
        text = f"{text.rstrip()}\n\n{part}\n"
    path.write_text(text, encoding="utf-8")


def as_json(results: Results) -> str:
    """Everything, for machines."""
    return json.dumps(asdict(results), indent=1, default=_plain)


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(type(value).__name__)
