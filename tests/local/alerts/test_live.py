"""The whole of it: the real SDK, an emulated outage, `up` with rules, and a webhook."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import anthropic
import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

import otel_claude
from otel_claude import ClaudeInstrumentor
from tests.local.alerts.receiver import Receiver, until
from tests.local.test_commands import CLI, clean, command, get, serving

RULES = """
every: 1s
channels:
  team: {type: webhook, url_env: HOOK}
  broken: {type: webhook, url_env: NOBODY}
rules:
  - name: outage
    type: consecutive_errors
    threshold: 3
    resolve: 0
    severity: critical
    where: {feature: search}
  - {name: day, type: spend, threshold: 1000000, window: 1d}
"""


@pytest.fixture
def hook():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


@pytest.fixture
def instrumented():
    """Instruments the SDK, with spans sent to an address at once."""
    providers = []

    def instrument(url):
        exporter = OTLPSpanExporter(f"{url}/v1/traces")
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(exporter))
        providers.append(tracers)
        ClaudeInstrumentor().instrument(tracer_provider=tracers)

    yield instrument
    ClaudeInstrumentor().uninstrument()
    for provider in providers:
        provider.shutdown()


def ask(url, api, scenario=""):
    base = api.scenario(scenario) if scenario else api.url
    client = anthropic.Anthropic(api_key="k", base_url=base, max_retries=0)
    with client, otel_claude.attribution(feature="search"):
        client.messages.create(
            model="claude-sonnet-5-5", max_tokens=20, messages=[{"role": "user", "content": "Hi"}]
        )


def test_an_outage_is_told_and_its_end(tmp_path, rules, hook, api, instrumented):
    hook.statuses = [500]  # the first attempt of the first message
    with serving(tmp_path / "calls.duckdb", "--alerts", str(rules), HOOK=hook.url, NOBODY="") as (
        process,
        url,
    ):
        instrumented(url)
        ask(url, api)
        assert [rule["state"] for rule in get(url, "/api/alerts").json()["rules"]] == ["quiet"] * 2
        for _ in range(3):
            with pytest.raises(anthropic.InternalServerError):
                ask(url, api, "fail=9*529")
        until(lambda: len(hook.texts()) == 1)
        alerts = get(url, "/api/alerts").json()
        outage, day = alerts["rules"]
        assert (outage["state"], outage["value"], day["state"]) == ("firing", 3, "quiet")
        metrics = get(url, "/metrics").text
        assert 'otel_claude_alert_firing{rule="outage",severity="critical"} 1.0' in metrics
        assert 'otel_claude_alert_messages_total{channel="team",result="failed"} 1.0' in metrics
        ask(url, api)
        until(lambda: len(hook.texts()) == 2)
        alerts = get(url, "/api/alerts").json()
        assert [rule["state"] for rule in alerts["rules"]] == ["quiet"] * 2
        assert [one["last_error"] for one in alerts["channels"]] == [
            None, "NOBODY holds no address",
        ]  # fmt: skip
        link = alerts["history"][0]["link"]
        assert link.startswith(f"{url}/#/calls?feature=search&show=failed&from=")
        process.terminate()
        said = process.stderr.read()
    assert hook.texts() == [
        "otel-claude: FIRING critical: outage",
        "otel-claude: RESOLVED critical: outage",
    ]
    assert "do not reach the channel broken: NOBODY holds no address" in said
    assert "s3cret" not in said
    assert "s3cret" not in json.dumps(alerts)


def test_rules_that_cannot_be_keep_up_from_starting(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(RULES.replace("resolve: 0", "resolve: soon"))
    done = command("up", "--db", str(tmp_path / "calls.duckdb"), "--alerts", str(path))
    assert done.returncode == 1
    assert done.stderr == (
        f"otel-claude: {path}, line 10: rules[0].resolve: a time is a number of seconds, "
        "or as 30s, 5m, 2h, 1d\n"
    )
    assert not (tmp_path / "calls.duckdb").exists()


@pytest.mark.parametrize("text", [RULES, RULES.replace("every: 1s", "every: soon")])
def test_rules_in_the_data_directory_are_found(tmp_path, text):
    folder = tmp_path / "otel-claude"
    folder.mkdir()
    (folder / "alerts.yaml").write_text(text)
    environ = {**clean(), "XDG_DATA_HOME": str(tmp_path)}
    process: Any = subprocess.Popen(
        [*CLI, "up", "--port", "0"], stderr=subprocess.PIPE, text=True, env=environ
    )
    try:
        lines = [process.stderr.readline()]
        while not lines[-1].startswith("Dashboard"):
            lines.append(process.stderr.readline())
            assert lines[-1], "it ended"
        alerts = get(lines[-1].split()[1], "/api/alerts").json()
    finally:
        process.terminate()
        process.wait(60)
        process.stderr.close()
    if text == RULES:
        assert [rule["name"] for rule in alerts["rules"]] == ["outage", "day"]
        assert len(lines) == 1
    else:
        # Nobody asked for this file by name: what is wrong with it keeps nobody from working.
        assert alerts["rules"] == []
        assert "alerts.yaml, line 2: every: a time is" in alerts["reason"]
        assert alerts["reason"] in lines[0]


def test_another_file_of_calls_has_not_the_rules_of_the_data_directory(tmp_path):
    folder = tmp_path / "otel-claude"
    folder.mkdir()
    (folder / "alerts.yaml").write_text(RULES)
    with serving(tmp_path / "other.duckdb", XDG_DATA_HOME=str(tmp_path)) as (_, url):
        assert get(url, "/api/alerts").json()["rules"] == []


def test_without_rules_it_says_how_to_have_some(http):
    alerts = http.get("/api/alerts").json()
    assert alerts["rules"] == []
    assert "--alerts" in alerts["reason"]


def test_check_and_test(rules, hook, tmp_path):
    done = command("alerts", "check", str(rules))
    assert done.returncode == 0, done.stderr
    assert "outage" in done.stdout
    bad = tmp_path / "bad.yaml"
    bad.write_text("rules: []")
    done = command("alerts", "check", str(bad))
    assert (done.returncode, "line 1: rules:" in done.stderr) == (1, True)

    done = command("alerts", "test", str(rules), HOOK=hook.url, NOBODY="")
    assert done.returncode == 1
    assert done.stderr == (
        "team (webhook): sent\nbroken (webhook): failed: NOBODY holds no address\n"
    )
    assert hook.texts() == ["otel-claude: TEST info: test"]
    done = command("alerts", "test", str(rules), "--channel", "team", HOOK=hook.url)
    assert done.returncode == 0
    done = command("alerts", "test", str(rules), "--channel", "nobody")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_alerts_say_what_has_to_be_installed():
    code = (
        "import sys; sys.modules['yaml'] = None\n"
        "import importlib.util as u; found = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'yaml' else found(name, *a)\n"
        "sys.argv = ['otel-claude', 'alerts', 'check']\n"
        "from otel_claude.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert 'yaml is missing; pip install "otel-claude[local]"' in done.stderr
