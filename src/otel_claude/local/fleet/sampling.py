"""How much of everything the stored calls are: spans may have been sampled before they came here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_claude import semconv
from otel_claude.local.engine import Coverage
from otel_claude.local.fleet.tables import SUMS, TABLES, text

if TYPE_CHECKING:
    from otel_claude.local.fleet.engine import ClickHouse
    from otel_claude.local.queries.period import Period

_WHOLE: Final = 0.95
"""Share from which nothing is said: metrics come up to a minute later than the spans they count."""

# Operations of which every span is one request that the metrics count.
_COUNTED: Final = ("chat", "text_completion")
_OPERATION: Final = text(semconv.OPERATION_NAME)
_LISTED: Final = ", ".join(map(text, _COUNTED))

# W3C trace state, vendor `ot`: `th` is the threshold, 56 bits in hexadecimal without the zeros at
# its end; a span was kept where its randomness was not below it.
_TH: Final = "extract(TraceState, '(?:^|,)\\\\s*ot=(?:[^,]*;)?th:([0-9a-f]{1,14})')"
_THRESHOLD: Final = f"reinterpretAsUInt64(reverse(unhex(rightPad({_TH}, 14, '0'))))"
_ADJUSTED: Final = f"1 / (1 - {_THRESHOLD} / pow(2, 56))"


def coverage(engine: ClickHouse, period: Period) -> Coverage:
    """How much of everything the calls of a period are.

    Metrics never depend on sampling: where they are stored too, they say it. Else the threshold
    says it that consistent samplers leave in the trace state. Else it is not known.
    """
    stored = _stored(engine, period)
    calls, marked = stored["calls"], stored["marked"]
    counted = _requests(engine, period)
    # Metrics of fewer calls than there are come from some of the processes only, and say nothing.
    if counted and calls * _WHOLE <= counted:
        share = min(1.0, calls / counted)
        note = None if share >= _WHOLE else _said(calls, counted, share)
        return Coverage(calls=calls, counted=counted, share=share, basis="metrics", note=note)
    if not calls:
        return Coverage(calls=0, counted=None, share=None, basis=None, note=None)
    if marked:
        share = calls / stored["adjusted"]
        note = None if share >= _WHOLE else _estimated(share)
        return Coverage(
            calls=calls, counted=stored["adjusted"], share=share, basis="threshold", note=note
        )
    return Coverage(calls=calls, counted=None, share=None, basis=None, note=_UNKNOWN)


def _stored(engine: ClickHouse, period: Period) -> dict[str, Any]:
    (table,) = TABLES["calls"]
    bounds = [
        table.where(table.time, sign, f"{{{name}: Int64}}")
        for sign, name in ((">=", "start"), ("<", "end"))
    ]
    inside = (
        f"{table.columns[table.time]} >= {{start: Int64}} "
        f"AND {table.columns[table.time]} < {{end: Int64}}"
    )
    return engine.native(
        f"""SELECT count() AS calls, countIf(marked) AS marked, sum(weight) AS adjusted FROM (
            SELECT {_TH} != '' AS marked, if(marked, {_ADJUSTED}, 1) AS weight FROM {table.base}
            WHERE {bounds[0]} AND {bounds[1]} AND {inside} AND {table.condition}
                AND SpanAttributes[{_OPERATION}] IN ({_LISTED})
            LIMIT 1 BY {table.once}
        )""",
        {"start": period.start, "end": period.end},
    )[0]


def _requests(engine: ClickHouse, period: Period) -> float:
    """How many calls the metrics counted; 0 where they are not there."""
    if SUMS not in engine.bases:
        return 0.0
    # A process that began inside counts in full, another from its first point on.
    rows = engine.native(
        f"""SELECT sum(if(delta, added, last - if(began < {{start: Int64}}, first, 0))) AS requests
        FROM (
            SELECT AggregationTemporality = 1 AS delta, sum(Value) AS added, max(Value) AS last,
                min(Value) AS first, toUnixTimestamp(StartTimeUnix) AS began
            FROM {SUMS}
            WHERE TimeUnix >= toDateTime({{start: Int64}}, 'UTC')
                AND TimeUnix < toDateTime({{end: Int64}}, 'UTC')
                AND MetricName = {text(semconv.M_REQUESTS)}
                AND Attributes[{_OPERATION}] IN ({_LISTED})
            GROUP BY delta, ServiceName, ResourceAttributes, Attributes, began
        )""",
        {"start": _second(period.start), "end": _second(period.end) + 1},
    )
    return float(rows[0]["requests"] or 0)


def _second(nanoseconds: int) -> int:
    return min(max(nanoseconds // 10**9, 0), 4_102_444_800)  # to the year 2100


_ALONE: Final = "counts, tokens and money are those of these calls alone"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else f"{share:.2%}"


def _said(calls: int, counted: float, share: float) -> str:
    return (
        f"These are {_percent(share)} of the calls: {calls:,} of the {counted:,.0f} that the metrics "
        f"counted. Spans were sampled or lost; {_ALONE}."
    )


def _estimated(share: float) -> str:
    return (
        f"These are about {_percent(share)} of the calls, as the sampling threshold in their trace "
        f"state says; {_ALONE}."
    )


_UNKNOWN: Final = (
    "Whether these are all calls is not known: spans may have been sampled, and there are no "
    f"metrics of all of them that would say so; {_ALONE}."
)
