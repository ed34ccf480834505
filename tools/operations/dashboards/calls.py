"""Calls: single calls as traces: slow, expensive, failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_claude import semconv
from tools.operations import increments as inc
from tools.operations.dashboards.blocks import (
    SECONDS,
    USD,
    Board,
    Panel,
    Query,
    graph,
    percentile,
)
from tools.operations.names import label, series

if TYPE_CHECKING:
    from tools.operations.thresholds import Thresholds


def attribute(name: str) -> str:
    """A span attribute in TraceQL."""
    return f"span.{name}"


CHOSEN = (
    f'resource.{semconv.SERVICE_NAME} =~ "$service" && '
    f'{attribute(semconv.REQUEST_MODEL)} =~ "$model"'
)
SHOWN = ", ".join(
    attribute(name)
    for name in (
        semconv.REQUEST_MODEL,
        semconv.COST_TOTAL,
        semconv.USAGE_INPUT_TOKENS,
        semconv.USAGE_OUTPUT_TOKENS,
        semconv.FEATURE,
    )
)
_FAILED = ", ".join(
    attribute(name)
    for name in (
        semconv.REQUEST_MODEL,
        semconv.ERROR_TYPE,
        semconv.HTTP_STATUS,
        semconv.RETRIES,
        semconv.REQUEST_ID,
    )
)


def _traces(title: str, note: str, condition: str, shown: str = SHOWN) -> Panel:
    query = f"{{ {CHOSEN} && {condition} }} | select({shown})"
    return Panel("traces", title, note, (Query(query, engine="tempo"),), width=12, height=9)


def _rated(title: str, note: str, query: str, unit: str) -> Panel:
    metric = Query(query, engine="tempo")
    return graph(title, note, metric, unit=unit, width=12)


def board(limits: Thresholds) -> Board:
    """The dashboard."""
    slow = limits.limits["duration_p95_critical"].above
    first = limits.limits["first_token_p95"].above
    raw = series(semconv.M_DURATION) + "_bucket"
    model, cost = attribute(semconv.REQUEST_MODEL), attribute(semconv.COST_TOTAL)
    entry = graph(
        "From a point to its trace",
        "Each point is one call: click it, and open its trace.",
        Query(percentile(0.95, inc.DURATION, raw=raw), "p95", exemplar=True),
        unit=SECONDS,
        width=24,
    )
    lists = (
        _traces(
            "Slow calls", f"Longer than {slow:g} s, retries included.", f"duration > {slow:g}s"
        ),
        _traces("Expensive calls", "Over 5 cents.", f"{cost} > 0.05"),
        _traces(
            "Failed calls",
            "With the request id that Anthropic's support asks for.",
            "status = error",
            _FAILED,
        ),
        _traces(
            "Slow to begin",
            f"First token after more than {first:g} s.",
            f"{attribute(semconv.RESPONSE_TIME_TO_FIRST_CHUNK)} > {first:g}",
        ),
        _traces(
            "Broken off",
            "The server stopped in the middle of a stream.",
            f'{attribute(semconv.OUTCOME)} = "truncated"',
        ),
        _traces(
            "Retried",
            "Calls that needed more than one attempt.",
            f"{attribute(semconv.RETRIES)} > 0",
            _FAILED,
        ),
    )
    rates = (
        _rated(
            "Duration by model",
            "p95, from the spans that sampling kept.",
            f"{{ {CHOSEN} }} | quantile_over_time(duration, 0.95) by ({model})",
            SECONDS,
        ),
        _rated(
            "Cost by model",
            "Of the spans that sampling kept: for the whole see Cost.",
            f"{{ {CHOSEN} && {cost} > 0 }} | sum_over_time({cost}) by ({model})",
            USD,
        ),
    )
    event = label(semconv.EVENT_NAME)
    log = Panel(
        "logs",
        "Exceptions",
        "The event that each failed call leaves, with its trace.",
        (
            Query(
                f'{{service_name=~"$service"}} | {event}="{semconv.EVENT_EXCEPTION}"', engine="loki"
            ),
        ),
        width=24,
    )
    return Board(
        "otel-claude-calls",
        "Claude / Calls",
        "Single calls, as traces: slow, expensive, failed, broken off. Variables: service and model.",
        (("Entry", (entry,)), ("Traces", lists), ("Over time", rates), ("Log", (log,))),
        span="now-1h",
    )
