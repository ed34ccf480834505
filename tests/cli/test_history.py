"""The made-up past of the demo's dashboard."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_claude import semconv
from otel_claude.cli.history import logs, messages, replay
from otel_claude.cli.received import Record, Span

DAY = 86_400 * 10**9
MONDAY = int(datetime(2026, 6, 1, tzinfo=timezone.utc).timestamp()) * 10**9


def span(trace, number, start, **attributes):
    said = {name.replace("__", "."): value for name, value in attributes.items()}
    parent = f"{trace:08x}{0:08x}" if number else ""
    return Span(
        name="chat",
        trace_id=f"{trace:032x}",
        span_id=f"{trace:08x}{number:08x}",
        parent_id=parent,
        kind="client",
        status="unset",
        start=start,
        end=start + 10**9,
        scope=semconv.SCOPE,
        attributes={semconv.COST_TOTAL: 0.25, **said},
        resource={"service.name": "shop"},
    )


@pytest.fixture
def run():
    """One session of two traces, and one trace of two spans."""
    return [
        span(1, 0, 10**9, session__id="s", gen_ai__response__time_to_first_chunk=0.5),
        span(2, 0, 5 * 10**9, session__id="s", gen_ai__conversation__id="s"),
        span(3, 0, 7 * 10**9, stream=True, names=["a", "b"]),
        span(3, 1, 7 * 10**9 + 10**8),
    ]


@pytest.fixture
def past(run):
    return [done.spans for done in replay(run, days=28, a_day=100, until=MONDAY, seed=1)]


def test_same_seed_same_past(run, past):
    same, other = (
        [done.spans for done in replay(run, days=28, a_day=100, until=MONDAY, seed=seed)]
        for seed in (1, 2)
    )
    assert past == same
    assert past != other
    assert list(replay([], days=1, a_day=10, until=MONDAY)) == []


def test_ids_are_new_and_structure_is_kept(past):
    spans = [span for done in past for span in done]
    assert len({span.span_id for span in spans}) == len(spans)
    for done in past:
        sessions = {span.attributes.get(semconv.SESSION_ID) for span in done}
        assert len(sessions) == 1
        known = {span.span_id: span.trace_id for span in done}
        for one in done:
            assert not one.parent_id or known[one.parent_id] == one.trace_id
        assert len({span.trace_id for span in done}) == (1 if sessions == {None} else 2)
    told = {done[0].attributes.get(semconv.SESSION_ID) for done in past} - {None}
    assert len(told) == sum(semconv.SESSION_ID in done[0].attributes for done in past)


def test_money_is_kept_and_time_is_scaled(run, past):
    for done in past:
        pace = (done[0].end - done[0].start) / (run[0].end - run[0].start)
        assert all(span.attributes[semconv.COST_TOTAL] == 0.25 for span in done)
        for one in done:
            assert (one.end - one.start) / 10**9 == pytest.approx(pace, rel=1e-6)
            first = one.attributes.get(semconv.RESPONSE_TIME_TO_FIRST_CHUNK)
            assert first is None or first == pytest.approx(0.5 * pace)


def test_more_by_day_and_on_working_days(past):
    moments = [datetime.fromtimestamp(done[0].start / 1e9, timezone.utc) for done in past]
    assert all(MONDAY - 28 * DAY <= done[0].start < MONDAY for done in past)
    hours = Counter(moment.hour for moment in moments)
    assert sum(hours[hour] for hour in range(10, 18)) > 3 * sum(hours[hour] for hour in range(6))
    weekend = sum(moment.weekday() >= 5 for moment in moments) / 8
    working = sum(moment.weekday() < 5 for moment in moments) / 20
    assert working == pytest.approx(100, rel=0.15)
    assert weekend < 0.6 * working


def test_messages_hold_every_span_once(past):
    spans = [span for done in past for span in done]
    sent = list(messages(spans, size=100))
    assert all(isinstance(message, ExportTraceServiceRequest) for message in sent)
    found = [
        one
        for message in sent
        for group in message.resource_spans
        for scoped in group.scope_spans
        for one in scoped.spans
    ]
    assert [one.span_id.hex() for one in found] == [one.span_id for one in spans]
    kinds = {pair.key: pair.value.WhichOneof("value") for one in found for pair in one.attributes}
    assert kinds["stream"] == "bool_value"
    assert kinds["names"] == "array_value"
    assert kinds[semconv.COST_TOTAL] == "double_value"


def test_evaluations_follow_their_spans(run):
    said = {"gen_ai.evaluation.name": "varied"}
    records = [
        Record(
            name, "INFO", run[0].end + 10**9, run[0].trace_id, run[0].span_id, "otel_claude", said
        )
        for name in (semconv.EVENT_EVALUATION, "something.else")
    ]
    past = list(replay(run, records, days=28, a_day=20, until=MONDAY, seed=1))
    found = [(done, record) for done in past for record in done.records]
    assert len(found) == sum(semconv.SESSION_ID in done.spans[0].attributes for done in past)
    for done, record in found:
        (about,) = [one for one in done.spans if one.span_id == record.span_id]
        assert (record.trace_id, record.name) == (about.trace_id, semconv.EVENT_EVALUATION)
        assert about.end < record.time < about.end + 5 * 10**9
    sent = list(logs([record for _, record in found], run[0].resource, size=10))
    told = [
        one
        for message in sent
        for group in message.resource_logs
        for scoped in group.scope_logs
        for one in scoped.log_records
    ]
    assert [one.span_id.hex() for one in told] == [record.span_id for _, record in found]
    assert {one.attributes[0].value.string_value for one in told} == {"varied"}
