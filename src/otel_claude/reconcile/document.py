"""The report as plain data for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otel_claude.reconcile import Finding, Key, Report, Row


def as_document(report: Report) -> dict[str, Any]:
    """The report as JSON: amounts are strings in USD, exact."""
    return {
        "verdict": report.verdict,
        "from": report.days[0],
        "to": report.days[1],
        "tolerance": f"{report.tolerance:f}",
        "compared_by": ["day", "model", *report.dimensions],
        "total": _row(report.total),
        "rows": [{**_key(row.key), **_row(row)} for row in report.rows],
        "findings": [_finding(finding) for finding in report.findings],
        "outside": [
            {**item._asdict(), "usd": None if item.usd is None else f"{item.usd:f}"}
            for item in report.outside
        ],
        "notes": report.notes,
    }


def _key(key: Key) -> dict[str, str]:
    return {name: value for name, value in key._asdict().items() if value is not None}


def _row(row: Row) -> dict[str, Any]:
    amounts = ("recorded_usd", "billed_usd", "by_coverage", "by_rate", "by_doubt")
    return {
        "requests": row.requests._asdict(),
        "tokens": row.tokens._asdict(),
        **{name: f"{getattr(row, name):f}" for name in amounts},
    }


def _finding(finding: Finding) -> dict[str, Any]:
    found = {
        "kind": finding.kind,
        **_key(finding.key),
        "counts": dict(finding.counts),
        "usd": f"{finding.usd:f}",
    }
    if finding.kind != "rate":
        return found
    return {
        **found,
        "component": finding.component,
        "recorded_rate": f"{finding.recorded_rate:f}",
        "billed_rate": f"{finding.billed_rate:f}",
        "certain": finding.certain,
    }
