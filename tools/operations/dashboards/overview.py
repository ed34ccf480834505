"""Overview: is all well, and what does it cost?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_claude import semconv
from tools.operations import increments as inc, recording as rec
from tools.operations.dashboards.blocks import (
    CALLS,
    GREEN,
    OF_MODEL,
    OF_SERVICE,
    ORANGE,
    RANGE,
    RED,
    SECONDS,
    SHARE,
    USD,
    YELLOW,
    Board,
    Query,
    amount,
    bars,
    graph,
    part,
    percentile,
    stat,
    table,
)
from tools.operations.names import (
    ANSWERED_BY,
    CATEGORY,
    ENVIRONMENT,
    FEATURE,
    OUTCOME,
    SERVICE,
    TOKEN_TYPE,
    series,
)
from tools.operations.promql import FAILED, select

if TYPE_CHECKING:
    from tools.operations.thresholds import Thresholds


def board(limits: Thresholds) -> Board:
    """The dashboard."""
    bad = limits.limits["error_rate_warning"].above
    worse = limits.limits["error_rate_critical"].above
    slow = limits.limits["duration_p95_critical"].above
    failing = ((None, GREEN), (bad, YELLOW), (worse, RED))
    cached = f"{rec.CACHE_HIT_RATIO}"
    firing = (
        'count(ALERTS{alertname=~"Claude.*", alertstate="firing", severity!="none"}) or vector(0)'
    )
    head = (
        stat(
            "Calls",
            "Calls in the chosen time, however they ended.",
            amount(inc.REQUESTS, window=RANGE),
        ),
        stat(
            "Spend",
            "Cost of the chosen time.",
            amount(inc.COST, window=RANGE),
            unit=USD,
            decimals=2,
        ),
        stat(
            "Failed",
            "Share of calls that failed or broke off, after retries.",
            part(inc.REQUESTS, FAILED, window=RANGE),
            unit=SHARE,
            decimals=2,
            steps=failing,
        ),
        stat(
            "p95",
            "95 of 100 calls are done within this time.",
            percentile(0.95, inc.DURATION, window=RANGE),
            unit=SECONDS,
            decimals=1,
            steps=((None, GREEN), (slow, YELLOW), (5 * slow, RED)),
        ),
        stat(
            "p95 first token",
            "95 of 100 streams show something within this time.",
            percentile(0.95, inc.FIRST_TOKEN, window=RANGE),
            unit=SECONDS,
            decimals=2,
        ),
        stat(
            "Alerts",
            "Alerts that fire now, the watchdog left out.",
            firing,
            steps=((None, GREEN), (1, ORANGE)),
        ),
    )
    trends = (
        bars(
            "Calls by outcome",
            "Calls per interval. Abandoned: the application stopped reading.",
            (amount(inc.REQUESTS, OUTCOME), f"{{{{{OUTCOME}}}}}"),
            links=CALLS,
        ),
        bars(
            "Spend by model",
            "Cost per interval, by the model that answered.",
            (amount(inc.COST, ANSWERED_BY), f"{{{{{ANSWERED_BY}}}}}"),
            unit=USD,
            links=(("Cost", "otel-claude-cost"),),
        ),
        graph(
            "Failed calls",
            "Share of calls that failed or broke off; dashed: the alerts' thresholds.",
            (part(inc.REQUESTS, FAILED, SERVICE), f"{{{{{SERVICE}}}}}"),
            unit=SHARE,
            steps=failing,
            links=(("Errors and limits", "otel-claude-errors"),),
        ),
        graph(
            "Duration",
            "Of whole calls, retries included. Points are single calls: open their trace.",
            Query(percentile(0.5, inc.DURATION, raw=series(semconv.M_DURATION) + "_bucket"), "p50"),
            Query(
                percentile(0.95, inc.DURATION, raw=series(semconv.M_DURATION) + "_bucket"),
                "p95",
                exemplar=True,
            ),
            unit=SECONDS,
            links=(("Latency and streaming", "otel-claude-latency"), *CALLS),
        ),
        bars(
            "Tokens",
            "Billed tokens per interval; the types do not overlap.",
            (amount(inc.TOKENS, TOKEN_TYPE), f"{{{{{TOKEN_TYPE}}}}}"),
            links=(("Tokens and cache", "otel-claude-tokens"),),
        ),
        graph(
            "Cache hit rate",
            "Share of prompt tokens that came from the cache, over an hour.",
            (f"avg by ({SERVICE}) ({select(cached, *OF_MODEL)})", f"{{{{{SERVICE}}}}}"),
            unit=SHARE,
            maximum=1,
        ),
        bars(
            "Spend by feature",
            "Cost per interval; without a name where no feature was given.",
            (amount(inc.COST, FEATURE), f"{{{{{FEATURE}}}}}"),
            unit=USD,
        ),
        bars(
            "Errors by category",
            "Failed calls per interval.",
            (
                f"{amount(inc.REQUESTS, CATEGORY, of=(*OF_MODEL, FAILED))} > 0",
                f"{{{{{CATEGORY}}}}}",
            ),
            links=(("Errors and limits", "otel-claude-errors"),),
        ),
        graph(
            "Calls under way",
            "Calls that have begun and not ended, over all processes.",
            (
                f"sum by ({SERVICE}) ({select(series(semconv.M_ACTIVE), *OF_MODEL)})",
                f"{{{{{SERVICE}}}}}",
            ),
        ),
    )
    services = table(
        "Services",
        "One row per service and environment.",
        (
            (ENVIRONMENT, "Environment"),
            (SERVICE, "Service"),
            ("Value #A", "Calls"),
            ("Value #B", "Spend"),
            ("Value #C", "Failed"),
            ("Value #D", "p95"),
        ),
        amount(inc.REQUESTS, ENVIRONMENT, SERVICE, window=RANGE, of=OF_SERVICE),
        amount(inc.COST, ENVIRONMENT, SERVICE, window=RANGE, of=OF_SERVICE),
        part(inc.REQUESTS, FAILED, ENVIRONMENT, SERVICE, window=RANGE),
        percentile(0.95, inc.DURATION, ENVIRONMENT, SERVICE, window=RANGE, of=OF_SERVICE),
        units=(("Spend", USD), ("Failed", SHARE), ("p95", SECONDS)),
        width=24,
        height=7,
    )
    return Board(
        "otel-claude-overview",
        "Claude / Overview",
        "Calls, spend, errors and speed of everything that calls Claude.",
        (("Now", head), ("Over time", trends), ("Services", (services,))),
    )
