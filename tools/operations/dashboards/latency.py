"""Latency and streaming: how long do users wait, for the first token and for the whole?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_claude import semconv
from tools.operations import increments as inc, recording as rec
from tools.operations.dashboards.blocks import (
    CALLS,
    GREEN,
    OF_SERVICE,
    RANGE,
    RED,
    SECONDS,
    YELLOW,
    Board,
    Panel,
    Query,
    amount,
    graph,
    percentile,
    stat,
    table,
)
from tools.operations.names import ENDPOINT, MODEL, ROUTE, SERVICE, SIZE, series
from tools.operations.promql import select

if TYPE_CHECKING:
    from tools.operations.thresholds import Thresholds

_DURATION = series(semconv.M_DURATION) + "_bucket"
_FIRST = series(semconv.M_FIRST_CHUNK) + "_bucket"


def _three(title: str, note: str, record: str, raw: str) -> Panel:
    queries = [
        Query(percentile(q, record, raw=raw), name, exemplar=name == "p95")
        for name, q in rec.QUANTILES.items()
    ]
    return graph(title, note, *queries, unit=SECONDS, links=CALLS)


def _p95(title: str, record: str, label: str, raw: str = "") -> Panel:
    note = f"95 of 100 are done within this time, by {title.lower()}."
    query = Query(percentile(0.95, record, label, raw=raw), f"{{{{{label}}}}}", exemplar=bool(raw))
    return graph(f"p95 by {title.lower()}", note, query, unit=SECONDS, links=CALLS)


def _heat(title: str, note: str, record: str) -> Panel:
    query = Query(amount(record, "le"), "{{le}}")
    return Panel("heatmap", title, note, (query,), SECONDS, links=CALLS)


def board(limits: Thresholds) -> Board:
    """The dashboard."""
    critical = limits.limits["duration_p95_critical"].above
    page = limits.limits["duration_p95_page"].above
    first = limits.limits["first_token_p95"].above
    low = limits.limits["apdex_low"].below
    steps = ((None, GREEN), (critical, YELLOW), (page, RED))
    head = (
        stat(
            "p50",
            "Median duration.",
            percentile(0.5, inc.DURATION, window=RANGE),
            unit=SECONDS,
            decimals=2,
        ),
        stat(
            "p95",
            "95 of 100 calls are done within this time.",
            percentile(0.95, inc.DURATION, window=RANGE),
            unit=SECONDS,
            decimals=2,
            steps=steps,
        ),
        stat(
            "p99",
            "99 of 100.",
            percentile(0.99, inc.DURATION, window=RANGE),
            unit=SECONDS,
            decimals=2,
        ),
        stat(
            "First token p50",
            "Median time to the first content of a stream.",
            percentile(0.5, inc.FIRST_TOKEN, window=RANGE),
            unit=SECONDS,
            decimals=2,
        ),
        stat(
            "First token p95",
            "95 of 100 streams show something within this time.",
            percentile(0.95, inc.FIRST_TOKEN, window=RANGE),
            unit=SECONDS,
            decimals=2,
            steps=((None, GREEN), (first, RED)),
        ),
        stat(
            "Output rate p50",
            "Median tokens a second of streams, after the first.",
            percentile(0.5, inc.OUTPUT_RATE, window=RANGE),
            decimals=0,
        ),
    )
    whole = (
        _three(
            "Duration",
            "Whole calls, retries included. Points are calls: open their trace.",
            inc.DURATION,
            _DURATION,
        ),
        _p95("Model", inc.DURATION, MODEL, _DURATION),
        _p95("Endpoint", inc.DURATION, ENDPOINT, _DURATION),
        _p95("Prompt size", inc.DURATION, SIZE),
        _heat("Durations", "How many calls took how long.", inc.DURATION),
        graph(
            "Whole HTTP requests by route",
            "p95 of http.server.request.duration of the same services: what users wait for in all.",
            (percentile(0.95, inc.HTTP_DURATION, ROUTE, of=OF_SERVICE), f"{{{{{ROUTE}}}}}"),
            unit=SECONDS,
        ),
    )
    streams = (
        _three(
            "First token",
            "From the request to the first content of a stream.",
            inc.FIRST_TOKEN,
            _FIRST,
        ),
        _p95("Model", inc.FIRST_TOKEN, MODEL, _FIRST),
        _p95("Endpoint", inc.FIRST_TOKEN, ENDPOINT),
        _p95("Prompt size", inc.FIRST_TOKEN, SIZE),
        _heat("First tokens", "How many streams began after how long.", inc.FIRST_TOKEN),
        graph(
            "Output rate",
            "Median tokens a second, by model.",
            (percentile(0.5, inc.OUTPUT_RATE, MODEL), f"{{{{{MODEL}}}}}"),
        ),
    )
    points = f"sum by ({rec.MODEL_LINE}, {SIZE}) ({select(rec.APDEX_POINTS, *OF_SERVICE)})"
    content = (
        graph(
            "Apdex",
            "1: every answer came within the time expected of such a model and prompt; dashed: the "
            "alert's threshold. Failed calls count as frustrating.",
            (
                f"avg by ({rec.MODEL_LINE}, {SERVICE}) ({select(rec.APDEX, *OF_SERVICE)})",
                f"{{{{{SERVICE}}}}} {{{{{rec.MODEL_LINE}}}}}",
            ),
            maximum=1,
            steps=((None, RED), (low, GREEN)),
            width=12,
        ),
        graph(
            "Satisfied calls by prompt size",
            "Calls of the last 15 minutes that came in time, those within four times it by half.",
            (points, f"{{{{{rec.MODEL_LINE}}}}} {{{{{SIZE}}}}}"),
            width=12,
        ),
        table(
            "Slowest endpoints",
            "Of the chosen time.",
            ((SERVICE, "Service"), (ENDPOINT, "Endpoint"), (MODEL, "Model"), ("Value", "p95")),
            f"topk(20, {percentile(0.95, inc.DURATION, SERVICE, ENDPOINT, MODEL, window=RANGE)})",
            units=(("p95", SECONDS),),
            width=24,
            links=CALLS,
        ),
    )
    return Board(
        "otel-claude-latency",
        "Claude / Latency and streaming",
        "Duration, time to the first token and output rate, beside the requests they serve.",
        (("Now", head), ("Whole calls", whole), ("Streams", streams), ("Satisfaction", content)),
    )
