"""Draws the dashboards for the docs: each panel from what its query returns on a real Prometheus.

Needs matplotlib; `python -m tests.e2e.operations.show` runs all that is to be shown, and calls this.
Lists of traces are filled from the same run's spans, since there is no Tempo to be asked.
"""

from __future__ import annotations

import json
import math
import re
import time
from itertools import cycle
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import requests
from matplotlib import pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import MaxNLocator

from tools.operations.files import ROOT

if TYPE_CHECKING:
    from pathlib import Path

OUT = ROOT / "docs" / "images" / "dashboards"
_COLORS = ("#5794f2", "#73bf69", "#f2cc0c", "#ff9830", "#b877d9", "#f2495c", "#8ab8ff", "#37872d")
_NAMED = {"green": "#56a64b", "yellow": "#cc9d00", "orange": "#e0752d", "red": "#e02f44"}
_VARIABLE = re.compile(r"\$(environment|service|model|tenant|team|feature)\b")
_NAMES = 6  # in a legend


class Source:
    """Where the data is, and the time to show.

    Args:
        url: of a Prometheus.
        minutes: how many, up to now.
        step: seconds from point to point; the interval of the recorded increments.
        spans: calls, each with `duration` (seconds), `status` and `attributes`.
    """

    def __init__(self, url: str, minutes: float, step: int, spans: list[dict[str, Any]]) -> None:
        self.url = url
        self.step = step
        self.end = time.time() // step * step
        self.span = minutes * 60
        self.spans = spans

    def filled(self, expr: str) -> str:
        """The query with all chosen, and the times filled in."""
        expr = _VARIABLE.sub(".*", expr)
        times = {
            "__rate_interval": f"{4 * self.step}s",
            "__interval": f"{self.step}s",
            "__range": f"{round(self.span)}s",
        }
        for name, value in times.items():
            expr = expr.replace(f"${name}", value)
        return expr

    def instant(self, expr: str) -> list[tuple[dict[str, str], float]]:
        """Labels and values now."""
        found = self._get("query", {"query": self.filled(expr), "time": self.end})
        return [(one["metric"], float(one["value"][1])) for one in found]

    def series(self, expr: str) -> list[tuple[dict[str, str], list[float], list[float]]]:
        """Labels, minutes before the end, and values."""
        times = {"start": self.end - self.span, "end": self.end, "step": self.step}
        found = self._get("query_range", {"query": self.filled(expr), **times})
        return [
            (
                one["metric"],
                [(float(at) - self.end) / 60 for at, _ in one["values"]],
                [float(value) for _, value in one["values"]],
            )
            for one in found
        ]

    def _get(self, what: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        answer = requests.get(f"{self.url}/api/v1/{what}", params=params, timeout=60)
        answer.raise_for_status()
        result: list[dict[str, Any]] = answer.json()["data"]["result"]
        return result


def number(value: float, unit: str, decimals: int | None = None) -> str:
    """A value as Grafana would write it, roughly."""
    if math.isnan(value):
        return "none"
    if unit == "currencyUSD":
        places = decimals if decimals is not None else 2 if abs(value) >= 1 or value == 0 else 4
        return f"${value:,.{places}f}"
    if unit == "percentunit":
        return f"{value * 100:.{decimals if decimals is not None else 1}f}%"
    if unit == "s":
        return _seconds(value)
    return _count(value, decimals) + {"d": " days", "bytes": "B"}.get(unit, "")


def _seconds(value: float) -> str:
    for size, sign in ((172_800, "days"), (7200, "h"), (120, "min")):
        if abs(value) >= size:
            return f"{value / (size / 2):.3g} {sign}"
    return f"{value * 1000:.0f} ms" if 0 < abs(value) < 1 else f"{value:.3g} s"


def _count(value: float, decimals: int | None) -> str:
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e3, "K")):
        if abs(value) >= size:
            return f"{value / size:.3g} {sign}"
    return f"{value:.{decimals}f}" if decimals is not None else f"{value:.4g}"


def legend(target: dict[str, Any], labels: dict[str, str]) -> str:
    """What a series is called."""
    text = target.get("legendFormat") or ", ".join(labels.values())
    named = re.sub(r"\{\{(.*?)\}\}", lambda m: labels.get(m[1].strip(), ""), text).strip()
    # Prometheus names groups of rules by their file.
    return re.sub(r"\S*/(\S+\.yaml)", r"\1", named) or "(none given)"


