"""Calls of one's own making in a store, without a server."""

from __future__ import annotations

from typing import Any

from otel_claude.local.queries.period import DAY, Period
from otel_claude.local.store import Store

SECOND = 1_000_000_000
NOW = 1_795_000_000 * SECOND  # November 2026
DAY_BEFORE = Period(NOW - DAY, NOW)


def store_of(calls: list[dict[str, Any]]) -> Store:
    """A store of calls; what is not said of one is as of an ordinary short call.

    `ago` is how many seconds before `NOW` it began.
    """
    store = Store()
    for number, call in enumerate(calls):
        row = {
            "span_id": f"{number:016x}",
            "trace_id": f"{number:032x}",
            "operation": "chat",
            "model": "claude-opus-4-5",
            "stop_reason": "end_turn",
            "input_tokens": 100,
            "output_tokens": 10,
            "duration": 1.0,
            "service": "shop",
            **call,
        }
        row["start_ns"] = NOW - int(row.pop("ago") * SECOND)
        names, places = ", ".join(row), ", ".join("?" * len(row))
        with store.writing() as cursor:
            cursor.execute(f"INSERT INTO calls ({names}) VALUES ({places})", list(row.values()))
    return store
