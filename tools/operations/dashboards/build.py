"""Turns the plain data into Grafana's JSON, through Grafana's own builders."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.builders import (
    barchart,
    common as looks,
    dashboard as boards,
    heatmap,
    logs,
    loki,
    prometheus,
    stat,
    table,
    tempo,
    timeseries,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common, dashboard as models, heatmap as heats
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from otel_claude import semconv
from tools.operations.names import (
    ENVIRONMENT,
    FEATURE,
    MODEL,
    SERVICE,
    TEAM,
    TENANT,
    series,
)
from tools.operations.promql import select

if TYPE_CHECKING:
    from tools.operations.dashboards.blocks import Board, Panel, Query, Steps

TAG = "otel-claude"
DATASOURCES = {"prometheus": "metrics", "tempo": "traces", "loki": "logs"}
"""Type of a data source -> the variable that chooses it."""

_FILTERS = (
    ("environment", "Environment", ENVIRONMENT),
    ("service", "Service", SERVICE),
    ("model", "Model", MODEL),
    ("tenant", "Tenant", TENANT),
    ("team", "Team", TEAM),
    ("feature", "Feature", FEATURE),
)


def _source(engine: str) -> common.DataSourceRef:
    return common.DataSourceRef(type_val=engine, uid=f"${{{DATASOURCES[engine]}}}")


def _target(query: Query, ref: str, panel: Panel) -> Any:
    if query.engine == "tempo":
        found = tempo.Dataquery().query(query.expr).query_type("traceql").limit(50)
        return found.ref_id(ref).datasource(_source("tempo"))
    if query.engine == "loki":
        logql = loki.Dataquery().expr(query.expr).query_type("range").max_lines(200)
        return logql.ref_id(ref).datasource(_source("loki"))
    made = prometheus.Dataquery().expr(query.expr).ref_id(ref).datasource(_source("prometheus"))
    made = made.instant() if query.instant else made.range()
    if query.exemplar:
        made = made.exemplar(True)
    if query.legend:
        made = made.legend_format(query.legend)
    if panel.kind == "table":
        made = made.format(PromQueryFormat.TABLE)
    if panel.kind == "heatmap":
        made = made.format(PromQueryFormat.HEATMAP)
    return made


def _thresholds(steps: Steps) -> boards.ThresholdsConfig:
    found = [models.Threshold(value=value, color=color) for value, color in steps]
    return boards.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(found)


def _legend() -> looks.VizLegendOptions:
    return (
        looks.VizLegendOptions()
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
        .show_legend(True)
    )


def _tooltip() -> looks.VizTooltipOptions:
    many = looks.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI)
    return many.sort(common.SortOrder.DESCENDING)


def _lines(panel: Panel) -> timeseries.Panel:
    made = timeseries.Panel().legend(_legend()).tooltip(_tooltip()).axis_soft_min(0)
    by_name = models.FieldColorModeId.PALETTE_CLASSIC_BY_NAME
    made = made.color_scheme(boards.FieldColor().mode(by_name))
    if panel.kind == "bars":
        stacked = looks.StackingConfig().mode(common.StackingMode.NORMAL).group("A")
        made = made.draw_style(common.GraphDrawStyle.BARS).fill_opacity(80).line_width(0)
        return made.stacking(stacked).interval("1m")
    made = made.draw_style(common.GraphDrawStyle.LINE).fill_opacity(8).line_width(2)
    if len(panel.steps) > 1:
        dashed = common.GraphThresholdsStyleMode.DASHED
        made = made.thresholds_style(looks.GraphThresholdsStyleConfig().mode(dashed))
    # Calls may be rarer than points.
    return made.show_points(common.VisibilityMode.AUTO).span_nulls(3_600_000)


def _number(_: Panel) -> stat.Panel:
    last = looks.ReduceDataOptions().calcs(["lastNotNull"]).values(False)
    return (
        stat.Panel()
        .reduce_options(last)
        .color_mode(common.BigValueColorMode.VALUE)
        .graph_mode(common.BigValueGraphMode.NONE)
        .text_mode(common.BigValueTextMode.VALUE)
    )


def _rows(panel: Panel) -> table.Panel:
    headings = dict(panel.columns)
    order = {key: place for place, key in enumerate(headings)}
    made = table.Panel().cell_height(common.TableCellHeight.SM)
    made = made.with_transformation(
        models.DataTransformerConfig(id_val="merge", options={})
    ).with_transformation(
        models.DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": {"Time": True},
                "includeByName": {},
                "indexByName": order,
                "renameByName": headings,
            },
        )
    )
    for heading, unit in panel.units:
        made = made.override_by_name(heading, [models.DynamicConfigValue("unit", unit)])
    if panel.units:
        first = common.TableSortByFieldState(display_name=panel.units[0][0], desc=True)
        made = made.sort_by([_Built(first)])
    return made


class _Built:
    """A builder of something that is built already."""

    def __init__(self, made: Any) -> None:
        self._made = made

    def build(self) -> Any:
        return self._made


def _heat(_: Panel) -> heatmap.Panel:
    color = (
        heatmap.HeatmapColorOptions()
        .mode(heats.HeatmapColorMode.SCHEME)
        .scheme("Oranges")
        .steps(64)
        .exponent(0.5)
    )
    axis = heatmap.YAxisConfig().unit("s")
    return heatmap.Panel().color(color).y_axis(axis).interval("1m")


def _columns(panel: Panel) -> barchart.Panel:
    """Amounts by hour or weekday: Grafana formats the time and sums what is then the same."""
    name = panel.queries[0].legend
    shape = {"timeField": "Time", "outputFormat": panel.group, "useTimezone": True}
    fields = {
        "Time": {"aggregations": [], "operation": "groupby"},
        name: {"aggregations": ["sum"], "operation": "aggregate"},
    }
    made = barchart.Panel().interval("1h").legend(_legend().show_legend(False)).tooltip(_tooltip())
    return made.with_transformation(
        models.DataTransformerConfig(id_val="formatTime", options=shape)
    ).with_transformation(
        models.DataTransformerConfig(id_val="groupBy", options={"fields": fields})
    )


_KINDS: dict[str, Any] = {
    "graph": _lines,
    "bars": _lines,
    "stat": _number,
    "table": _rows,
    "heatmap": _heat,
    "columns": _columns,
    "traces": lambda _: table.Panel().cell_height(common.TableCellHeight.SM),
    "logs": lambda _: logs.Panel().show_time(True).enable_log_details(True).wrap_log_message(True),
}


def _panel(panel: Panel, number: int, at: models.GridPos) -> Any:
    made = _KINDS[panel.kind](panel).id(number).title(panel.title).description(panel.note)
    made = made.grid_pos(at).datasource(_source(panel.queries[0].engine))
    for index, query in enumerate(panel.queries):
        made = made.with_target(_target(query, chr(ord("A") + index), panel))
    if panel.kind != "logs":
        made = made.unit(panel.unit).thresholds(_thresholds(panel.steps)).no_value("none")
    if panel.decimals is not None:
        made = made.decimals(panel.decimals)
    if panel.maximum is not None:
        made = made.max(panel.maximum)
    if panel.links:
        made = made.data_links([_link(title, uid) for title, uid in panel.links])
    return made


def _link(title: str, uid: str) -> boards.DashboardLink:
    url = f"/d/{uid}?${{__url_time_range}}&${{__all_variables}}"
    return boards.DashboardLink(title).url(url).type(models.DashboardLinkType.LINK)


def _variables(board: Board) -> list[Any]:
    made: list[Any] = [
        boards.DatasourceVariable(name).label(name.capitalize()).type(engine)
        for engine, name in DATASOURCES.items()
    ]
    if not board.filtered:
        return made
    of: list[str] = []
    for name, heading, label in _FILTERS:
        query = f"label_values({select(series(semconv.M_REQUESTS), *of)}, {label})"
        variable = boards.QueryVariable(name).label(heading).datasource(_source("prometheus"))
        variable = variable.query({"query": query, "refId": f"variable-{name}", "qryType": 1})
        variable = variable.multi(True).include_all(True).all_value(".*")
        chosen = models.VariableOption(selected=True, text="All", value="$__all")
        variable = variable.current(chosen).sort(models.VariableSort.ALPHABETICAL_ASC)
        made.append(variable.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED))
        if name in ("environment", "service"):
            of.append(f'{label}=~"${name}"')
    return made


def _alerts() -> boards.AnnotationQuery:
    expr = (
        'max by (alertname, severity) (ALERTS{alertname=~"Claude.*", alertstate="firing", '
        'severity!="none"})'
    )
    made = boards.AnnotationQuery().name("Alerts").enable(True).icon_color("red")
    query = prometheus.Dataquery().expr(expr).ref_id("Alerts").range()
    return made.datasource(_source("prometheus")).target(query)


def build(board: Board) -> str:
    """The JSON of a dashboard, as Grafana's provisioning reads it."""
    made = (
        boards.Dashboard(board.title)
        .uid(board.uid)
        .description(board.note)
        .tags([TAG])
        .time(board.span, "now")
        .refresh("1m")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .variables(_variables(board))
        .annotations([_alerts()])
        .editable()
    )
    others = boards.DashboardLink("Claude").type(models.DashboardLinkType.DASHBOARDS)
    made = made.link(others.tags([TAG]).as_dropdown(True).include_vars(True).keep_time(True))
    number, y = 1, 0
    for heading, panels in board.rows:
        made = made.with_row(boards.Row(heading).id(number).grid_pos(models.GridPos(1, 24, 0, y)))
        number, y = number + 1, y + 1
        x = height = 0
        for panel in panels:
            if x + panel.width > 24:
                x, y = 0, y + height
            at = models.GridPos(panel.height, panel.width, x, y)
            made = made.with_panel(_panel(panel, number, at))
            number, x, height = number + 1, x + panel.width, panel.height
        y += height
    found = json.loads(JSONEncoder().encode(made.build()))
    for variable in found["templating"]["list"]:
        for name in ("auto", "auto_min", "auto_count"):  # only variables of intervals have them
            variable.pop(name, None)
    for panel in found["panels"]:
        if panel["type"] == "table":
            panel.get("options", {}).pop("footer", None)  # Grafana 13 has none
    return json.dumps(found, indent=2) + "\n"
