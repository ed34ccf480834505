"""Tokens and cache: what is sent and said, what comes from the cache, when is it used?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_claude import semconv
from tools.operations import increments as inc, recording as rec
from tools.operations.dashboards.blocks import (
    OF_MODEL,
    OF_SERVICE,
    RANGE,
    RATE,
    SHARE,
    Board,
    Panel,
    Query,
    amount,
    bars,
    graph,
    some,
    stat,
)
from tools.operations.names import FEATURE, MODEL, SERVICE, SIZE, TOKEN_TYPE, label, series
from tools.operations.promql import select

if TYPE_CHECKING:
    from tools.operations.thresholds import Thresholds

_OUTPUT = f'{TOKEN_TYPE}="output"'
_WRITES = f'{TOKEN_TYPE}=~"cache_write_.*"'
_SHORT = f'{TOKEN_TYPE}="cache_write_5m"'
_LONG = f'{TOKEN_TYPE}="cache_write_1h"'
_PROMPT_USAGE = f'{label(semconv.TOKEN_TYPE)}="input"'


def _hit_rate(window: str, *by: str) -> str:
    read = some(inc.TOKENS, rec.READ, by=by, window=window)
    prompt = some(inc.TOKENS, rec.PROMPT, by=by, window=window)
    return f"({read} or {prompt} * 0) / ({prompt} > 0)"


def _when(title: str, note: str, group: str) -> Panel:
    query = Query(amount(inc.REQUESTS, window="1h"), "Calls")
    return Panel("columns", title, note, (query,), width=12, group=group)


def board(_limits: Thresholds) -> Board:
    """The dashboard."""
    head = (
        stat(
            "Prompts",
            "Tokens sent, those from the cache included.",
            some(inc.TOKENS, rec.PROMPT, window=RANGE),
        ),
        stat(
            "Output",
            "Tokens of answers, thinking included.",
            some(inc.TOKENS, _OUTPUT, window=RANGE),
        ),
        stat(
            "Cache hit rate",
            "Share of prompt tokens that came from the cache.",
            _hit_rate(RANGE),
            unit=SHARE,
            decimals=1,
        ),
        stat(
            "Written, 5 minutes",
            "Tokens written to the cache for 5 minutes: 1.25 times the price of input.",
            f"{some(inc.TOKENS, _SHORT, window=RANGE)} or vector(0)",
        ),
        stat(
            "Written, 1 hour",
            "Tokens written to the cache for an hour: twice the price of input.",
            f"{some(inc.TOKENS, _LONG, window=RANGE)} or vector(0)",
        ),
        stat(
            "Reads per write",
            "Tokens read from the cache per token written: below 0.3 caching loses money.",
            f"{some(inc.TOKENS, rec.READ, window=RANGE)} / ({some(inc.TOKENS, _WRITES, window=RANGE)} > 0)",
            decimals=1,
        ),
    )
    flow = (
        bars(
            "By type",
            "Billed tokens per interval; the types do not overlap.",
            (amount(inc.TOKENS, TOKEN_TYPE), f"{{{{{TOKEN_TYPE}}}}}"),
        ),
        bars(
            "By model",
            "Billed tokens per interval.",
            (amount(inc.TOKENS, MODEL), f"{{{{{MODEL}}}}}"),
        ),
        bars(
            "By feature",
            "Billed tokens per interval.",
            (amount(inc.TOKENS, FEATURE), f"{{{{{FEATURE}}}}}"),
        ),
    )
    cache = (
        graph(
            "Cache hit rate by model",
            "Share of prompt tokens that came from the cache.",
            (_hit_rate(RATE, MODEL), f"{{{{{MODEL}}}}}"),
            unit=SHARE,
            maximum=1,
        ),
        graph(
            "Cache hit rate by feature",
            "Share of prompt tokens that came from the cache.",
            (_hit_rate(RATE, FEATURE), f"{{{{{FEATURE}}}}}"),
            unit=SHARE,
            maximum=1,
        ),
        bars(
            "Cache writes and reads",
            "Tokens per interval.",
            (f"{some(inc.TOKENS, _SHORT)} or vector(0)", "written, 5 minutes"),
            (f"{some(inc.TOKENS, _LONG)} or vector(0)", "written, 1 hour"),
            (f"{some(inc.TOKENS, rec.READ)} or vector(0)", "read"),
        ),
    )
    growth = (
        graph(
            "Prompt tokens per call",
            "By feature, over an hour: growth is history that is never cut.",
            (
                f"max by ({SERVICE}, {FEATURE}) ({select(rec.PROMPT_SIZE, *OF_SERVICE)})",
                f"{{{{{SERVICE}}}}} {{{{{FEATURE}}}}}",
            ),
        ),
        bars(
            "Calls by prompt size",
            "small: under 1,000 tokens, medium: 10,000, large: 50,000.",
            (f"{amount(inc.REQUESTS, SIZE)} > 0", f"{{{{{SIZE}}}}}"),
        ),
        graph(
            "Prompt tokens, p95",
            "Of single calls, in the histogram of the conventions.",
            (
                f"histogram_quantile(0.95, sum by (le, {MODEL}) (rate("
                f"{select(series(semconv.M_TOKEN_USAGE) + '_bucket', *OF_MODEL, _PROMPT_USAGE)}[{RATE}])))",
                f"{{{{{MODEL}}}}}",
            ),
        ),
    )
    use = (
        _when("Calls by hour", "Of the chosen time, in your time zone: choose days.", "HH"),
        _when("Calls by weekday", "Of the chosen time: choose weeks.", "ddd"),
    )
    return Board(
        "otel-claude-tokens",
        "Claude / Tokens and cache",
        "Tokens by type, what the prompt cache does, how prompts grow, when Claude is used.",
        (("Now", head), ("Tokens", flow), ("Cache", cache), ("Prompts", growth), ("When", use)),
        span="now-24h",
    )
