"""The prompts of the dearest sessions, call after call."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from otel_claude.local.analyses.growth import LEAST, growth
from otel_claude.local.queries.filters import Filters, Parameters, one_of, where

if TYPE_CHECKING:
    from otel_claude.local.engine import Engine
    from otel_claude.local.queries.period import Period

_PROMPTS: Final = 500  # of a session, the latest: what is answered stays bounded


def sessions_of(
    engine: Engine, period: Period, filters: Filters, *, limit: int = 100
) -> dict[str, Any]:
    """How prompts grow within sessions; loops first, then the dearest.

    Args:
        engine: where to ask.
        period: which time.
        filters: which calls.
        limit: sessions, the dearest of those with enough calls.
    """
    parameters = Parameters()
    condition = where(period, filters, parameters)
    condition += " AND session_id IS NOT NULL AND operation = 'chat' AND input_tokens IS NOT NULL"
    dearest = engine.rows(
        f"SELECT session_id, count(*) AS calls, min(start_ns) AS first_ns, "
        f"CAST(coalesce(sum(cost), 0) AS DOUBLE) AS cost_usd FROM calls WHERE {condition} "
        f"GROUP BY session_id HAVING count(*) >= {LEAST} "
        f"ORDER BY cost_usd DESC, session_id LIMIT {int(limit)}",
        parameters.values,
    )
    if not dearest:
        reason = f"not enough data: no session with {LEAST} calls or more"
        return {"reason": reason, "sessions": []}
    chosen = one_of("session_id", [row["session_id"] for row in dearest], parameters)
    prompts: dict[str, list[int]] = {}
    for row in engine.rows(
        "SELECT session_id, input_tokens FROM ("
        "SELECT session_id, input_tokens, start_ns, span_id, row_number() OVER ("
        "PARTITION BY session_id ORDER BY start_ns DESC, span_id DESC) AS place "
        f"FROM calls WHERE {condition} AND {chosen}) AS numbered "
        f"WHERE place <= {_PROMPTS} ORDER BY start_ns, span_id",
        parameters.values,
    ):
        prompts.setdefault(row["session_id"], []).append(row["input_tokens"])
    found = []
    for row in dearest:
        grown = growth(prompts[row["session_id"]])
        if grown is not None:
            found.append(
                {
                    "session": row["session_id"],
                    **{name: row[name] for name in ("calls", "cost_usd", "first_ns")},
                    **asdict(grown),
                }
            )
    found.sort(key=lambda one: not one["loop"])
    return {"reason": None, "sessions": found}
