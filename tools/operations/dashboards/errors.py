"""Errors and limits: what fails and why, what retries heal, how near are the limits?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_claude import semconv
from tools.operations import increments as inc, recording as rec
from tools.operations.dashboards.blocks import (
    CALLS,
    GREEN,
    OF_MODEL,
    OF_SERVICE,
    RANGE,
    RED,
    SECONDS,
    SHARE,
    YELLOW,
    Board,
    Query,
    amount,
    bars,
    graph,
    part,
    some,
    stat,
    table,
)
from tools.operations.names import (
    CATEGORY,
    ENDPOINT,
    ERROR,
    FEATURE,
    LIMIT_KIND,
    MODEL,
    OUTCOME,
    RETRIED,
    SERVICE,
    series,
)
from tools.operations.promql import CUT, FAILED, REFUSED, select

if TYPE_CHECKING:
    from tools.operations.thresholds import Thresholds

_OVERLOADED = f'{ERROR}="overloaded_error"'
_LIMITED = f'{ERROR}="rate_limit_error"'
_WITH_RETRIES = f'{RETRIED}="true"'
_UNWHOLE = (
    ("truncated", f'{OUTCOME}="truncated"'),
    ("abandoned", f'{OUTCOME}="abandoned"'),
    ("cancelled", f'{OUTCOME}="cancelled"'),
    ("cut by length", CUT),
    ("refused", REFUSED),
)


def _or_zero(expr: str) -> str:
    return f"{expr} or vector(0)"


def _healed() -> str:
    healed = some(inc.REQUESTS, _WITH_RETRIES, f'{OUTCOME}="completed"', window=RANGE)
    return f"{healed} / ({some(inc.REQUESTS, _WITH_RETRIES, window=RANGE)} > 0)"


def board(limits: Thresholds) -> Board:
    """The dashboard."""
    bad = limits.limits["error_rate_warning"].above
    worse = limits.limits["error_rate_critical"].above
    failing = ((None, GREEN), (bad, YELLOW), (worse, RED))
    room = limits.limits["rate_limit_headroom"].below
    any_red = ((None, GREEN), (1, RED))
    head = (
        stat(
            "Failed",
            "Share of calls that failed or broke off, after retries.",
            part(inc.REQUESTS, FAILED, window=RANGE),
            unit=SHARE,
            decimals=2,
            steps=failing,
        ),
        stat(
            "Failed calls",
            "Their number.",
            _or_zero(some(inc.REQUESTS, FAILED, window=RANGE)),
            steps=any_red,
        ),
        stat(
            "Retries",
            "Attempts that failed and were repeated.",
            _or_zero(amount(inc.RETRIES, window=RANGE)),
        ),
        stat(
            "Healed by retry",
            "Share of calls with retries that completed.",
            _healed(),
            unit=SHARE,
            decimals=0,
        ),
        stat(
            "Least headroom",
            "What is left of the rate limit that is nearest.",
            f"min({select(rec.HEADROOM, *OF_MODEL)})",
            unit=SHARE,
            decimals=0,
            steps=((None, RED), (room, YELLOW), (2 * room, GREEN)),
        ),
        stat(
            "Error budget left",
            "Of 30 days, at the objective of the threshold file.",
            f"1 - {part(inc.REQUESTS, FAILED, window='30d')} / (1 - {limits.objective})",
            unit=SHARE,
            decimals=0,
            steps=((None, RED), (0, YELLOW), (0.25, GREEN)),
        ),
    )
    failures = (
        graph(
            "Failed calls",
            "Share, by service; dashed: the alerts' thresholds.",
            (part(inc.REQUESTS, FAILED, SERVICE), f"{{{{{SERVICE}}}}}"),
            unit=SHARE,
            steps=failing,
            links=CALLS,
        ),
        bars(
            "By category",
            "Failed calls per interval.",
            (f"{some(inc.REQUESTS, FAILED, by=(CATEGORY,))} > 0", f"{{{{{CATEGORY}}}}}"),
            links=CALLS,
        ),
        bars(
            "By the API's error type",
            "Failed calls per interval.",
            (f"{some(inc.REQUESTS, FAILED, by=(ERROR,))} > 0", f"{{{{{ERROR}}}}}"),
            links=CALLS,
        ),
        graph(
            "Speed of burning the error budget",
            "1: used up in exactly 30 days. Alerts look at pairs of these windows.",
            *(
                Query(
                    f"max by ({SERVICE}) ({select(rec.error_ratio(burn.long), *OF_SERVICE)}) "
                    f"/ (1 - {limits.objective})",
                    f"{burn.long} {{{{{SERVICE}}}}}",
                )
                for burn in limits.burns[:2]
            ),
        ),
        graph(
            "Success by model",
            "Over 15 minutes.",
            (f"min by ({MODEL}) ({select(rec.SUCCESS_RATIO, *OF_MODEL)})", f"{{{{{MODEL}}}}}"),
            unit=SHARE,
            maximum=1,
        ),
        bars(
            "Not answered in full",
            "Truncated: the server stopped. Abandoned: the application did. Cut: max_tokens was reached.",
            *(Query(_or_zero(some(inc.REQUESTS, match)), name) for name, match in _UNWHOLE),
            links=CALLS,
        ),
    )
    retries = (
        bars(
            "Retries by cause",
            "Failed attempts that the SDK repeated.",
            (f"{amount(inc.RETRIES, ERROR)} > 0", f"{{{{{ERROR}}}}}"),
        ),
        bars(
            "Calls with retries, by how they ended",
            "Completed: a retry healed them.",
            (f"{some(inc.REQUESTS, _WITH_RETRIES, by=(OUTCOME,))} > 0", f"{{{{{OUTCOME}}}}}"),
        ),
        bars(
            "429 and overload",
            "Whether healed by a retry or not.",
            (f"{amount(inc.RETRIES, of=(*OF_MODEL, _LIMITED))} or vector(0)", "429, retried"),
            (f"{some(inc.REQUESTS, _LIMITED)} or vector(0)", "429, failed"),
            (
                f"{amount(inc.RETRIES, of=(*OF_MODEL, _OVERLOADED))} or vector(0)",
                "overload, retried",
            ),
            (f"{some(inc.REQUESTS, _OVERLOADED)} or vector(0)", "overload, failed"),
        ),
    )
    limited = (
        graph(
            "Rate-limit headroom",
            "What is left, by kind of limit and model; dashed: the alert's threshold.",
            (
                f"min by ({LIMIT_KIND}, {MODEL}) ({select(rec.HEADROOM, *OF_MODEL)})",
                f"{{{{{LIMIT_KIND}}}}} {{{{{MODEL}}}}}",
            ),
            unit=SHARE,
            maximum=1,
            steps=((None, RED), (room, GREEN)),
            width=12,
        ),
        graph(
            "Until limits are whole again",
            "Seconds to the reset, by kind of limit.",
            (
                f"max by ({LIMIT_KIND}) ({select(series(semconv.M_RATELIMIT_RESET), *OF_MODEL)})",
                f"{{{{{LIMIT_KIND}}}}}",
            ),
            unit=SECONDS,
            width=12,
        ),
        table(
            "Where calls fail",
            "Of the chosen time.",
            (
                (SERVICE, "Service"),
                (ENDPOINT, "Endpoint"),
                (FEATURE, "Feature"),
                (MODEL, "Model"),
                (ERROR, "Error"),
                ("Value", "Calls"),
            ),
            f"topk(50, {some(inc.REQUESTS, FAILED, by=(SERVICE, ENDPOINT, FEATURE, MODEL, ERROR), window=RANGE)} > 0)",
            units=(("Calls", "short"),),
            width=24,
            links=CALLS,
        ),
    )
    return Board(
        "otel-claude-errors",
        "Claude / Errors and limits",
        "Failures by category, retries and what they heal, rate limits, answers that are not whole.",
        (("Now", head), ("Failures", failures), ("Retries", retries), ("Limits", limited)),
    )
