"""The doctor: each thing that keeps data away is found, and nothing is found where all is well."""

from __future__ import annotations

import importlib.metadata
import json
import os
import socket
import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("opentelemetry.distro")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_claude.cli.doctor import configuration, packages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLEAN = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "ANTHROPIC_"))}


class Backend(ThreadingHTTPServer):
    """Takes OTLP over HTTP; its clock may be wrong."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.ahead = timedelta(0)
        self.spans: list[str] = []


class Answers(BaseHTTPRequestHandler):
    server: Backend

    def do_HEAD(self) -> None:
        self.send_response(405)
        self.end_headers()

    def do_POST(self) -> None:
        if self.path != "/v1/traces":
            self.send_response(404)
            self.end_headers()
            return
        request = ExportTraceServiceRequest()
        request.ParseFromString(self.rfile.read(int(self.headers["content-length"])))
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.server.spans += [span.name for span in scope.spans]
        self.send_response(200)
        self.end_headers()

    def date_time_string(self, timestamp: Any = None) -> str:
        return format_datetime(datetime.now(timezone.utc) + self.server.ahead, usegmt=True)

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def backend() -> Iterator[Backend]:
    with Backend() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def examine(port: int, **environ: str) -> tuple[int, dict[str, Any]]:
    """The command's exit code and what it found, by subject and level."""
    done = subprocess.run(
        [sys.executable, "-c", "from otel_claude.cli import main; main()", "doctor", "--json"],
        env={
            **CLEAN,
            "NO_PROXY": "*",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            **environ,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def of(answer: dict[str, Any], subject: str) -> dict[str, str]:
    found: dict[str, str]
    (found,) = (finding for finding in answer["findings"] if finding["subject"] == subject)
    return found


def test_where_all_is_well_it_says_so(backend: Backend) -> None:
    code, answer = examine(backend.server_port)
    assert code == 0
    assert {finding["level"] for finding in answer["findings"]} <= {"ok", "note"}, answer
    assert of(answer, "test call")["says"].startswith("one span, ")
    assert of(answer, "test span")["says"].startswith("acknowledged")
    assert backend.spans == ["otel-claude doctor"]
    assert {row["source"] for row in answer["settings"]} == {"default"}


def test_a_backend_that_is_not_there(unused_port: int) -> None:
    code, answer = examine(unused_port)
    assert code == 1
    found = of(answer, "test span")
    assert found["level"] == "problem"
    assert str(unused_port) in found["do"]


def test_an_address_of_one_signal_without_its_path(backend: Backend) -> None:
    address = f"http://127.0.0.1:{backend.server_port}"
    code, answer = examine(backend.server_port, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=address)
    assert code == 1
    do = of(answer, "test span")["do"]
    assert "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is used as it is" in do
    assert f"{address}/v1/traces" in do


def test_a_clock_that_differs(backend: Backend) -> None:
    backend.ahead = timedelta(minutes=-10)
    _, answer = examine(backend.server_port)
    found = of(answer, "clock")
    assert found["level"] == "warning"
    assert "ahead of that of 127.0.0.1" in found["says"]


def test_the_port_of_the_other_protocol() -> None:
    _, answer = examine(4317)
    found = of(answer, "endpoint")
    assert (found["level"], "OTEL_EXPORTER_OTLP_PROTOCOL=grpc" in found["do"]) == ("warning", True)


def test_switched_off_in_the_environment(backend: Backend) -> None:
    code, answer = examine(
        backend.server_port,
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="claude",
        OTEL_TRACES_EXPORTER="none",
    )
    assert code == 1
    assert of(answer, "launcher")["level"] == "problem"
    assert "OTEL_TRACES_EXPORTER=none" in of(answer, "exporter")["says"]
    assert "no span of ours" in of(answer, "test call")["says"]
    assert backend.spans == []


def test_the_sdk_switched_off(backend: Backend) -> None:
    code, answer = examine(backend.server_port, OTEL_SDK_DISABLED="true")
    assert code == 1
    assert "OTEL_SDK_DISABLED" in of(answer, "exporter")["says"]


def test_another_instrumentation_of_the_sdk(backend: Backend, rival: Path) -> None:
    """Both what its metadata says, and what it does."""
    _, answer = examine(backend.server_port, PYTHONPATH=str(rival))
    found = of(answer, "duplicates")
    assert found["level"] == "warning"
    assert "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=rival" in found["do"]
    call = of(answer, "test call")
    assert (call["level"], "2 spans" in call["says"]) == ("warning", True)

    _, answer = examine(
        backend.server_port,
        PYTHONPATH=str(rival),
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="rival",
    )
    assert of(answer, "duplicates")["level"] == "ok"
    assert of(answer, "test call")["level"] == "ok"


def test_settings_and_where_they_came_from(tmp_path: Path) -> None:
    file = tmp_path / "otel.yaml"
    file.write_text(
        "instrumentation/development: {python: {claude: {strict: true, semconv: both}}}",
        encoding="utf-8",
    )
    rows, findings = configuration.in_effect(
        {
            "OTEL_CONFIG_FILE": str(file),
            "OTEL_CLAUDE_SEMCONV": "latest",
            "OTEL_CLAUDE_HASH_KEY": "a-key-of-32-bytes-that-is-a-secret",
            "OTEL_CLAUDE_SLOW_CALL_SECONDS": "soon",
            "OTEL_CLAUDE_NATIV": "adopt",
            "OTEL_CLAUDE_FROBNICATE": "yes",
            "OTEL_CLAUDE_TOKEN": "of the server, and no setting",
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
        }
    )
    known = {row.name: (row.value, row.source) for row in rows}
    assert known["strict"] == ("true", "OTEL_CONFIG_FILE")
    assert known["semconv"] == ("both", "OTEL_CONFIG_FILE")
    assert known["capture"] == ("span", "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT")
    assert known["hash_key"] == ("(set)", "OTEL_CLAUDE_HASH_KEY")
    says = [(finding.level, finding.says, finding.do) for finding in findings]
    unknown = [text for _, text, _ in says if "there is no setting" in text]
    assert unknown == [
        "there is no setting OTEL_CLAUDE_FROBNICATE",
        "there is no setting OTEL_CLAUDE_NATIV; did you mean OTEL_CLAUDE_NATIVE? It is ignored.",
    ]
    assert any("OTEL_CLAUDE_SLOW_CALL_SECONDS cannot be 'soon'" in text for _, text, _ in says)


def test_policies_that_cannot_be_read(tmp_path: Path) -> None:
    budgets = tmp_path / "budgets.json"
    budgets.write_text('[{"name": "b", "limt": 1}]', encoding="utf-8")
    _, findings = configuration.in_effect(
        {
            "OTEL_CLAUDE_BUDGETS": str(budgets),
            "OTEL_CLAUDE_AUDIT": str(tmp_path / "none.yaml"),
            "OTEL_CLAUDE_CAPTURE": "span",
            "OTEL_CLAUDE_REDACT": "nothing",
        }
    )
    wrong = {(finding.subject, finding.level) for finding in findings}
    assert {("budgets", "problem"), ("audit", "problem"), ("settings", "warning")} <= wrong


def test_an_sdk_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    found_first = importlib.metadata.version

    def version(name: str) -> str:
        return "0.50.0" if name == "anthropic" else found_first(name)

    monkeypatch.setattr("otel_claude.cli.doctor.packages.version", version)
    found = {finding.subject: finding for finding in packages.check({})}
    assert found["anthropic"].level == "problem"
    assert "0.50.0" in found["anthropic"].says


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@pytest.fixture
def rival(tmp_path: Path) -> Path:
    """An installed package that makes a span of its own for each call."""
    info = tmp_path / "rival_instrumentation-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: rival-instrumentation\nVersion: 1.0\n"
        'Requires-Dist: anthropic>=0.5; extra == "instruments"\nProvides-Extra: instruments\n',
        encoding="utf-8",
    )
    (info / "entry_points.txt").write_text(
        "[opentelemetry_instrumentor]\nrival = rival:Rival\n", encoding="utf-8"
    )
    (tmp_path / "rival.py").write_text(
        "from opentelemetry import trace\n"
        "from opentelemetry.instrumentation.instrumentor import BaseInstrumentor\n"
        "class Rival(BaseInstrumentor):\n"
        "    def instrumentation_dependencies(self):\n"
        "        return ('anthropic',)\n"
        "    def _instrument(self, **kwargs):\n"
        "        from anthropic.resources.messages import Messages\n"
        "        create = Messages.create\n"
        "        def wrapped(*args, **kwargs):\n"
        "            with trace.get_tracer('rival').start_as_current_span('chat'):\n"
        "                return create(*args, **kwargs)\n"
        "        Messages.create = wrapped\n"
        "    def _uninstrument(self, **kwargs): ...\n",
        encoding="utf-8",
    )
    return tmp_path


def test_no_password_of_a_setting_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    from otel_claude.cli.doctor import configuration

    given = {
        "OTEL_CLAUDE_BUDGETS": '{"store": "redis://:hunter2@127.0.0.1/0", "budgets": []}',
        "OTEL_CLAUDE_REFRESH_PRICES": "https://b:s3cret@127.0.0.1/p",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    told = str(configuration.in_effect(given))
    assert "(given)" in told
    assert "hunter2" not in told
    assert "s3cret" not in told
