"""`opentelemetry-instrument python app.py`: zero code, the real launcher, the real exporter."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from otel_claude import semconv
from otel_claude.cli.receiver import Receiver
from otel_claude.testing import Emulator
from tests.e2e.environments import ROOT, python_with

APP = Path(__file__).with_name("app.py")
SAYS = ["Message", "Message", "True", "NotFoundError"]


def environment(api: Emulator, receiver: Receiver | None, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "ANTHROPIC_"))}
    # The environments of other SDK versions may have been made from another checkout.
    made = {"PYTHONPATH": str(ROOT / "src"), "ANTHROPIC_BASE_URL": api.url}
    made["ANTHROPIC_API_KEY"] = "k"
    if receiver is not None:
        made["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.url
        made["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf"
    return {**kept, **made, **more}


def launch(python: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    launcher = python.parent / "opentelemetry-instrument"
    return subprocess.run(
        [str(launcher), str(python), str(APP)],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def total(points: list[Any], name: str) -> float:
    """Sum of the newest cumulative point of each series of a metric."""
    newest = {}
    for point in points:
        if point.name == name:
            newest[tuple(sorted((k, str(v)) for k, v in point.attributes.items()))] = point
    return float(sum(point.value for point in newest.values()))


@pytest.mark.parametrize("version", ["installed", "0.125.0", "1.17.0", "2.11.0"])
def test_each_call_is_one_span_and_one_set_of_points(api, version):
    with Receiver() as receiver:
        run = launch(python_with(version), environment(api, receiver))
        received = receiver.received
    assert run.stdout.split() == SAYS, run.stderr
    assert "Traceback" not in run.stderr
    calls = [s for s in received.spans if s.kind == "client" and "claude" in str(s.attributes)]
    assert Counter(span.scope for span in calls) == {semconv.SCOPE: 4}
    assert [s for s in received.spans if s.scope.startswith("com.anthropic")] == []
    assert total(received.points, semconv.M_REQUESTS) == 4
    served = api.ledger.billed()
    assert total(received.points, semconv.M_TOKENS) == sum(
        entry.usage["input_tokens"] + entry.usage["output_tokens"] for entry in served
    )
    on_the_wire = {request.headers["traceparent"].split("-")[2] for request in api.requests}
    assert on_the_wire == {span.span_id for span in calls}


@pytest.mark.parametrize(
    "off",
    [
        {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "claude"},
        {"OTEL_CLAUDE_ENABLED": "false"},
    ],
)
def test_it_can_be_turned_off(api, off):
    with Receiver() as receiver:
        run = launch(python_with("installed"), environment(api, receiver, **off))
        assert run.stdout.split() == SAYS, run.stderr
        assert [s for s in receiver.received.spans if s.scope == semconv.SCOPE] == []


CONFIG = """
file_format: "1.0-rc.1"
tracer_provider:
  processors:
    - simple: {{exporter: {{otlp_http: {{endpoint: {url}/v1/traces}}}}}}
instrumentation/development:
  python:
    claude: {options}
