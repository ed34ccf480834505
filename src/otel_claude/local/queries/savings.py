"""Sums of the calls that could have been cheaper."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from otel_claude.local.analyses import savings as analysis
from otel_claude.local.queries.filters import Filters, Parameters, where
from otel_claude.local.queries.period import HOUR, SECOND

if TYPE_CHECKING:
    from otel_claude.local.engine import Engine, Row
    from otel_claude.local.queries.period import Period

_SHORT_LIFE: Final = 300 * SECOND
_CONVERSATIONS: Final = 10_000  # those that repeat most: what is left out is little
# The longest of the models' shortest prompts that can be cached.
_CACHEABLE: Final = 4096
_WRITE: Final = "coalesce(cache_write_tokens, 0)"
_READ: Final = "coalesce(cache_read_tokens, 0)"
_LONG: Final = "coalesce(cache_write_1h_tokens, 0)"
_TOKENS: Final = f"""
    count(*) AS calls,
    sum(input_tokens - {_READ} - {_WRITE}) AS plain,
    sum({_READ}) AS read,
    sum({_WRITE} - {_LONG}) AS short,
    sum({_LONG}) AS long,
    sum(output_tokens) AS output"""
# Those at the full price that went well.
_ORDINARY: Final = (
    "operation = 'chat' AND error_type IS NULL AND model IS NOT NULL "
    "AND input_tokens IS NOT NULL AND output_tokens IS NOT NULL "
    "AND coalesce(service_tier, 'standard') = 'standard' AND coalesce(speed, 'standard') <> 'fast'"
)
_SIMPLE: Final = (
    "stop_reason = 'end_turn' AND input_tokens <= 4000 AND output_tokens <= 300 "
    "AND coalesce(tools, 0) = 0 AND coalesce(thinking_tokens, 0) = 0 "
    "AND coalesce(web_searches, 0) = 0"
)
# Nobody waits for a whole answer to a question that no user asked.
_UNATTENDED: Final = "NOT coalesce(stream, FALSE) AND session_id IS NULL AND user_id IS NULL"


def savings_of(engine: Engine, period: Period, filters: Filters) -> dict[str, Any]:
    """What could be saved in a period, each kind's dearest first.

    Args:
        engine: where to ask.
        period: which time; prices are those of its end.
        filters: which calls.
    """
    parameters = Parameters()
    condition = where(period, filters, parameters)

    def ask(sql: str) -> list[Row]:
        return engine.rows(sql, parameters.values)

    calls = ask(f"SELECT count(*) AS calls FROM calls WHERE {condition} AND {_ORDINARY}")[0][
        "calls"
    ]
    if calls < analysis.LEAST:
        said = f"not enough data: {calls} calls at the full price, of {analysis.LEAST}"
        return {"reason": said, "calls": calls, "savings": []}
    ordinary = f"FROM calls WHERE {condition} AND {_ORDINARY}"
    at = period.end / SECOND
    found = [
        *analysis.smaller_model(ask(_simple(ordinary)), at),
        *analysis.prompt_caching(ask(_repeated(ordinary)), at),
        *analysis.unused_cache_writes(ask(_unread(condition, period.end)), at),
        *analysis.batchable(ask(_bulk(ordinary)), at),
        *analysis.oversized(ask(_limits(ordinary))),
    ]
    return {"reason": None, "calls": calls, "savings": [asdict(one) for one in found]}


def _simple(ordinary: str) -> str:
    return f"SELECT model, {_TOKENS} {ordinary} AND {_SIMPLE} GROUP BY model ORDER BY model"


def _repeated(ordinary: str) -> str:
    """By conversation, or where there is none by requests of one size: what is sent again."""
    return f"""
        WITH seen AS (
            SELECT model, input_tokens,
                CASE WHEN session_id IS NULL THEN concat(body_size, '/', input_tokens)
                    ELSE concat('session ', session_id) END AS conversation,
                start_ns,
                start_ns - lag(start_ns) OVER w AS gap,
                lag(input_tokens) OVER w AS before
            {ordinary} AND {_READ} = 0 AND {_WRITE} = 0 AND input_tokens >= {_CACHEABLE}
                AND (session_id IS NOT NULL OR body_size IS NOT NULL)
            WINDOW w AS (PARTITION BY model,
                CASE WHEN session_id IS NULL THEN concat(body_size, '/', input_tokens)
                    ELSE concat('session ', session_id) END
                ORDER BY start_ns)
        )
        SELECT model, conversation, count(*) AS calls, sum(input_tokens) AS tokens,
            sum(CASE WHEN gap <= {_SHORT_LIFE} AND input_tokens >= before THEN before ELSE 0 END)
                AS again
        FROM seen GROUP BY model, conversation
        HAVING again > 0 ORDER BY again DESC, model, conversation LIMIT {_CONVERSATIONS}"""


def _unread(condition: str, end: int) -> str:
    """Ordinary writes whose life is over, and that no call of the same kind read from meanwhile."""
    return f"""
        WITH seen AS (
            SELECT model, start_ns, {_WRITE} - {_LONG} AS short_tokens, {_LONG} AS long_tokens,
                CASE WHEN {_LONG} > 0 THEN {HOUR} ELSE {_SHORT_LIFE} END AS life,
                CASE WHEN {_ORDINARY} THEN 1 ELSE 0 END AS ordinary,
                min(CASE WHEN {_READ} > 0 THEN start_ns END) OVER (
                    PARTITION BY model, coalesce(session_id, prompt, feature, service)
                    ORDER BY start_ns ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
                ) AS next_read
            FROM calls WHERE {condition} AND model IS NOT NULL
        )
        SELECT model, count(*) AS calls, sum(short_tokens) AS short, sum(long_tokens) AS long
        FROM seen
        WHERE ordinary = 1 AND short_tokens + long_tokens > 0 AND start_ns + life < {end}
            AND (next_read IS NULL OR next_read - start_ns > life)
        GROUP BY model ORDER BY model"""


def _bulk(ordinary: str) -> str:
    names = ("calls", "plain", "read", "short", "long", "output")
    sums = ", ".join(f"sum({name}) AS {name}" for name in names)
    return f"""
        WITH hourly AS (
            SELECT model, feature, start_ns // {HOUR} AS hour, {_TOKENS}
            {ordinary} AND {_UNATTENDED} GROUP BY model, feature, hour
            HAVING count(*) >= {analysis.LEAST}
        )
        SELECT model, feature, {sums} FROM hourly GROUP BY model, feature ORDER BY model, feature"""


def _limits(ordinary: str) -> str:
    return f"""
        SELECT model, feature, max_tokens, count(*) AS calls, max(output_tokens) AS longest
        {ordinary} AND max_tokens IS NOT NULL
        GROUP BY model, feature, max_tokens ORDER BY model, feature, max_tokens"""
