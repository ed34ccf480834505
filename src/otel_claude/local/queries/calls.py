"""The table of calls, and one call with all that belongs to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from otel_claude import semconv
from otel_claude.local.columns import BY_ATTRIBUTE, CALLS, CONTENT, MONEY
from otel_claude.local.queries.filters import Filters, Parameters, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_claude.local.engine import Engine, Row
    from otel_claude.local.queries.period import Period

_SHORT: Final = (
    "span_id", "trace_id", "start_ns", "duration", "model", "operation", "outcome", "error_type",
    "error_category", "stop_reason", "stream", "retries", "first_token", "input_tokens",
    "output_tokens", "cache_read_tokens", "cache_write_tokens", "user_id", "session_id", "tenant",
    "team", "feature", "endpoint", "service", "cost_unavailable", "cost_incomplete",
)  # fmt: skip
SHORT: Final = ", ".join((*_SHORT, "CAST(cost AS DOUBLE) AS cost"))
"""Columns of a call in a list."""

SORTS: Final = ("start", "duration", "cost", "first_token", "input_tokens", "output_tokens",
                "cache_read_tokens", "retries", "model", "feature", "user")  # fmt: skip
_SORT_COLUMNS: Final = {"start": "start_ns", "user": "user_id"}


def short(row: Row) -> dict[str, Any]:
    """A call as lists show it: times in seconds, money in USD."""
    return {
        "id": row["span_id"],
        "trace_id": row["trace_id"],
        "start_ns": row["start_ns"],
        "duration_s": row["duration"],
        "first_token_s": row["first_token"],
        "cost_usd": row["cost"],
        "user": row["user_id"],
        "session": row["session_id"],
        "failed": row["error_type"] is not None,
        "cost_incomplete": _list(row["cost_incomplete"]),
        **{name: row[name] for name in _AS_THEY_ARE},
    }


_AS_THEY_ARE: Final = tuple(
    name
    for name in _SHORT
    if name
    not in ("span_id", "trace_id", "start_ns", "duration", "first_token", "user_id", "session_id", "cost_incomplete")
)  # fmt: skip


def _list(text: str | None) -> list[str]:
    if not text:
        return []
    try:
        value = json.loads(text)
    except ValueError:
        return [text]
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def calls(
    engine: Engine,
    period: Period,
    filters: Filters,
    *,
    sort: str = "start",
    descending: bool = True,
    limit: int = 50,
    offset: int = 0,
) -> dict[str, Any]:
    """A page of calls, and how many there are in all.

    Args:
        engine: where to ask.
        period: which time.
        filters: which calls.
        sort: one of `SORTS`.
        descending: the largest first.
        limit: calls on a page.
        offset: calls before the page.
    """
    parameters = Parameters()
    condition = where(period, filters, parameters)
    column = _SORT_COLUMNS.get(sort, sort)
    direction = "DESC" if descending else "ASC"
    rows = engine.rows(
        f"SELECT {SHORT} FROM calls WHERE {condition} "
        f"ORDER BY {column} {direction} NULLS LAST, start_ns DESC, span_id "
        f"LIMIT {int(limit)} OFFSET {int(offset)}",
        parameters.values,
    )
    total = engine.rows(
        f"SELECT count(*) AS calls FROM calls WHERE {condition}", parameters.values
    )[0]["calls"]
    return {
        "total": total,
        "limit": limit,
        "offset": offset,
        "calls": [short(row) for row in rows],
    }


_PAGE: Final = 5_000
_WHOLE: Final = ", ".join(
    f"CAST({c.name} AS DOUBLE) AS {c.name}" if c.kind == MONEY else c.name
    for c in CALLS
    if c.name not in CONTENT
)


def pages(
    engine: Engine, period: Period, filters: Filters, *, limit: int | None = None
) -> Iterator[list[Row]]:
    """All columns of calls but their content, in the order of time, some thousand at once.

    Each page begins after the last call of the one before, so that new calls shift nothing.

    Args:
        engine: where to ask.
        period: which time.
        filters: which calls.
        limit: calls at most; None for all.
    """
    after = (period.start - 1, "")
    left = _PAGE if limit is None else limit
    while left > 0:
        parameters = Parameters()
        condition = where(period, filters, parameters)
        at, span = parameters.add(after[0]), parameters.add(after[1])
        rows = engine.rows(
            f"SELECT {_WHOLE}, tags, attributes FROM calls WHERE {condition} "
            f"AND (start_ns > {at} OR (start_ns = {at} AND span_id > {span})) "
            f"ORDER BY start_ns, span_id LIMIT {min(_PAGE, left)}",
            parameters.values,
        )
        if not rows:
            return
        after = (rows[-1]["start_ns"], rows[-1]["span_id"])
        left -= len(rows) if limit is not None else 0
        yield rows


def call(engine: Engine, span_id: str, trace_id: str | None = None) -> dict[str, Any] | None:
    """One call: the whole span, content, events, evaluations and its trace; None if there is none."""
    parameters = Parameters()
    condition = f"span_id = {parameters.add(span_id)}"
    if trace_id is not None:
        condition += f" AND trace_id = {parameters.add(trace_id)}"
    content = ", ".join(CONTENT)
    rows = engine.rows(
        f"SELECT {_WHOLE}, {content}, tags, attributes, resource FROM calls WHERE {condition} LIMIT 1",
        parameters.values,
    )
    if not rows:
        return None
    row = rows[0]
    return {
        "call": short(row),
        "name": row["name"],
        "kind": row["kind"],
        "status": row["status"],
        "scope": row["scope"],
        "parent_id": row["parent_id"] or None,
        "attributes": attributes_of(row),
        "resource": _object(row["resource"]),
        "content": {name: _json(row[name]) for name in CONTENT if row[name] is not None},
        **_around(engine, row),
    }


def attributes_of(row: Row) -> dict[str, Any]:
    """All attributes of the span as they were sent, content aside."""
    found = {
        name: _json(row[column.name]) if name == semconv.COST_INCOMPLETE else row[column.name]
        for name, column in BY_ATTRIBUTE.items()
        if column.name not in CONTENT and row[column.name] is not None
    }
    found.update((semconv.TAG_PREFIX + key, value) for key, value in (row["tags"] or {}).items())
    found.update(_object(row["attributes"]))
    return dict(sorted(found.items()))


def _object(text: str | None) -> dict[str, Any]:
    value = _json(text)
    return value if isinstance(value, dict) else {}


def _json(text: Any) -> Any:
    """JSON text as a value; a text that is none (cut by an attribute limit) as it is."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _around(engine: Engine, row: Row) -> dict[str, Any]:
    ids = {"trace": row["trace_id"], "span": row["span_id"], "response": row["response_id"]}
    events = engine.rows(
        "SELECT time_ns, name, severity, body, attributes FROM events "
        "WHERE trace_id = $trace AND span_id = $span ORDER BY time_ns, name",
        {"trace": ids["trace"], "span": ids["span"]},
    )
    verdicts = engine.rows(
        "SELECT time_ns, name, score, label, explanation FROM evaluations "
        "WHERE (trace_id = $trace AND span_id = $span) OR response_id = $response "
        "ORDER BY time_ns, name",
        ids,
    )
    return {
        "events": [
            {**event, "body": _json(event["body"]), "attributes": _object(event["attributes"])}
            for event in events
        ],
        "evaluations": verdicts,
        "trace": trace(engine, row["trace_id"]),
    }