def _defaults(panel: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = panel.get("fieldConfig", {}).get("defaults", {})
    return found


def _color(panel: dict[str, Any], value: float) -> str:
    color = "#1f60c4"
    for step in _defaults(panel).get("thresholds", {}).get("steps", []):
        if step["value"] is None or value >= step["value"]:
            color = _NAMED.get(step["color"], color)
    return color


def draw_stat(ax: Any, panel: dict[str, Any], source: Source) -> None:
    """One number."""
    found = source.instant(panel["targets"][0]["expr"])
    value = found[0][1] if found else float("nan")
    defaults = _defaults(panel)
    text = number(value, defaults.get("unit", "short"), defaults.get("decimals"))
    color = _color(panel, value)
    ax.text(0.5, 0.42, text, ha="center", va="center", size=19, weight="bold", color=color)


def draw_lines(ax: Any, panel: dict[str, Any], source: Source) -> None:
    """Lines, or stacked bars."""
    defaults = _defaults(panel)
    bars = defaults.get("custom", {}).get("drawStyle") == "bars"
    colors = cycle(_COLORS)
    bottoms: dict[float, float] = {}
    for target in panel["targets"]:
        for labels, xs, ys in source.series(target["expr"]):
            name, color = legend(target, labels), next(colors)
            if bars:
                below = [bottoms.get(x, 0.0) for x in xs]
                ax.bar(xs, ys, bottom=below, width=0.85 * source.step / 60, color=color, label=name)
                for x, y in zip(xs, ys, strict=True):
                    bottoms[x] = bottoms.get(x, 0.0) + y
            else:
                ax.plot(xs, ys, color=color, label=name, lw=1.6)
    for step in defaults.get("thresholds", {}).get("steps", [])[1:]:
        if step["value"] is not None and not bars:
            ax.axhline(step["value"], color=_NAMED.get(step["color"], "grey"), ls="--", lw=1)
    _axes(ax, defaults.get("unit", "short"), -source.span / 60)
    if defaults.get("max") is not None:
        ax.set_ylim(0, defaults["max"] * 1.02)
    _legend(ax)


def _legend(ax: Any) -> None:
    handles, names = ax.get_legend_handles_labels()
    if not names:
        return
    if len(names) > _NAMES:
        kept = _NAMES - 1
        rest = f"and {len(names) - kept} more"
        handles, names = [*handles[:kept], Line2D([], [], lw=0)], [*names[:kept], rest]
    ax.legend(
        handles,
        [name if len(name) < 30 else name[:28] + ".." for name in names],
        loc="upper left",
        bbox_to_anchor=(-0.02, -0.1),
        ncol=2,
        frameon=False,
        fontsize=6.5,
        handlelength=1,
        columnspacing=1,
        labelspacing=0.25,
    )


def _axes(ax: Any, unit: str, left: float) -> None:
    ax.axis("on")
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.tick_params(labelsize=7, length=2)
    ax.grid(axis="y", color="#e5e5e5", lw=0.7)
    ax.set_axisbelow(True)
    ax.set_xlim(left, 0.6)
    if ax.get_ylim()[1] > 0:
        ax.set_ylim(min(0.0, ax.get_ylim()[0]), None)
    ax.yaxis.set_major_locator(MaxNLocator(4))
    ax.yaxis.set_major_formatter(lambda value, _: number(value, unit))
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:.0f} min" if value < -0.5 else "now")


def _renamed(panel: dict[str, Any]) -> dict[str, str]:
    for change in panel.get("transformations", []):
        if change["id"] == "organize":
            found: dict[str, str] = change["options"]["renameByName"]
            return found
    return {}


def draw_table(ax: Any, panel: dict[str, Any], source: Source) -> None:
    """Rows of labels and values."""
    headings = _renamed(panel)
    values = [key for key in headings if key.startswith("Value")]
    labels = [key for key in headings if key not in values]
    units = {
        override["matcher"]["options"]: override["properties"][0]["value"]
        for override in panel["fieldConfig"].get("overrides", [])
    }
    rows: dict[tuple[str, ...], dict[str, float]] = {}
    for target, value in zip(panel["targets"], values, strict=True):
        for found, amount in source.instant(target["expr"]):
            key = tuple(found.get(name, "") for name in labels)
            rows.setdefault(key, {})[value] = amount
    order = sorted(rows.items(), key=lambda row: -row[1].get(values[0], 0.0))
    cells = [
        [
            *(name[:34] for name in key),
            *(
                number(amounts[value], units.get(headings[value], "short"))
                if value in amounts
                else ""
                for value in values
            ),
        ]
        for key, amounts in order
    ]
    _grid(ax, [headings[key] for key in headings], cells, panel["gridPos"]["h"])


