"""Calls through the emulator, exported as log lines and as OTLP, and the command over both."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import anthropic
import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from otel_claude.testing import Emulator

pytest.importorskip("typer")
pytest.importorskip("rich")

json_format = pytest.importorskip("google.protobuf.json_format")

ADMIN = "sk-ant-admin01-test"


class Exported:
    """The calls of a test, in every form that `reconcile` reads."""

    def __init__(self, telemetry: Any, caplog: Any, folder: Path) -> None:
        self._telemetry = telemetry
        self._caplog = caplog
        self._folder = folder

    def lines(self) -> Path:
        """The JSON lines of `log_calls`."""
        path = self._folder / "calls.jsonl"
        records = [r for r in self._caplog.records if r.name == "otel_claude.calls"]
        path.write_text("".join(f"{record.getMessage()}\n" for record in records))
        return path

    def otlp(self) -> Path:
        """What the file exporter of the Collector writes."""
        path = self._folder / "spans.jsonl"
        with path.open("w") as file:
            for span in self._telemetry.spans:
                request = json_format.MessageToDict(encode_spans([span]))
                file.write(json.dumps(request) + "\n")
        return path

    def store(self) -> Path:
        """The file of the embedded backend."""
        pytest.importorskip("duckdb")
        from otel_claude.local.rows import spans_of
        from otel_claude.local.store import Store
        from otel_claude.local.writer import Writer

        path = self._folder / "calls.duckdb"
        store = Store(str(path))
        writer = Writer(store)
        writer.submit(spans_of(encode_spans(self._telemetry.spans), 1)).result(30)
        writer.close()
        store.close()
        return path


@pytest.fixture
def exported(telemetry: Any, caplog: Any, tmp_path: Path) -> Exported:
    """Instrumented, with log lines on."""
    made = Exported(telemetry, caplog, tmp_path)
    caplog.set_level(logging.INFO, "otel_claude.calls")
    telemetry.instrument(log_calls=True)
    return made


@pytest.fixture
def say(client: Any, ask: Any) -> Any:
    """Make a call; failures are part of the game."""

    def call(scenario: str = "", *, stream: bool = False, **more: Any) -> None:
        messages = client.with_options(max_retries=0).beta.messages
        arguments = ask(scenario, **more)
        try:
            if stream:
                with messages.stream(**arguments) as events:
                    for _ in events:
                        pass
            else:
                messages.create(**arguments)
        except anthropic.APIError:
            pass

    return call


@pytest.fixture
def command(api: Emulator, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run `otel-claude reconcile` against the emulator."""
    from typer.testing import CliRunner

    from otel_claude.cli.app import app

    monkeypatch.setenv("ANTHROPIC_BASE_URL", api.url)
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", ADMIN)
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)

    def run(*arguments: Any, code: int = 0) -> Any:
        answer = CliRunner().invoke(app, ["reconcile", *map(str, arguments)])
        assert answer.exit_code == code, answer.output
        return json.loads(answer.stdout) if "--json" in arguments else answer.output

    return run
