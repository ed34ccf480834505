"""What `compare` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_claude import semconv
from otel_claude.cli.reports.section import NONE, Section, about, count, percent, seconds, usd

if TYPE_CHECKING:
    from otel_claude.cli.reports.answers import Answers

_FIGURES: Final = (
    ("cost per call", "cost_usd", usd),
    ("output tokens", "output_tokens", count),
    ("failed", "error_rate", percent),
    ("duration, p50", "duration_p50_s", seconds),
    ("duration, p95", "duration_p95_s", seconds),
    ("first token, p50", "first_token_p50_s", seconds),
    ("first token, p95", "first_token_p95_s", seconds),
    ("accepted", "acceptance", percent),
)


def comparison(found: Answers) -> list[Section]:
    """Values of a dimension side by side, one line for each figure of each."""
    compared = found["compare"]
    lines = (*about(found), *([compared["reason"]] if compared["reason"] else []))
    rows: list[tuple[str, ...]] = []
    for name, key, told in _FIGURES:
        rows += _figures(name, {group["key"]: group[key] for group in compared["groups"]}, told)
    names = dict.fromkeys(
        one["name"] for group in compared["groups"] for one in group["evaluations"]
    )
    for name in names:
        if name == semconv.FEEDBACK:
            continue  # is told of as accepted
        scores = {
            group["key"]: one
            for group in compared["groups"]
            for one in group["evaluations"]
            if one["name"] == name
        }
        rows += _figures(f"score: {name or NONE}", scores, "{:.3g}".format)
    columns = ("figure", compared["by"], "value", "95 % interval", "n") if rows else ()
    return [Section(f"By {compared['by']}", lines, columns, rows, (compared["by"],))]


def _figures(name: str, found: dict[str, Any], told: Any) -> list[tuple[str, ...]]:
    """The lines of one figure; those without a value are left out."""
    rows: list[tuple[str, ...]] = []
    for key, one in found.items():
        if one["value"] is not None:
            sure = one["interval"]
            between = f"{told(sure['low'])} to {told(sure['high'])}" if sure else NONE
            row = (key, told(one["value"]), between, count(one["count"]))
            rows.append(("" if rows else name, *row))
    return rows
