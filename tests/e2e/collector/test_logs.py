"""Overlays about logs: the lines of `log_calls` from files, and the audit trail apart."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from otel_claude.testing import Emulator
from tests.e2e.backends import DEPLOY, ONE_FILE, Collector
from tests.e2e.collector.launch import bill_of, environment, finish, launch
from tests.e2e.collector.otlp import log, send
from tests.e2e.collector.sink import Sink
from tests.e2e.servers import eventually

OVERLAYS = DEPLOY / "collector" / "overlays"
PROGRAM = Path(__file__).with_name("logs.py")


def test_lines_of_calls_are_read_from_files_once(tmp_path: Path, sink: Sink) -> None:
    written = tmp_path / "calls-1.log"

    def run(api: Emulator) -> None:
        quiet = dict.fromkeys(("TRACES", "METRICS", "LOGS"), "none")
        off = {f"OTEL_{signal}_EXPORTER": value for signal, value in quiet.items()}
        env = environment(api, "http://127.0.0.1:9", OTEL_CLAUDE_LOG_CALLS="true", **off)
        finish([launch(PROGRAM, written, env=env)])

    def calls() -> list[dict[str, Any]]:
        names = [record.attributes for record in sink.received.records]
        return [
            each
            for each in names
            if each.get("event.name") == "otel_claude.calls" and "cost_usd" in each
        ]

    env = {**sink.env, "CALL_LOG_FILES": str(tmp_path / "calls-*.log")}
    collector = Collector(tmp_path, ONE_FILE, OVERLAYS / "call-logs.yaml", env=env)
    with Emulator() as api, collector:
        run(api)
        eventually(calls, lambda found: len(found) == 3)
        collector.stop(signal.SIGTERM)
        run(api)
        collector.start()
        eventually(calls, lambda found: len(found) == 6)
        own = b"a line of its own"
        eventually(lambda: b"".join(sink.bodies).count(own), lambda n: n == 2)
        bill = bill_of(api)
    usd = sum(float(each["cost_usd"]) for each in calls())
    assert usd == pytest.approx(float(bill.usd), rel=1e-9)
    assert sum(int(each["output_tokens"]) for each in calls()) == bill.tokens["output"]
    out = b"".join(sink.bodies)
    assert b"0123456789abcdef" not in out


def test_the_audit_trail_is_kept_apart_and_whole(tmp_path: Path, sink: Sink) -> None:
    trail = tmp_path / "audit.jsonl"
    env = {**sink.env, "AUDIT_FILE": str(trail)}
    said = {"gen_ai.input.messages": "what was asked", "note": "sk-ant-api03-0123456789abcdef"}
    with Collector(tmp_path, ONE_FILE, OVERLAYS / "audit.yaml", env=env) as collector:
        by_field = log("", eventName="claude.audit.call", attributes={**said, "n": 1})
        by_name = log("", attributes={**said, "event.name": "claude.audit.call", "n": 2})
        send(collector.otlp, "logs", by_field)
        send(collector.otlp, "logs", by_name)
        send(collector.otlp, "logs", log("no audit", attributes={"event.name": "other"}))
        eventually(lambda: len(sink.received.records), lambda n: n == 3)
        eventually(lambda: trail.read_text().count("\n"), lambda n: n == 2)
    text = trail.read_text()
    assert text.count("what was asked") == 2
    assert "0123456789abcdef" not in text
    assert "no audit" not in text
    assert all(json.loads(line)["resourceLogs"] for line in text.splitlines())
    assert not any("gen_ai.input.messages" in each.attributes for each in sink.received.records)
