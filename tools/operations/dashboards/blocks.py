"""What dashboards are made of: plain data, without Grafana."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tools.operations.names import ENVIRONMENT, FEATURE, MODEL, SERVICE, TEAM, TENANT
from tools.operations.promql import quantile, select, share, total

Engine = Literal["prometheus", "tempo", "loki"]
Kind = Literal["graph", "bars", "stat", "table", "heatmap", "columns", "traces", "logs"]
Steps = tuple[tuple[float | None, str], ...]

INTERVAL, RATE, RANGE = "$__interval", "$__rate_interval", "$__range"
GREEN, YELLOW, ORANGE, RED = "green", "yellow", "orange", "red"
CALM: Steps = ((None, "text"),)
USD, SECONDS, SHARE, COUNT, TOKENS = "currencyUSD", "s", "percentunit", "short", "short"


@dataclass(frozen=True)
class Query:
    """One query of a panel.

    Attributes:
        expr: PromQL, TraceQL or LogQL.
        legend: of its series; `{{label}}` stands for a label.
        instant: one value per series, for stats and tables.
        exemplar: ask for exemplars too.
    """

    expr: str
    legend: str = ""
    instant: bool = False
    exemplar: bool = False
    engine: Engine = "prometheus"


@dataclass(frozen=True)
class Panel:
    """One panel.

    Attributes:
        kind: graph (lines), bars (stacked amounts per interval), stat, table, heatmap, columns
            (amounts by the hour or weekday that `group` formats), traces, logs.
        note: what it shows and how to read it.
        steps: thresholds: value and the colour from it on.
        links: titles of dashboards to go on to, and their uids.
        columns: of a table: label or value -> heading, in order.
        units: of a table's values: heading -> unit.
    """

    kind: Kind
    title: str
    note: str
    queries: tuple[Query, ...]
    unit: str = COUNT
    width: int = 8
    height: int = 8
    steps: Steps = CALM
    decimals: int | None = None
    maximum: float | None = None
    links: tuple[tuple[str, str], ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    units: tuple[tuple[str, str], ...] = ()
    group: str = ""


@dataclass(frozen=True)
class Board:
    """One dashboard: rows of panels under headings."""

    uid: str
    title: str
    note: str
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]
    filtered: bool = True
    span: str = "now-6h"


def _match(label: str, variable: str) -> str:
    return f'{label}=~"${variable}"'


OF_SERVICE = (_match(ENVIRONMENT, "environment"), _match(SERVICE, "service"))
OF_MODEL = (*OF_SERVICE, _match(MODEL, "model"))
CHOSEN = (
    *OF_MODEL,
    _match(TENANT, "tenant"),
    _match(TEAM, "team"),
    _match(FEATURE, "feature"),
)
CALLS = (("Calls like these", "otel-claude-calls"),)


def amount(record: str, *by: str, window: str = INTERVAL, of: tuple[str, ...] = CHOSEN) -> str:
    """What a record grew by per interval, of what the variables choose."""
    return total(by, record, window, *of)


def some(record: str, *matchers: str, by: tuple[str, ...] = (), window: str = INTERVAL) -> str:
    """The same of a part of it."""
    return total(by, record, window, *CHOSEN, *matchers)


def part(record: str, matcher: str, *by: str, window: str = RATE) -> str:
    """The share of a part, of what the variables choose."""
    return share(by, record, window, matcher, *CHOSEN)


def percentile(
    q: float, record: str, *by: str, raw: str = "", window: str = RATE, of: tuple[str, ...] = CHOSEN
) -> str:
    """A percentile; `raw` is the histogram to take exemplars from, and to show without the rules."""
    found = quantile(q, by, record, window, *of)
    if not raw:
        return found
    rate = f"sum by ({', '.join(('le', *by))}) (rate({select(raw, *of)}[{window}]))"
    return f"{found} or histogram_quantile({q:g}, {rate})"


def stat(title: str, note: str, expr: str, **more: object) -> Panel:
    """One number."""
    return _panel(
        "stat", title, note, (Query(expr, title, instant=True),), width=4, height=4, **more
    )


def graph(title: str, note: str, *queries: Query | tuple[str, str], **more: object) -> Panel:
    """Lines."""
    return _panel("graph", title, note, _queries(queries), **more)


def bars(title: str, note: str, *queries: Query | tuple[str, str], **more: object) -> Panel:
    """Stacked amounts per interval; they add up to the amount of the whole time."""
    return _panel("bars", title, note, _queries(queries), **more)


def table(
    title: str, note: str, columns: tuple[tuple[str, str], ...], *exprs: str, **more: object
) -> Panel:
    """Rows of labels with one value per query."""
    queries = tuple(Query(expr, instant=True) for expr in exprs)
    return _panel("table", title, note, queries, columns=columns, **more)


def _queries(queries: tuple[Query | tuple[str, str], ...]) -> tuple[Query, ...]:
    return tuple(one if isinstance(one, Query) else Query(*one) for one in queries)


def _panel(kind: Kind, title: str, note: str, queries: tuple[Query, ...], **more: object) -> Panel:
    return Panel(kind, title, note, queries, **more)  # type: ignore[arg-type] # the fields of Panel
