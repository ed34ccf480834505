"""The picture of docs/performance.md: what each package adds to a call and to a stream event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib import pyplot as plt

from benchmarks.measure import python_line
from benchmarks.subjects import BY_NAME, DEFAULT, PLAIN

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.measure import Results

_OURS: Final = "#c15f3c"
_OURS_LIGHT: Final = "#e3b9a6"
_OTHERS: Final = "#8a94a6"
_INK: Final = "#2b2f36"
_SHOWN: Final = (
    ("create", "Added to a call", "µs", 0),
    ("stream_raw", "Added to a stream event", "µs", 2),
)


def write(results: Results, path: Path) -> None:
    """Draw the bars into `path`; its ending chooses the format."""
    mpl.rcParams.update({"font.family": "DejaVu Sans", "svg.hashsalt": "otel-claude"})
    shown = [row for row in _SHOWN if row[0] in results.costs]
    count = len(results.costs[shown[0][0]]) - 1
    figure, axes = plt.subplots(
        1, len(shown), figsize=(6 * len(shown), 1.5 + 0.36 * count), squeeze=False
    )
    for axis, (workload, title, unit, digits) in zip(axes[0], shown, strict=True):
        _bars(axis, results, workload, title, unit, digits)
    figure.text(
        0.01,
        0.012,
        f"CPU of the whole process, no-op exporters, median of {results.rounds} shuffled rounds; "
        f"whiskers: middle half. {python_line(results)}",
        fontsize=7,
        color="#6b7280",
    )
    figure.tight_layout(rect=(0, 0.035, 1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=130)
    plt.close(figure)


def _bars(  # noqa: PLR0913, PLR0917, RUF100 - what a panel shows
    axis: Any, results: Results, workload: str, title: str, unit: str, digits: int
) -> None:
    costs = results.costs[workload]
    names = sorted((n for n in costs if n != PLAIN.name), key=lambda n: -costs[n].added.median)
    added = [costs[name].added for name in names]
    colors = [_color(name) for name in names]
    places = range(len(names))
    axis.barh(places, [a.median for a in added], color=colors, height=0.66)
    axis.hlines(places, [a.low for a in added], [a.high for a in added], color=_INK, linewidth=1)
    axis.axvline(0, color=_INK, linewidth=0.8)
    top = max(0.0, *(a.high for a in added))
    bottom = min(0.0, *(a.low for a in added))
    axis.set_xlim(bottom * 1.1, top * 1.38)
    for place, name in zip(places, names, strict=True):
        cost = costs[name]
        axis.text(
            max(cost.added.high, 0) + top * 0.02,
            place,
            f"{cost.added.median:.{digits}f} {unit}, {cost.ratio.median:.2f}x",
            va="center",
            fontsize=8,
            color=_INK,
        )
    axis.set_yticks(places, [BY_NAME[name].title for name in names], fontsize=8.5)
    for label, name in zip(axis.get_yticklabels(), names, strict=True):
        label.set_color(_OURS if BY_NAME[name].claude else _INK)
        if name == DEFAULT.name:
            label.set_fontweight("bold")
    plain = costs[PLAIN.name].total.median
    axis.set_title(
        f"{title}\nof {plain:.{digits}f} {unit} that the plain SDK takes",
        fontsize=9.5,
        loc="left",
        color=_INK,
    )
    axis.tick_params(axis="x", labelsize=8, colors="#6b7280")
    axis.tick_params(axis="y", length=0)
    axis.xaxis.grid(visible=True, color="#e5e7eb", linewidth=0.8)
    axis.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)


def _color(name: str) -> str:
    if name == DEFAULT.name:
        return _OURS
    return _OURS_LIGHT if BY_NAME[name].claude else _OTHERS