def _grid(ax: Any, heads: list[str], cells: list[list[str]], height: int) -> None:
    shown = cells[: height - 2]
    widths = [max(len(text) for text in column) + 2 for column in zip(heads, *shown, strict=True)]
    edge = [sum(widths[:index]) / sum(widths) for index in range(len(widths))]
    for line, row in enumerate([heads, *shown]):
        y = 0.97 - line / (height - 0.7)
        for x, text in zip(edge, row, strict=True):
            weight = "bold" if line == 0 else "normal"
            ax.text(x, y, text, size=7.5, va="top", weight=weight, color="#333333")
    if len(cells) > len(shown):
        ax.text(1, 0, f"and {len(cells) - len(shown)} more", size=6.5, ha="right", color="#777777")


def draw_heatmap(ax: Any, panel: dict[str, Any], source: Source) -> None:
    """How many calls took how long: cumulative buckets, each less the one below it."""
    found = {
        float(labels["le"]): dict(zip(xs, ys, strict=True))
        for labels, xs, ys in source.series(panel["targets"][0]["expr"])
    }
    bounds = sorted(found)
    times = sorted({x for points in found.values() for x in points})
    below: dict[float, float] = dict.fromkeys(times, 0.0)
    rows = []
    for bound in bounds:
        rows.append([found[bound].get(x, 0.0) - below[x] for x in times])
        below = {x: found[bound].get(x, below[x]) for x in times}
    used = [index for index, row in enumerate(rows) if sum(row) > 0]
    low, high = min(used), max(used) + 1
    ax.imshow(
        [[cell or float("nan") for cell in row] for row in rows[low:high]],
        aspect="auto",
        origin="lower",
        cmap="Oranges",
        vmin=0,
        extent=(times[0], times[-1], 0, high - low),
    )
    _axes(ax, "short", -source.span / 60)
    ax.set_ylim(0, high - low)
    ax.set_yticks(range(high - low + 1))
    edges = [0.0, *bounds][low : high + 1]
    ax.yaxis.set_major_formatter(
        lambda _, at: number(edges[at], "s") if at is not None and at < len(edges) else ""
    )
    ax.grid(visible=False)


def draw_columns(ax: Any, panel: dict[str, Any], source: Source) -> None:
    """Amounts by hour or weekday."""
    shape = panel["transformations"][0]["options"]["outputFormat"]
    written = {"HH": "%H", "ddd": "%a"}[shape]
    sums: dict[str, float] = {}
    expr = panel["targets"][0]["expr"].replace("[1h]", f"[{source.step}s]")
    for _, xs, ys in source.series(expr):
        for x, y in zip(xs, ys, strict=True):
            name = time.strftime(written, time.gmtime(source.end + x * 60))
            sums[name] = sums.get(name, 0.0) + y
    ax.bar(list(sums), list(sums.values()), width=0.5, color=_COLORS[0])
    ax.axis("on")
    ax.tick_params(labelsize=8, length=2)
    ax.set_xlim(-1.5, len(sums) + 0.5)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def _holds(span: dict[str, Any], condition: str) -> bool:
    """Whether a span meets one condition of our TraceQL."""
    match = re.fullmatch(r"(?:span|resource)?\.?(\S+) (=~|=|>) (.+)", condition.strip())
    if match is None:
        return False
    name, sign, wanted = match.groups()
    found = span.get(name) if name in ("duration", "status") else span["attributes"].get(name)
    if sign == "=~":
        return found is not None or condition.strip().startswith("resource.")
    if sign == "=":
        return bool(found == wanted.strip('"'))
    return found is not None and float(found) > float(wanted.rstrip("s"))


def draw_traces(ax: Any, panel: dict[str, Any], source: Source) -> None:
    """Spans that meet the conditions, with what is selected."""
    query = _VARIABLE.sub(".*", panel["targets"][0]["query"])
    inside, _, rest = query.partition("}")
    names = re.findall(r"span\.([\w.]+)", rest)
    conditions = inside.lstrip("{ ").split("&&")
    spans = [span for span in source.spans if all(_holds(span, one) for one in conditions)]
    cells = [
        [
            number(span["duration"], "s"),
            *(str(span["attributes"].get(name, ""))[:22] for name in names),
        ]
        for span in spans
    ]
    heads = ["duration", *(".".join(name.split(".")[-2:]) for name in names)]
    _grid(ax, heads, cells, panel["gridPos"]["h"])


