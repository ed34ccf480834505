"""Faults that were found once; none of them may come back."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import copy
import gc
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic._models import FinalRequestOptions
from opentelemetry.trace import NoOpTracerProvider

from otel_claude import (
    BudgetExceeded,
    ClaudeInstrumentor,
    _faults,
    attribution,
    flush,
    semconv,
)
from otel_claude.audit import chain
from otel_claude.budgets import Budget
from otel_claude.capture import batches, endpoint, native, sessions, watch
from otel_claude.emit import events
from otel_claude.emit.instruments import instruments_of
from tests.conftest import Telemetry


def test_a_response_that_nobody_holds_can_be_read(watched, client, ask):
    chunks = client.messages.with_raw_response.create(**ask(), stream=True).http_response.iter_raw()
    assert b"message_stop" in b"".join(chunks)
    assert watched.attributes[semconv.OUTCOME] == "completed"


def test_responses_can_be_pickled_and_copied(watched, client, ask):
    answer = client.post("/v1/messages", cast_to=httpx2.Response, body=ask())
    assert pickle.loads(pickle.dumps(answer)).status_code == 200
    assert copy.deepcopy(answer).status_code == 200
    stream = client.messages.create(**ask(), stream=True)
    list(stream)
    assert pickle.loads(pickle.dumps(stream.response)).status_code == 200


def test_batch_results_of_a_raw_response_are_counted(watched, client, ask):
    batch = client.messages.batches.create(requests=[{"custom_id": "a", "params": ask()}])
    while client.messages.batches.retrieve(batch.id).processing_status != "ended":
        pass
    raw = client.messages.batches.with_raw_response.results(batch.id)
    assert len(list(raw.parse())) == 1
    assert watched.spans[-1].attributes[semconv.BATCH_COUNTED] == 1


def test_adopt_without_an_sdk_behind_the_sdks_spans_makes_ours(telemetry, client, ask):
    telemetry.instrument(native="adopt")
    client.messages.create(**ask())
    assert telemetry.attributes[semconv.OUTCOME] == "completed"


def test_clients_made_per_call_share_their_labels(watched, client, ask):
    for _ in range(20):
        client.with_options(timeout=30).messages.create(**ask())
    pending = instruments_of(watched.meters).sums.take()
    assert len(pending) == 2  # the calls under way, and the calls


def test_a_fault_in_the_bill_leaves_the_span_and_the_count_of_calls(
    telemetry, client, ask, monkeypatch
):
    from otel_claude.emit import recorder

    def fail(*_: Any) -> None:
        raise RuntimeError("injected")

    telemetry.instrument()
    monkeypatch.setattr(recorder, "Bill", fail)
    client.messages.create(**ask())
    assert len(telemetry.spans) == 1
    assert telemetry.total(semconv.M_ACTIVE) == 0
    _faults.drain()


@pytest.mark.parametrize("number", [10**400, 2**70, 1e300])
def test_numbers_that_are_no_counts_are_absent(watched, number):
    body = {"id": "m", "type": "message", "model": "claude-haiku-4-5", "content": []}
    body["usage"] = {"input_tokens": 1, "output_tokens": number}  # type: ignore[assignment] # odd
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, json=body))
    client = anthropic.Anthropic(
        api_key="k", base_url="http://test", http_client=httpx2.Client(transport=transport)
    )
    client.messages.create(
        model="claude-haiku-4-5", max_tokens=1, messages=[{"role": "user", "content": "x"}]
    )
    assert watched.attributes[semconv.USAGE_INPUT_TOKENS] == 1
    assert semconv.USAGE_OUTPUT_TOKENS not in watched.attributes


def test_one_attribution_can_be_shared_by_tasks(watched, caplog):
    shared = attribution(feature="search")

    async def work(wait: float) -> None:
        async with shared:
            await asyncio.sleep(wait)

    async def run() -> None:
        await asyncio.gather(work(0.02), work(0.01))

    asyncio.run(run())
    assert "Failed to detach" not in caplog.text
    from otel_claude import _attribution

    assert _attribution.current() is None


def test_flush_reaches_the_providers_that_were_given(client, ask):
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from otel_claude import ClaudeInstrumentor

    telemetry, exporter = Telemetry(), InMemorySpanExporter()
    telemetry.tracers.add_span_processor(BatchSpanProcessor(exporter))
    telemetry.instrument()
    try:
        client.messages.create(**ask())
        assert flush(5)
    finally:
        ClaudeInstrumentor().uninstrument()
    assert len(exporter.get_finished_spans()) == 1


def test_the_log_line_of_a_fault_quotes_nothing(telemetry, client, ask, monkeypatch, caplog):
    from otel_claude.capture import failure

    said = "SECRET of ours"

    def fail(*_: Any) -> None:
        raise RuntimeError(said)

    _faults._logged.clear()
    telemetry.instrument()
    monkeypatch.setattr(failure, "ended_by", fail)
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(**ask("status=400,message=SECRET prompt"))
    assert "fault in failure" in caplog.text
    assert "SECRET" not in "".join(
        r.getMessage() for r in caplog.records if r.name == "otel_claude"
    )
    _faults.drain()
    _faults._logged.clear()


def test_a_request_closed_in_another_context_ends_its_call(watched, api, ask, caplog):
    async def begin() -> Any:
        client = anthropic.AsyncAnthropic(api_key="k", base_url=api.url, max_retries=0)
        return client.messages.create(**ask("late_headers=1"))

    coroutine = asyncio.run(begin())
    started = contextvars.copy_context()
    try:
        started.run(coroutine.send, None)
    except (RuntimeError, StopIteration, anthropic.APIConnectionError):
        return  # no event loop: the SDK itself gives up
    contextvars.copy_context().run(coroutine.close)
    assert watched.total(semconv.M_ACTIVE) == 0
    assert "Failed to detach" not in caplog.text


_MESSAGE = {"id": "m", "type": "message", "model": "claude-haiku-4-5", "content": []}


def _answering(answer: Callable[[Any], httpx2.Response]) -> anthropic.Anthropic:
    transport = httpx2.MockTransport(answer)
    return anthropic.Anthropic(api_key="k", http_client=httpx2.Client(transport=transport))


def test_response_headers_count_in_whatever_case_they_come(watched, ask):
    headers = {
        "Request-Id": "req_1",
        "ANTHROPIC-ORGANIZATION-ID": "org",
        "Anthropic-RateLimit-Requests-Remaining": "7",
    }
    with _answering(lambda _: httpx2.Response(200, headers=headers, json=_MESSAGE)) as client:
        client.messages.create(**ask())
    assert watched.attributes[semconv.REQUEST_ID] == "req_1"
    (point,) = watched.metrics()[semconv.M_RATELIMIT_REMAINING]
    assert (point.value, point.attributes[semconv.ORGANIZATION_ID]) == (7, "org")


def test_rate_limits_count_in_another_case_than_the_id_of_the_request(watched, ask):
    headers = {"request-id": "r", "Anthropic-Organization-Id": "org"}
    headers["Anthropic-RateLimit-Requests-Limit"] = "7"
    with _answering(lambda _: httpx2.Response(200, headers=headers, json=_MESSAGE)) as client:
        client.messages.create(**ask())
    (point,) = watched.metrics()[semconv.M_RATELIMIT_LIMIT]
    assert (point.value, point.attributes[semconv.ORGANIZATION_ID]) == (7, "org")


def test_an_answer_without_rate_limits_leaves_those_of_the_attempt_before(watched, ask):
    limits = {"anthropic-ratelimit-requests-limit": "7", "retry-after-ms": "1"}
    problem = {"type": "error", "error": {"type": "rate_limit_error", "message": "x"}}
    answers = [
        httpx2.Response(429, headers=limits, json=problem),
        httpx2.Response(200, headers={"request-id": "r"}, json=_MESSAGE),
    ]
    with _answering(lambda _: answers.pop(0)) as client:
        client.messages.create(**ask())
    assert answers == []
    (point,) = watched.metrics()[semconv.M_RATELIMIT_LIMIT]
    assert point.value == 7


def test_a_tool_runner_runs_where_what_watches_it_cannot_be_imported(
    telemetry, client, ask, monkeypatch
):
    @anthropic.beta_tool
    def look(place: str) -> str:
        """Look somewhere."""
        return place

    _faults.drain()
    telemetry.instrument()
    monkeypatch.setitem(sys.modules, "otel_claude.capture.tools", None)
    monkeypatch.delattr("otel_claude.capture.tools", raising=False)
    message = client.beta.messages.tool_runner(**ask(), tools=[look]).until_done()
    assert message.type == "message"
    assert _faults.drain() == {"tool_runner": 1}


def test_a_refusal_arrives_where_what_describes_it_cannot_be_imported(
    telemetry, client, ask, monkeypatch
):
    _faults.drain()
    telemetry.instrument(budgets=[Budget("all", limit=0)])
    monkeypatch.setitem(sys.modules, "otel_claude.capture.failure", None)
    with pytest.raises(BudgetExceeded):
        client.messages.create(**ask())
    assert telemetry.attributes[semconv.OUTCOME] == "rejected"
    assert _faults.drain() == {"admit": 1}


def test_a_field_of_an_odd_type_takes_nothing_from_the_calls_after_it(watched, client, ask):
    with contextlib.suppress(anthropic.BadRequestError):
        client.messages.create(**ask(inference_geo=5))
    client.messages.create(**ask(max_tokens=77))
    assert (watched.spans[-1].attributes or {})[semconv.REQUEST_MAX_TOKENS] == 77


def test_our_trace_context_goes_out_once_whatever_the_application_calls_its_own():
    given = FinalRequestOptions.construct(
        method="post", url="/v1/messages", headers={"TraceParent": "theirs", "x-other": "1"}
    )
    call: Any = SimpleNamespace(headers={"traceparent": "ours"}, propagates=True)
    sent = native.with_span_of(call, given)
    assert sent.headers == {"x-other": "1", "traceparent": "ours"}
    assert given.headers == {"TraceParent": "theirs", "x-other": "1"}


def test_what_is_collected_inside_a_span_is_not_said_to_be_of_that_span(telemetry, client, ask):
    mine, telemetry.tracers = telemetry.tracers, NoOpTracerProvider()
    telemetry.instrument()
    with mine.get_tracer("app").start_as_current_span("something else"):
        client.messages.create(**ask())
        points = telemetry.metrics()
    for name in (semconv.M_TOKEN_USAGE, semconv.M_TOKENS, semconv.M_COST):
        assert points[name]
        assert not any(point.exemplars for point in points[name])


class _Collecting(dict[Any, Any]):
    """A mapping that does something when it is first asked."""

    def __init__(self, first: Any) -> None:
        self._first = first

    def get(self, key: Any, default: Any = None) -> Any:
        self._first()
        return super().get(key, default)


def after(first: Callable[[], None], function: Callable[..., Any]) -> Callable[..., Any]:
    def both(*given: Any) -> Any:
        first()
        return function(*given)

    return both


@pytest.mark.parametrize("where", ["counters", "audit trail", "budget"])
def test_a_stream_that_a_collection_closes_ends_outside_of_every_lock(
    telemetry, client, ask, monkeypatch, where
):
    """A generator of the application leaves its `with` block when it is collected: at any point."""
    telemetry.instrument(audit=True, budgets=[{"name": "all", "limit": 100}])

    def words() -> Any:
        with client.messages.stream(**ask()) as stream:
            yield from stream.text_stream

    half: list[Any] = [words()]
    next(half[0])
    half.append(half)
    waiting = [half]
    del half

    def collect() -> None:
        if waiting:
            waiting.clear()
            gc.collect()

    if where == "counters":
        instruments_of(telemetry.meters).sums._pending = _Collecting(collect)
    elif where == "audit trail":
        monkeypatch.setattr(chain, "seal", after(collect, chain.seal))
    else:
        guard = ClaudeInstrumentor()._guard
        monkeypatch.setattr(guard.store, "_clock", after(collect, time.time))

    call = threading.Thread(target=lambda: client.messages.create(**ask()), daemon=True)
    call.start()
    call.join(30)
    assert not call.is_alive(), "it waits for a lock that it holds"
    assert not waiting
    until = time.monotonic() + 30
    while len(telemetry.spans) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    outcomes = {(span.attributes or {})[semconv.OUTCOME] for span in telemetry.spans}
    assert outcomes == {"completed", "abandoned"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_waits_for_no_thread_of_its_parent(telemetry, client, ask):
    """A thread may be within any of our locks while another forks; it does not follow."""
    telemetry.instrument(budgets=[{"name": "all", "limit": 100}])
    client.messages.create(**ask())
    instruments = instruments_of(telemetry.meters)
    locks = [
        _faults._lock,
        batches._seen._lock,
        sessions._sessions._lock,
        instruments._flushing,
        instruments.limits._lock,
        instruments.words._lock,
        ClaudeInstrumentor()._guard._telemetry._lock,
    ]
    held, forked = threading.Event(), threading.Event()

    def hold() -> None:
        with contextlib.ExitStack() as stack:
            for lock in locks:
                stack.enter_context(lock)
            held.set()
            forked.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # ends it
        _faults.report("child")
        batches._seen.is_new("batch", "result")
        sessions._sessions.saw({"id": "sesn", "usage": {}})
        with anthropic.Anthropic(api_key="k", base_url=str(client.base_url)) as own:
            own.messages.create(**ask(model="claude-opus-4-8"))
        telemetry.metrics()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    forked.set()
    thread.join()
    assert status == 0


def test_an_interrupt_within_our_own_work_leaves_no_call_under_way(
    watched, client, ask, monkeypatch
):
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(native, "with_span_of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        client.messages.create(**ask())
    assert watched.attributes[semconv.OUTCOME] == "cancelled"
    assert watched.total(semconv.M_ACTIVE) == 0


def test_a_patch_beneath_that_of_another_is_not_put_on_twice(telemetry, client, ask, monkeypatch):
    base: Any = type(client).__mro__[1]
    monkeypatch.setattr(base, "request", base.request)  # whatever comes is undone
    telemetry.instrument()
    ours = base.request

    def request(self: Any, *args: Any, **kwargs: Any) -> Any:
        """The wrapper of another tool, which does not say what it wraps."""
        return ours(self, *args, **kwargs)

    monkeypatch.setattr(base, "request", request)
    ClaudeInstrumentor().uninstrument()
    client.messages.create(**ask())
    assert telemetry.spans == []
    telemetry.instrument()
    client.messages.create(**ask())
    assert telemetry.attributes[semconv.OUTCOME] == "completed", "one span"


def test_a_patch_is_put_on_again_where_another_took_it_away(telemetry, client, ask, monkeypatch):
    base: Any = type(client).__mro__[1]
    plain = base.__dict__["request"]
    telemetry.instrument()
    monkeypatch.setattr(base, "request", lambda *_, **__: None)
    ClaudeInstrumentor().uninstrument()
    monkeypatch.undo()
    base.request = plain
    telemetry.instrument()
    client.messages.create(**ask())
    assert telemetry.attributes[semconv.OUTCOME] == "completed"


def test_classes_that_a_program_makes_as_it_goes_are_not_remembered_for_ever():
    def made() -> list[type]:
        return [type(f"Made{number}", (anthropic.Anthropic,), {}) for number in range(1000)]

    assert {watch.kind_of(kind) for kind in made()} == {"value"}
    assert {endpoint._platform_of(kind) for kind in made()} == {("anthropic", "anthropic")}
    assert len(watch._kinds) <= 256
    assert len(endpoint._platforms) <= 256


def test_an_older_logs_api_costs_the_events_and_one_line(
    telemetry, client, ask, caplog, monkeypatch
):
    """OpenTelemetry before 1.35; later ones cannot be installed beside it."""

    def without_event_name(*, timestamp=None, context=None, attributes=None, body=None):
        raise AssertionError

    monkeypatch.setattr("opentelemetry._logs.LogRecord", without_event_name)
    events._say_none.cache_clear()
    telemetry.instrument(capture="event", audit=True)
    for scenario in ("", "status=400"):
        with contextlib.suppress(anthropic.APIStatusError):
            client.messages.create(**ask(scenario))
    assert len(telemetry.spans) == 2
    assert telemetry.total(semconv.M_REQUESTS) == 2
    assert telemetry.total(semconv.M_FAULTS) == 0
    assert not telemetry.log_exporter.get_finished_logs()
    assert caplog.text.count("need OpenTelemetry 1.35 or newer") == 1
    events._say_none.cache_clear()