"""


@pytest.mark.parametrize(
    ("options", "scopes", "standard_only"),
    [
        ("{strict: true}", {semconv.SCOPE}, True),
        ("{semconv: both}", {semconv.SCOPE}, False),
        ("{enabled: false}", set(), False),
    ],
)
def test_declarative_configuration(api, tmp_path, options, scopes, standard_only):
    pytest.importorskip("opentelemetry.configuration")
    path = tmp_path / "otel.yaml"
    with Receiver() as receiver:
        path.write_text(CONFIG.format(url=receiver.url, options=options))
        env = environment(api, None, OTEL_CONFIG_FILE=str(path), ANTHROPIC_OPEN_TELEMETRY="false")
        run = launch(python_with("installed"), env)
        spans = receiver.received.spans
    assert run.stdout.split() == SAYS, run.stderr
    assert "already instrumented" not in run.stderr
    assert {span.scope for span in spans} == scopes, run.stderr
    if scopes:
        assert any(semconv.COST_TOTAL in span.attributes for span in spans) != standard_only


def test_without_an_sdk_one_line_says_what_to_install(api):
    env = environment(api, None, OTEL_PYTHON_CONFIGURATOR="nobody", OTEL_PYTHON_DISTRO="nobody")
    run = launch(python_with("installed"), env)
    assert run.stdout.split() == SAYS
    (line,) = [line for line in run.stderr.splitlines() if "otel-claude" in line]
    assert "pip install 'otel-claude[otlp]'" in line


def test_killing_the_receiver_changes_nothing_for_the_application(api):
    python = python_with("installed")
    with Receiver() as receiver:
        env = environment(
            api,
            receiver,
            APP_CALLS="20",
            APP_PAUSE="0.05",
            OTEL_BSP_SCHEDULE_DELAY="100",
            OTEL_METRIC_EXPORT_INTERVAL="200",
            OTEL_EXPORTER_OTLP_TIMEOUT="1",
        )
        process = subprocess.Popen(
            [str(python.parent / "opentelemetry-instrument"), str(python), str(APP)],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 30
        while not receiver.received.spans and time.monotonic() < deadline:
            time.sleep(0.02)
        assert receiver.received.spans
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.split() == ["Message"] * 20 + SAYS[2:]
    assert "otel_claude" not in err
    assert "Traceback" not in err.split("otel-claude")[0] or "src/otel_claude" not in err


SHORT = """
import otel_claude, anthropic
client = anthropic.Anthropic()
client.messages.create(model="claude-haiku-4-5", max_tokens=8,
                       messages=[{"role": "user", "content": "x"}])
assert otel_claude.flush(5)
import os; os._exit(0)
"""


def test_flush_sends_everything_before_a_hard_exit(api, tmp_path):
    script = tmp_path / "short.py"
    script.write_text(SHORT)
    python = python_with("installed")
    with Receiver() as receiver:
        run = subprocess.run(
            [str(python.parent / "opentelemetry-instrument"), str(python), str(script)],
            env=environment(api, receiver),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        assert len([s for s in receiver.received.spans if s.scope == semconv.SCOPE]) == 1
        assert total(receiver.received.points, semconv.M_REQUESTS) == 1


TERMINATED = """
import anthropic, time
client = anthropic.Anthropic()
client.messages.create(model="claude-haiku-4-5", max_tokens=8,
                       messages=[{"role": "user", "content": "x"}])
print("called", flush=True)
time.sleep(60)
"""


def test_sigterm_loses_no_finished_call_and_still_ends_the_process(api, tmp_path):
    script = tmp_path / "service.py"
    script.write_text(TERMINATED)
    python = python_with("installed")
    with Receiver() as receiver:
        process = subprocess.Popen(
            [str(python.parent / "opentelemetry-instrument"), str(python), str(script)],
            env=environment(api, receiver),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "called\n"
        process.terminate()
        assert process.wait(timeout=30) == -signal.SIGTERM
        process.stdout.close()
        assert len([s for s in receiver.received.spans if s.scope == semconv.SCOPE]) == 1
        assert total(receiver.received.points, semconv.M_REQUESTS) == 1


FROZEN = """
import os, signal, anthropic, otel_claude
client = anthropic.Anthropic()
for _ in range(2):
    client.messages.create(model="claude-haiku-4-5", max_tokens=8,
                           messages=[{"role": "user", "content": "x"}])
    assert otel_claude.flush(5)
    os.kill(os.getpid(), signal.SIGSTOP)
os._exit(0)
"""


def test_a_frozen_and_thawed_function_loses_no_finished_call(api, tmp_path):
    script = tmp_path / "function.py"
    script.write_text(FROZEN)
    python = python_with("installed")
    with Receiver() as receiver:
        process = subprocess.Popen(
            [str(python.parent / "opentelemetry-instrument"), str(python), str(script)],
            env=environment(api, receiver),
        )
        for expected in (1, 2):
            deadline = time.monotonic() + 30
            while total(receiver.received.points, semconv.M_REQUESTS) < expected:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            time.sleep(0.2)
            process.send_signal(signal.SIGCONT)
        assert process.wait(timeout=30) == 0
        assert len([s for s in receiver.received.spans if s.scope == semconv.SCOPE]) == 2