def draw_rates(ax: Any, panel: dict[str, Any], source: Source) -> None:
    """TraceQL metrics: the 95th percentile, or the sum, by model over all of the time."""
    query = panel["targets"][0]["query"]
    by: dict[str, list[float]] = {}
    for span in source.spans:
        model = span["attributes"].get("gen_ai.request.model", "")
        value = (
            span["duration"] if "quantile" in query else span["attributes"].get("claude.cost.total")
        )
        if value is not None:
            by.setdefault(model, []).append(float(value))
    unit = _defaults(panel)["unit"]
    quantile = "quantile" in query
    sums = {
        model: sorted(values)[int(0.95 * (len(values) - 1))] if quantile else sum(values)
        for model, values in by.items()
    }
    sums.pop("", None)
    ax.barh(list(sums), list(sums.values()), color=_COLORS[: len(sums)], alpha=0.7)
    ax.axis("on")
    ax.set_yticks([])
    for at, model in enumerate(sums):
        ax.text(0.01, at, model, size=8, va="center", transform=ax.get_yaxis_transform())
    ax.tick_params(labelsize=7, length=2)
    ax.xaxis.set_major_formatter(lambda value, _: number(value, unit))


def draw_log(ax: Any, panel: dict[str, Any], source: Source) -> None:
    """The exceptions' events, one per failed call."""
    failed = [span for span in source.spans if span["status"] == "error"]
    cells = [
        ["WARN", "gen_ai.client.operation.exception", span["attributes"].get("error.type", "")]
        for span in failed
    ]
    _grid(ax, ["severity", "event", "error.type"], cells, panel["gridPos"]["h"])


_DRAW = {
    "stat": draw_stat,
    "timeseries": draw_lines,
    "table": draw_table,
    "heatmap": draw_heatmap,
    "barchart": draw_columns,
    "logs": draw_log,
}


def _fill(ax: Any, panel: dict[str, Any], source: Source) -> None:
    if panel["targets"][0]["datasource"]["type"] == "tempo":
        fill = draw_traces if panel["type"] == "table" else draw_rates
    else:
        fill = _DRAW[panel["type"]]
    fill(ax, panel, source)


def picture(board: dict[str, Any], source: Source, path: Path) -> None:
    """One dashboard, as a PNG."""
    panels = board["panels"]
    high = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in panels) + 2
    inch = 0.34
    figure = plt.figure(figsize=(15, high * inch), facecolor="#f4f5f5")
    figure.text(0.012, 1 - 1.1 / high, board["title"], size=14, weight="bold", va="center")
    names = [v["label"] for v in board["templating"]["list"] if v["type"] == "query"]
    note = f"{', '.join(names)}: All" if names else ""
    figure.text(0.988, 1 - 1.1 / high, note, size=8, ha="right", va="center", color="#666666")
    for panel in panels:
        grid = panel["gridPos"]
        left, width = grid["x"] / 24, grid["w"] / 24
        top = 1 - (grid["y"] + 2) / high
        height = grid["h"] / high
        if panel["type"] == "row":
            figure.text(0.012, top - height / 2, panel["title"], size=10, weight="bold")
            continue
        box = FancyBboxPatch(
            (left + 0.006, top - height + 0.15 / high),
            width - 0.012,
            height - 0.3 / high,
            boxstyle="square,pad=0",
            facecolor="white",
            edgecolor="#dcdcdc",
            transform=figure.transFigure,
            zorder=-1,
        )
        figure.add_artist(box)
        figure.text(left + 0.012, top - 0.75 / high, panel["title"], size=8.5, weight="bold")
        chart = panel["type"] in ("timeseries", "heatmap", "barchart")
        inset = 0.042 if chart else 0.012
        foot = 2.3 if panel["type"] == "timeseries" else 1.1 if chart else 0.5
        bottom = top - height + foot / high
        ax = figure.add_axes(
            (left + inset, bottom, width - inset - 0.014, height - (foot + 1.3) / high)
        )
        ax.axis("off")
        _fill(ax, panel, source)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def draw(source: Source) -> None:
    """Draw all dashboards into docs/images/dashboards."""
    mpl.use("agg")
    mpl.rcParams["font.family"] = "DejaVu Sans"
    OUT.mkdir(parents=True, exist_ok=True)
    for path in sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json")):
        board = json.loads(path.read_text(encoding="utf-8"))
        picture(board, source, OUT / f"{path.stem.removeprefix('otel-claude-')}.png")
