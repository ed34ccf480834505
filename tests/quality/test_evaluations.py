"""Evaluators judge answers after the call, and nothing that they do reaches the application."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
import time

import anthropic
import pytest
from opentelemetry import trace

import otel_claude
from otel_claude import ClaudeInstrumentor, semconv
from otel_claude.quality import Answer, Verdict
from otel_claude.quality.hands import NAME
from tests.conformance.checker import check
from tests.conformance.expected import EVALUATIONS, EXPECTED
from tests.conformance.setting import Program
from tests.quality.conftest import records, results, settle

MODEL = "claude-sonnet-5-5"


def text(said: str) -> str:
    """A scenario in which Claude answers this."""
    return "text=" + "".join(c if c.isalnum() else f"%{ord(c):02X}" for c in said)


def test_checks_are_events_on_the_span_and_counted(evaluated, client, ask):
    telemetry = evaluated({"checks": ["complete", "answered", "nonempty"]})
    with otel_claude.attribution(team="search", feature="find"):
        message = client.messages.create(**ask())
    settle()
    found = results(telemetry)
    assert set(found) == {"complete", "answered", "nonempty"}
    for name, attributes in found.items():
        assert attributes == {
            semconv.EVALUATION_NAME: name,
            semconv.EVALUATION_SCORE: 1.0,
            semconv.EVALUATION_LABEL: "pass",
            semconv.RESPONSE_ID: message.id,
            semconv.EVENT_NAME: semconv.EVENT_EVALUATION,
        }
    span = telemetry.span.get_span_context()
    assert {(r.trace_id, r.span_id) for r in records(telemetry)} == {(span.trace_id, span.span_id)}
    labels = {
        "gen_ai__evaluation__name": "complete",
        "gen_ai__evaluation__score__label": "pass",
        "gen_ai__request__model": MODEL,
        "claude__team": "search",
        "claude__feature": "find",
    }
    assert telemetry.total(semconv.M_EVALUATIONS, **labels) == 1
    points = telemetry.metrics()[semconv.M_EVALUATION_SCORE]
    assert sum(point.count for point in points) == 3


@pytest.mark.parametrize(
    ("scenario", "name", "why"),
    [
        ("stop=max_tokens", "complete", "cut by length"),
        ("cut=2", "complete", "the server ended"),
        ("refusal=cyber", "answered", "refused (cyber)"),
        (text("I'm sorry, but I can't help with that."), "answered", "reads as a refusal"),
    ],
)
def test_what_is_wrong_with_an_answer(evaluated, client, ask, scenario, name, why):
    telemetry = evaluated()
    if scenario.startswith("cut"):
        for _ in client.messages.create(**ask(scenario), stream=True):
            pass
    else:
        client.messages.create(**ask(scenario))
    settle()
    found = results(telemetry)[name]
    assert found[semconv.EVALUATION_LABEL] == "fail"
    assert found[semconv.EVALUATION_SCORE] == 0.0
    assert why in found[semconv.EVALUATION_EXPLANATION]


def test_failed_calls_are_not_evaluated(evaluated, client, ask):
    telemetry = evaluated()
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(**ask("status=400"))
    settle()
    assert records(telemetry) == []


def test_a_stream_is_evaluated_as_it_was_when_it_ended(evaluated, client, ask):
    telemetry = evaluated()
    seen = []
    otel_claude.evaluator("saw")(lambda answer: seen.append(answer))
    messages = [{"role": "user", "content": "What?"}]
    with client.messages.stream(**ask(text("Just so."), messages=messages)) as stream:
        stream.until_done()
    messages[0]["content"] = "Something else"
    settle()
    (answer,) = seen
    assert (answer.text, answer.prompt, answer.stop_reason) == ("Just so.", "What?", "end_turn")
    assert "saw" not in results(telemetry)  # it has no opinion


def test_what_the_application_does_with_its_objects_later_is_no_matter(evaluated, client, ask):
    evaluated({"checks": [], "threads": 1})
    started, release = threading.Event(), threading.Event()
    seen = []

    @otel_claude.evaluator("looks")
    def looks(answer: Answer) -> None:
        started.set()
        release.wait(120)
        seen.append((answer.prompt, answer.text))

    client.messages.create(**ask())
    assert started.wait(60)
    messages = [{"role": "user", "content": "What?"}]
    message = client.messages.create(**ask(text("Just so."), messages=messages))
    messages[0]["content"] = "Something else"
    message.content[0].text = "Something else"
    release.set()
    settle()
    assert seen[1] == ("What?", "Just so.")


def test_evaluators_of_the_application(evaluated, client, ask):
    telemetry = evaluated({"checks": []})

    @otel_claude.evaluator("short", feature="chat")
    def short(answer: Answer) -> bool:
        return len(answer.text) < 1_000_000

    @otel_claude.evaluator("graded", threshold=0.9)
    async def graded(answer: Answer) -> float:
        await asyncio.sleep(0)
        return 0.75

    @otel_claude.evaluator("language")
    def language(answer: Answer) -> Verdict:
        return Verdict(label="english", explanation=answer.text)

    @otel_claude.evaluator("many")
    def many(answer: Answer) -> dict[str, bool]:
        return {"one": True, "two": False}

    otel_claude.evaluator("elsewhere", feature="search")(short)
    with otel_claude.attribution(feature="chat"):
        client.messages.create(**ask())
    settle()
    found = {
        name: (said.get(semconv.EVALUATION_SCORE), said.get(semconv.EVALUATION_LABEL))
        for name, said in results(telemetry).items()
    }
    assert found == {
        "short": (1.0, "pass"),
        "graded": (0.75, "fail"),
        "language": (None, "english"),
        "one": (1.0, "pass"),
        "two": (0.0, "fail"),
    }
    # What an evaluator says may quote the answer: it leaves only where content does.
    assert semconv.EVALUATION_EXPLANATION not in results(telemetry)["language"]


def test_explanations_of_evaluators_leave_redacted_where_content_does(evaluated, client, ask):
    telemetry = evaluated({"checks": []}, capture="event")
    otel_claude.evaluator("who")(lambda _: Verdict(1.0, explanation="asks ann@example.com"))
    client.messages.create(**ask())
    settle()
    assert results(telemetry)["who"][semconv.EVALUATION_EXPLANATION] == "asks <EMAIL>"


def test_an_evaluator_that_raises_changes_nothing(evaluated, client, ask, caplog):
    telemetry = evaluated({"checks": ["nonempty"]})

    @otel_claude.evaluator("broken")
    def broken(answer: Answer) -> bool:
        raise SystemExit("the secret is 42")

    otel_claude.evaluator("nonsense")(lambda _: object())
    otel_claude.evaluator("too_much")(lambda _: 1.5)
    for _ in range(2):
        assert client.messages.create(**ask()).content
    settle()
    found = results(telemetry)
    assert found["broken"][semconv.ERROR_TYPE] == "SystemExit"
    assert found["nonsense"][semconv.ERROR_TYPE] == "TypeError"
    assert found["too_much"][semconv.ERROR_TYPE] == "ValueError"
    assert found["nonempty"][semconv.EVALUATION_LABEL] == "pass"
    failed = {"gen_ai__evaluation__name": "broken", "error__type": "SystemExit"}
    assert telemetry.total(semconv.M_EVALUATIONS, **failed) == 2
    lines = [r.getMessage() for r in caplog.records if "'broken' failed" in r.getMessage()]
    assert len(lines) == 1
    assert "42" not in caplog.text


def test_evaluators_do_not_see_what_others_do_to_an_answer(evaluated, client, ask):
    evaluated({"checks": []})
    seen = []

    @otel_claude.evaluator("first")
    def first(answer: Answer) -> None:
        answer.blocks[0]["text"] = "mine"  # type: ignore[index] # what it should not do
        answer.request["messages"].clear()

    @otel_claude.evaluator("second")
    def second(answer: Answer) -> None:
        seen.append((answer.blocks[0]["text"], len(answer.request["messages"])))

    message = client.messages.create(**ask())
    settle()
    assert seen == [(message.content[0].text, 1)]


def test_a_request_with_a_file_in_it_is_judged_like_any(evaluated, client, ask, tmp_path):
    telemetry = evaluated({"checks": []})
    otel_claude.evaluator("sound")(lambda _: True)
    path = tmp_path / "dot.png"
    path.write_bytes(b"a picture")
    with path.open("rb") as picture:
        source = {"type": "base64", "media_type": "image/png", "data": picture}
        content = [{"type": "image", "source": source}]
        client.messages.create(**ask(messages=[{"role": "user", "content": content}]))
        settle()
    assert results(telemetry)["sound"][semconv.EVALUATION_LABEL] == "pass"


@pytest.mark.parametrize("odd", [{"label": ["x"]}, {"score": 1.0, "explanation": 5}])
def test_a_verdict_that_is_none_is_a_failure_of_its_evaluator_alone(evaluated, client, ask, odd):
    telemetry = evaluated({"checks": []})
    otel_claude.evaluator("odd")(lambda _: Verdict(**odd))
    otel_claude.evaluator("sound")(lambda _: True)
    client.messages.create(**ask())
    settle()
    found = results(telemetry)
    assert found["odd"][semconv.ERROR_TYPE] == "TypeError"
    assert found["sound"][semconv.EVALUATION_LABEL] == "pass"


def test_evaluators_that_hang_are_left_alone(evaluated, client, ask):
    telemetry = evaluated({"checks": ["nonempty"], "timeout": 0.05, "threads": 1})
    release = threading.Event()
    otel_claude.evaluator("hangs")(lambda _: release.wait(120) and None)

    @otel_claude.evaluator("waits")
    async def waits(_: Answer) -> None:
        await asyncio.Event().wait()

    try:
        for _ in range(5):
            assert client.messages.create(**ask()).content
        settle()
        hangs = {"gen_ai__evaluation__name": "hangs", "error__type": "timeout"}
        waits_ = {"gen_ai__evaluation__name": "waits", "error__type": "timeout"}
        # After three threads that do not come back, it gets no more of them.
        assert telemetry.total(semconv.M_EVALUATIONS, **hangs) == 3
        dropped = {"claude__evaluation__drop_reason": "evaluator_hangs"}
        # One that can be cancelled costs no thread.
        assert telemetry.total(semconv.M_EVALUATIONS_DROPPED) == 2
        assert telemetry.metrics()[semconv.M_EVALUATIONS_DROPPED][0].attributes == {
            key.replace("__", "."): value for key, value in dropped.items()
        }
        assert telemetry.total(semconv.M_EVALUATIONS, **waits_) == 5
        nonempty = {"gen_ai__evaluation__name": "nonempty"}
        assert telemetry.total(semconv.M_EVALUATIONS, **nonempty) == 5
    finally:
        release.set()


def test_what_finds_no_room_is_dropped_and_counted(evaluated, client, ask):
    telemetry = evaluated({"checks": [], "queue": 2, "threads": 1})
    started, release = threading.Event(), threading.Event()

    @otel_claude.evaluator("slow")
    def slow(_: Answer) -> bool:
        started.set()
        return release.wait(120)

    client.messages.create(**ask())
    assert started.wait(60)
    for _ in range(5):
        client.messages.create(**ask())
    dropped = telemetry.metrics()[semconv.M_EVALUATIONS_DROPPED][0]
    assert (dropped.value, dropped.attributes[semconv.DROP_REASON]) == (3, "queue_full")
    release.set()
    settle()
    assert telemetry.total(semconv.M_EVALUATIONS) == 3


def test_only_a_sample_is_evaluated_and_kept(evaluated, client, ask, monkeypatch):
    telemetry = evaluated({"checks": ["nonempty"], "sample": 0.5})
    draws = iter([0.4, 0.6, 0.2, 0.9])
    monkeypatch.setattr("random.random", lambda: next(draws))
    for _ in range(4):
        client.messages.create(**ask())
    settle()
    assert len(records(telemetry)) == 2


def test_calls_of_an_evaluator_are_recorded_and_not_evaluated(evaluated, api, client, ask):
    telemetry = evaluated({"checks": []})

    @otel_claude.evaluator("asks")
    async def asks(answer: Answer) -> bool:
        async with anthropic.AsyncAnthropic(api_key="sk-ant-test", base_url=api.url) as other:
            await other.messages.create(**ask())
        return True

    with otel_claude.attribution(user="u-1", team="search", feature="find"):
        message = client.messages.create(**ask())
    settle()
    assert len(records(telemetry)) == 1
    judged, judge = sorted(telemetry.spans, key=lambda span: span.start_time or 0)
    attributes = judge.attributes
    assert attributes["claude.feature"] == "evaluation"
    assert attributes["claude.team"] == "search"
    assert "user.id" not in attributes
    assert attributes["claude.tag.evaluation"] == "asks"
    assert attributes["claude.tag.evaluated"] == message.id
    assert attributes["claude.cost.total"] > 0
    assert judge.parent.span_id == judged.get_span_context().span_id


def test_strict_mode_has_only_the_event_of_the_conventions(evaluated, client, ask):
    telemetry = evaluated(strict=True)
    client.messages.create(**ask())
    settle()
    assert set(results(telemetry)["complete"]) == {
        semconv.EVALUATION_NAME,
        semconv.EVALUATION_SCORE,
        semconv.EVALUATION_LABEL,
        semconv.RESPONSE_ID,
    }
    assert not [name for name in telemetry.metrics() if name.startswith("claude.")]


def test_a_score_far_below_its_history_is_a_signal(evaluated, client, ask):
    telemetry = evaluated({"checks": []})
    scores = iter([0.9, 0.8] * 20 + [0.2])
    otel_claude.evaluator("helpful")(lambda _: next(scores))
    for _ in range(41):
        client.messages.create(**ask())
    settle()
    assert telemetry.total(semconv.M_EVALUATIONS_LOW) == 1
    (signal,) = records(telemetry, semconv.EVENT_ANOMALY)
    said = signal.attributes
    assert said[semconv.ANOMALY_KIND] == "evaluation_below_baseline"
    assert said[semconv.EVALUATION_SCORE] == 0.2
    assert 0.8 < said[semconv.EVALUATION_BASELINE] < 0.9
    assert signal.severity_text == "WARN"


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        ({"check": []}, "did you mean 'checks'?"),
        ({"checks": ["spelling"]}, "no check 'spelling'"),
        ({"suites": {"search": "poem"}}, "no suite 'poem'"),
        ({"sample": 2}, "from 0 to 1"),
        ({"queue": 0}, "whole number"),
        ({"judge": {"modell": "x"}}, "did you mean 'model'?"),
        ("/nowhere/policy.json", "cannot be read"),
    ],
)
def test_a_policy_that_cannot_be_is_one_line(telemetry, client, ask, caplog, policy, says):
    telemetry.instrument(evaluate=policy)
    client.messages.create(**ask())
    (line,) = [r.getMessage() for r in caplog.records if "evaluate" in r.getMessage()]
    assert says in line
    assert ClaudeInstrumentor()._evaluations is None


def test_without_the_setting_no_content_is_kept_and_no_thread_runs(watched, client, ask):
    before = set(threading.enumerate())  # those of other tests may be about to end
    otel_claude.evaluator("never")(lambda _: 1 / 0)
    client.messages.create(**ask())
    new = {thread.name for thread in set(threading.enumerate()) - before}
    assert not [name for name in new if name.startswith(NAME)]
    assert ClaudeInstrumentor()._evaluations is None


def run(program: str, url: str) -> tuple[subprocess.CompletedProcess[str], float]:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "sk-ant-test"},
    )
    return done, time.monotonic() - began


PROGRAM = """
    import os, sys, threading, time
    import anthropic, otel_claude
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import ConsoleLogRecordExporter, SimpleLogRecordProcessor
    loggers = LoggerProvider()
    loggers.add_log_record_processor(SimpleLogRecordProcessor(ConsoleLogRecordExporter()))
    otel_claude.ClaudeInstrumentor().instrument(evaluate=True, logger_provider=loggers)
    ask = dict(model="claude-sonnet-5-5", max_tokens=9, messages=[{"role": "user", "content": "Hi"}])