_LONGEST_TRACE: Final = 2_000
_NODE: Final = "span_id, parent_id, name, kind, status, scope, service, start_ns, duration"


def trace(engine: Engine, trace_id: str) -> list[dict[str, Any]]:
    """The spans of a trace, parents before children, each with its depth.

    A span whose parent is not there is a root; a circle of parents is cut.
    """
    rows = engine.rows(
        f"SELECT {_NODE}, TRUE AS is_call, model, CAST(cost AS DOUBLE) AS cost_usd, "
        "input_tokens, output_tokens, error_type FROM calls WHERE trace_id = $trace "
        f"UNION ALL SELECT {_NODE}, FALSE AS is_call, NULL AS model, NULL AS cost_usd, "
        "NULL AS input_tokens, NULL AS output_tokens, NULL AS error_type "
        f"FROM spans WHERE trace_id = $trace ORDER BY start_ns, duration DESC LIMIT {_LONGEST_TRACE}",
        {"trace": trace_id},
    )
    known = {row["span_id"] for row in rows}
    children: dict[str, list[Row]] = {}
    roots = []
    for row in rows:
        if row["parent_id"] in known and row["parent_id"] != row["span_id"]:
            children.setdefault(row["parent_id"], []).append(row)
        else:
            roots.append(row)
    found: list[dict[str, Any]] = []
    left = [(row, 0) for row in reversed(roots)]
    seen: set[str] = set()
    while left or len(seen) < len(known):
        if not left:  # only circles are left: begin at the earliest of them
            left.append((next(row for row in rows if row["span_id"] not in seen), 0))
        row, depth = left.pop()
        if row["span_id"] in seen:
            continue
        seen.add(row["span_id"])
        found.append(_node(row, depth))
        left += [(child, depth + 1) for child in reversed(children.get(row["span_id"], []))]
    return found


def _node(row: Row, depth: int) -> dict[str, Any]:
    node = {name: value for name, value in row.items() if name != "duration"}
    parent = row["parent_id"] or None
    return {**node, "duration_s": row["duration"], "depth": depth, "parent_id": parent}
