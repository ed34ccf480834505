"""The committed dashboards, and every query in them with Grafana's variables filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.e2e.servers import ROOT

FOLDER = ROOT / "deploy" / "grafana" / "dashboards"
DASHBOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(FOLDER.glob("*.json"))
}
_ALL = re.compile(r"\$(environment|service|model|tenant|team|feature)\b")


@dataclass(frozen=True)
class Asked:
    """One query of a dashboard.

    Attributes:
        where: dashboard, panel and ref, for messages.
        kind: panel's type, `variable` or `annotation`.
        expr: with everything chosen; the times are still Grafana's variables.
        panel: its JSON; empty for variables and annotations.
    """

    where: str
    kind: str
    engine: str
    expr: str
    instant: bool
    legend: str
    panel: dict[str, Any]


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Its panels without the headings."""
    return (panel for panel in board["panels"] if panel["type"] != "row")


def queries(name: str | None = None) -> Iterator[Asked]:
    """Every query of every dashboard, or of one."""
    for uid, board in DASHBOARDS.items():
        if name not in (None, uid):
            continue
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                expr = everything(variable["query"]["query"])
                where = f"{uid}: variable {variable['name']}"
                yield Asked(where, "variable", "prometheus", expr, True, "", {})
        for annotation in board["annotations"]["list"]:
            expr = annotation["target"]["expr"]
            where = f"{uid}: annotation {annotation['name']}"
            yield Asked(where, "annotation", "prometheus", everything(expr), False, "", {})
        for panel in panels(board):
            for target in panel["targets"]:
                engine = target["datasource"]["type"]
                expr = everything(target.get("expr") or target["query"])
                yield Asked(
                    f"{uid}: {panel['title']} ({target['refId']})",
                    panel["type"],
                    engine,
                    expr,
                    bool(target.get("instant")),
                    target.get("legendFormat", ""),
                    panel,
                )


def everything(expr: str) -> str:
    """The query with All chosen in every variable."""
    return _ALL.sub(".*", expr)


def timed(expr: str, interval: str, span: str) -> str:
    """The query with Grafana's times filled in."""
    for name, value in (("__rate_interval", interval), ("__interval", interval), ("__range", span)):
        expr = expr.replace(f"${name}", value)
    return expr
