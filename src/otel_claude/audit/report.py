"""What a trail tells of a period: data, cost, access, geography, findings."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from otel_claude import semconv

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from otel_claude.audit.trail import Record

UNKNOWN: Final = "-"

SECTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "model": ("Cost by model", semconv.RESPONSE_MODEL),
    "team": ("Cost by team", semconv.TEAM),
    "tenant": ("Cost by tenant", semconv.TENANT),
    "feature": ("Cost by feature", semconv.FEATURE),
    "user": ("Access by user", semconv.USER_ID),
    "hour": ("Access by hour (UTC)", semconv.AUDIT_TIME),
    "outcome": ("Outcomes", semconv.OUTCOME),
    "classification": ("Data by classification", semconv.AUDIT_CLASSIFICATION),
    "retention": ("Data by retention", semconv.AUDIT_RETENTION),
    "region": ("Geography: processed in", semconv.USAGE_GEO),
    "caller_region": ("Geography: called from", semconv.AUDIT_REGION),
}
"""Key of a section -> its title, and the attribute that it groups by."""


@dataclass
class Line:
    """Sums of some records. Tokens are of prompts and of answers; money is in USD."""

    calls: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal = Decimal(0)
    unpriced: int = 0

    def add(self, record: Record) -> None:
        """Add one record."""
        self.calls += 1
        self.failed += record.get(semconv.OUTCOME) != "completed"
        self.input_tokens += record.get(semconv.USAGE_INPUT_TOKENS) or 0
        self.output_tokens += record.get(semconv.USAGE_OUTPUT_TOKENS) or 0
        cost = record.get(semconv.AUDIT_COST)
        if cost is None:
            self.unpriced += 1
        else:
            self.cost += Decimal(cost)


@dataclass
class Report:
    """A period. `sections` are by key of SECTIONS, then by value; `findings` by name and severity."""

    first: str | None = None
    last: str | None = None
    total: Line = field(default_factory=Line)
    sections: dict[str, dict[str, Line]] = field(
        default_factory=lambda: {key: defaultdict(Line) for key in SECTIONS}
    )
    findings: Counter[tuple[str, str]] = field(default_factory=Counter)


def report(
    records: Iterable[Record], *, since: datetime | None = None, until: datetime | None = None
) -> Report:
    """Sum records up. Copies of one, as retries of an exporter leave them, count once.

    Args:
        records: of a trail; the closing ones of its chains are no calls.
        since: the first moment of the period; None: of the trail.
        until: the first moment after it.
    """
    found = Report()
    seen = set()
    for record in records:
        place = (record.get(semconv.AUDIT_CHAIN), record.get(semconv.AUDIT_SEQUENCE))
        time = str(record.get(semconv.AUDIT_TIME) or "")
        if record.get(semconv.AUDIT_LAST) or place in seen:
            continue
        seen.add(place)
        if (since and time < _text(since)) or (until and time >= _text(until)):
            continue
        _add(found, record, time)
    return found


def _text(moment: datetime) -> str:
    """A moment as records write it, so that texts compare as times do."""
    return moment.isoformat(timespec="microseconds")


def _add(found: Report, record: Record, time: str) -> None:
    found.first = min(found.first or time, time)
    found.last = max(found.last or time, time)
    found.total.add(record)
    for key, (_, name) in SECTIONS.items():
        value = record.get(name)
        if key == "hour":
            value = f"{time[11:13]}:00" if len(time) > 13 else None
        found.sections[key][UNKNOWN if value is None else str(value)].add(record)
    for text in record.get(semconv.AUDIT_FINDINGS) or ():
        name, _, severity = str(text).partition(":")
        found.findings[name, severity] += 1


def rows(found: Report) -> Iterator[tuple[str, str, Line]]:
    """Section, value and sums; the largest cost first. Sections that say nothing are left out."""
    for key in SECTIONS:
        lines = found.sections[key]
        if set(lines) == {UNKNOWN}:
            continue
        by_cost = sorted(lines.items(), key=lambda item: (-item[1].cost, -item[1].calls, item[0]))
        for value, line in sorted(lines.items()) if key == "hour" else by_cost:
            yield key, value, line


def as_json(found: Report) -> str:
    """The report as JSON; money as texts, to the last digit."""
    sections: dict[str, dict[str, Any]] = {}
    for key, value, line in rows(found):
        sections.setdefault(key, {})[value] = _plain(line)
    document = {
        "from": found.first,
        "to": found.last,
        "total": _plain(found.total),
        **sections,
        "findings": [
            {"finding": name, "severity": severity, "calls": calls}
            for (name, severity), calls in found.findings.most_common()
        ],
    }
    return json.dumps(document, indent=2)


def _plain(line: Line) -> dict[str, Any]:
    return {**vars(line), "cost": format(line.cost, "f")}


def as_csv(found: Report) -> str:
    """The report as one table: section, value, and a column for each sum."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["section", "value", *vars(found.total)])
    for key, value, line in (("total", "", found.total), *rows(found)):
        table.writerow([key, _harmless(value), *_plain(line).values()])
    for (name, severity), calls in found.findings.most_common():
        table.writerow(["finding", f"{name} ({severity})", calls])
    return text.getvalue()


def _harmless(value: str) -> str:
    """A text that spreadsheets do not take for a formula: https://owasp.org/www-community/attacks/CSV_Injection."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t") and value != UNKNOWN else value


def as_markdown(found: Report) -> str:
    """The report to be read."""
    total = found.total
    text = [
        "# Audit report",
        "",
        f"{found.first or UNKNOWN} to {found.last or UNKNOWN}: {total.calls:,} calls, "
        f"{total.failed:,} not completed, {total.input_tokens:,} prompt tokens, "
        f"{total.output_tokens:,} output tokens, {total.cost:.6f} USD"
        + (f", {total.unpriced:,} calls without a cost." if total.unpriced else "."),
        "",
        "## Findings",
        "",
    ]
    if found.findings:
        text += ["| finding | severity | calls |", "|---|---|---:|"]
        text += [
            f"| {name} | {severity} | {calls:,} |"
            for (name, severity), calls in found.findings.most_common()
        ]
    else:
        text.append("None.")
    last = None
    for key, value, line in rows(found):
        if key != last:
            text += ["", f"## {SECTIONS[key][0]}", ""]
            text += ["| | calls | not completed | prompt tokens | output tokens | USD |"]
            text += ["|---|---:|---:|---:|---:|---:|"]
            last = key
        cell = value.replace("|", "\\|").replace("\n", " ")
        text.append(
            f"| {cell} | {line.calls:,} | {line.failed:,} | {line.input_tokens:,} "
            f"| {line.output_tokens:,} | {line.cost:.6f} |"
        )
    return "\n".join([*text, ""])
