"""Feedback finds its call: by object, by id, from another process."""

from __future__ import annotations

import os
import threading

import pytest

import otel_claude
from otel_claude import _faults, semconv
from otel_claude.quality import feedback as desk
from otel_claude.quality.history import Histories
from tests.quality.conftest import records, results


@pytest.fixture(autouse=True)
def _no_faults():
    _faults.drain()
    yield
    assert _faults.drain() == {}


def test_feedback_in_the_same_process_finds_span_model_and_feature(telemetry, client, ask):
    telemetry.instrument(feedback=True)
    with otel_claude.attribution(feature="find", team="search", user="u-1"):
        message = client.messages.create(**ask())
    assert otel_claude.feedback(message, "accept", user="u-2")
    assert otel_claude.feedback(message.id, "reject")
    accepted, rejected = records(telemetry)
    span = telemetry.span.get_span_context()
    assert (accepted.trace_id, accepted.span_id) == (span.trace_id, span.span_id)
    assert dict(accepted.attributes) == {
        semconv.EVALUATION_NAME: "feedback",
        semconv.EVALUATION_LABEL: "accept",
        semconv.EVALUATION_SCORE: 1.0,
        semconv.RESPONSE_ID: message.id,
        semconv.USER_ID: "u-2",
        semconv.EVENT_NAME: semconv.EVENT_EVALUATION,
    }
    assert rejected.attributes[semconv.EVALUATION_SCORE] == 0.0
    labels = {
        "gen_ai__evaluation__name": "feedback",
        "claude__feature": "find",
        "gen_ai__request__model": "claude-sonnet-5-5",
    }
    for label in ("accept", "reject"):
        labels["gen_ai__evaluation__score__label"] = label
        assert telemetry.total(semconv.M_EVALUATIONS, **labels) == 1


def test_feedback_from_another_process(telemetry, client, ask):
    telemetry.instrument(feedback=True)
    message = client.messages.create(**ask())
    stored = otel_claude.traceparent(message)
    span = telemetry.span.get_span_context()
    assert stored is not None
    assert stored[:-2] == f"00-{span.trace_id:032x}-{span.span_id:016x}-"
    desk._used()._seen.clear()  # as in a process that did not make the call
    assert otel_claude.traceparent(message) is None
    with otel_claude.attribution(feature="find"):
        assert otel_claude.feedback(message.id, "edit", traceparent=stored, score=0.25)
    (found,) = records(telemetry)
    assert (found.trace_id, found.span_id) == (span.trace_id, span.span_id)
    assert found.attributes[semconv.EVALUATION_SCORE] == 0.25
    assert telemetry.total(semconv.M_EVALUATIONS, claude__feature="find") == 1


def test_without_the_setting_nothing_is_remembered_and_the_id_is_enough(watched, client, ask):
    message = client.messages.create(**ask())
    assert otel_claude.feedback(message, "retry")
    found = results(watched)["feedback"]
    assert found[semconv.RESPONSE_ID] == message.id
    assert semconv.EVALUATION_SCORE not in found
    assert watched.total(semconv.M_EVALUATIONS, gen_ai__response__model=message.model) == 1
    assert desk._used()._seen == {}


def test_comments_are_content(telemetry, client, ask):
    telemetry.instrument(feedback=True)
    message = client.messages.create(**ask())
    otel_claude.feedback(message, "reject", comment="write to ann@example.com")
    assert semconv.EVALUATION_EXPLANATION not in results(telemetry)["feedback"]


def test_comments_are_redacted_and_users_hashed(telemetry, client, ask):
    telemetry.instrument(feedback=True, capture="event", hash_key="0123456789abcdef")
    message = client.messages.create(**ask())
    otel_claude.feedback(message, "reject", comment="write to ann@example.com", user="ann")
    found = results(telemetry)["feedback"]
    assert "ann@example.com" not in found[semconv.EVALUATION_EXPLANATION]
    assert "EMAIL" in found[semconv.EVALUATION_EXPLANATION]
    assert found[semconv.USER_ID].startswith("hmac:")


@pytest.mark.parametrize(
    ("response", "kind", "more", "says", "kept"),
    [
        ("msg_1", "love", {}, "one of accept, reject, edit, retry", False),
        (object(), "accept", {}, "needs a message", False),
        ("msg_1", "accept", {"score": 7}, "from 0 to 1", True),
        ("msg_1", "accept", {"score": float("nan")}, "from 0 to 1", True),
        ("msg_1", "accept", {"traceparent": "00-zz"}, "traceparent of feedback is none", True),
    ],
)
def test_bad_feedback_is_one_line(watched, caplog, response, kind, more, says, kept):
    assert otel_claude.feedback(response, kind, **more) is kept
    (line,) = [r.getMessage() for r in caplog.records if "feedback" in r.getMessage()]
    assert says in line
    assert len(records(watched)) == kept


def test_feedback_without_instrumentation_does_no_harm():
    assert otel_claude.feedback("msg_1", "accept") is True


def test_only_the_last_answers_are_remembered(telemetry, client, ask, monkeypatch):
    monkeypatch.setattr(desk, "_KEPT", 2)
    telemetry.instrument(feedback=True)
    messages = [client.messages.create(**ask()) for _ in range(3)]
    assert [otel_claude.traceparent(m) is not None for m in messages] == [False, True, True]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # Python 3.12 warns of forks
def test_a_child_that_is_forked_while_something_is_remembered_goes_on(watched):
    history = Histories()
    with history._lock:
        child = os.fork()
        if child == 0:
            # In another thread, as the lock may be taken again by who has it.
            thread = threading.Thread(target=history.add, args=("a", 1.0), daemon=True)
            thread.start()
            thread.join(30)
            os._exit(int(thread.is_alive()))
    assert os.waitpid(child, 0)[1] == 0
