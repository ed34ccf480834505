"""Compares what was recorded with Anthropic's own figures: coverage apart from rates.

`recorded.read` takes exported calls, `bill.read` the pages of Anthropic's usage and cost reports,
and `reconcile` compares the two. All of that is pure; only `fetch` talks to the API, through a
client that it is given.

Words: a *side* is what was recorded, or the *bill*; a *cell* is what a side has for one day, model
and dimension; a *finding* is a difference beyond the tolerance; *outside* is what cannot be compared.
"""

from __future__ import annotations

from otel_claude.reconcile.compare import Finding
from otel_claude.reconcile.facts import Bill, CannotCompareError, Key, RecordedCall, Recording
from otel_claude.reconcile.outside import Outside
from otel_claude.reconcile.report import TOLERANCE, Coverage, Report, Row, reconcile

__all__ = [
    "TOLERANCE",
    "Bill",
    "CannotCompareError",
    "Coverage",
    "Finding",
    "Key",
    "Outside",
    "RecordedCall",
    "Recording",
    "Report",
    "Row",
    "reconcile",
]