"""


def test_a_program_that_ends_at_once_has_its_answers_evaluated(api):
    done, _ = run(PROGRAM + "    anthropic.Anthropic().messages.create(**ask)", api.url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"gen_ai.evaluation.name": "nonempty"') == 1


def test_an_evaluator_that_hangs_does_not_hold_up_the_end(api):
    hangs = """
    otel_claude.evaluator("hangs")(lambda answer: threading.Event().wait())
    anthropic.Anthropic().messages.create(**ask)
    print("done", flush=True)
    """
    done, _ = run(PROGRAM + hangs, api.url)
    assert done.returncode == 0, done.stderr
    assert "done" in done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_evaluates_its_own_answers(api):
    forks = """
    client = anthropic.Anthropic()
    client.messages.create(**ask)
    otel_claude.flush()
    print("forks", flush=True)
    if (child := os.fork()) == 0:
        client.messages.create(**ask)
        otel_claude.flush()
        os._exit(0)
    os._exit(os.waitpid(child, 0)[1])
    """
    done, _ = run(PROGRAM + forks, api.url)
    assert done.returncode == 0, done.stderr
    parent, _, child = done.stdout.partition("forks")
    assert parent.count('"gen_ai.evaluation.name": "nonempty"') == 1
    assert child.count('"gen_ai.evaluation.name": "nonempty"') == 1


def test_nothing_of_ours_is_current_where_the_application_runs(evaluated, client, ask):
    evaluated()
    client.messages.create(**ask())
    settle()
    assert not trace.get_current_span().get_span_context().is_valid


def test_strict_mode_conforms(api, ask):
    with Program(api, strict=True, evaluate=True) as program, program.client() as client:
        client.messages.create(**ask())
        settle()
        telemetry = program.telemetry()
    assert len([log for log in telemetry.logs if log.event_name == semconv.EVENT_EVALUATION]) >= 3
    assert check(telemetry, "released", calls=1) == []


def test_default_mode_adds_our_names_and_nothing_else(api, ask):
    scores = iter([0.9, 0.8] * 20 + [0.2])
    policy = {"checks": ["complete"]}
    with Program(api, evaluate=policy, feedback=True) as program, program.client() as client:
        otel_claude.evaluator("graded")(lambda _: next(scores))
        otel_claude.evaluator("broken")(lambda _: 1 / 0)
        for _ in range(41):
            message = client.messages.create(**ask())
        otel_claude.feedback(message, "accept", user="u-1")
        settle()
        found = {finding.key for finding in check(program.telemetry(), "released", calls=41)}
    assert found - EXPECTED["released"] == EVALUATIONS


def test_results_of_a_batch_are_evaluated(evaluated, client, ask):
    telemetry = evaluated({"checks": ["nonempty", "length"]})
    requests = [{"custom_id": name, "params": ask()} for name in ("a", "b")]
    batch = client.messages.batches.create(requests=requests)
    while client.messages.batches.retrieve(batch.id).processing_status != "ended":
        pass
    ids = {result.result.message.id for result in client.messages.batches.results(batch.id)}
    settle()
    assert {r.attributes[semconv.RESPONSE_ID] for r in records(telemetry)} == ids
    assert len(ids) == 2
