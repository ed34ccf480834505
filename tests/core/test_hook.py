"""Completion hooks of OpenTelemetry's GenAI utilities get the content, redacted, and may note it."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from otel_claude import _faults, semconv
from otel_claude.settings import HOOK

KEY = "sk-ant-api03-abcdefghijkl1234"
_MODULE = """
calls = []


class Hook:
    def on_completion(self, **content):
        calls.append(content)
        if content["span"] is not None:
            content["span"].set_attribute("noted.by.hook", True)


class Broken:
    def on_completion(self, **content):
        raise RuntimeError("broken")
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A distribution with two hooks, as a user would install it. OpenTelemetry looks only once."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "my_hooks.py").write_text(_MODULE)
    info = folder / "my_hooks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-hooks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[opentelemetry_genai_completion_hook]\nkeeping = my_hooks:Hook\nbroken = my_hooks:Broken\n"
    )
    sys.path.insert(0, str(folder))
    yield import_module("my_hooks").calls
    sys.path.remove(str(folder))


@pytest.fixture
def hooks(installed):
    """The calls of the hook that works."""
    installed.clear()
    _faults.drain()
    yield installed
    assert _faults.drain() == {}


@pytest.mark.parametrize("mode", ["none", "both"])
def test_a_hook_gets_everything_redacted_and_uncut(
    telemetry, client, ask, hooks, monkeypatch, mode
):
    monkeypatch.setenv(HOOK, "keeping")
    telemetry.instrument(capture=mode, capture_limit=1_024)
    long = "word " * 10_000
    client.messages.create(
        **ask(
            "text=An answer",
            system=f"Never say {KEY}.",
            messages=[{"role": "user", "content": long}],
            tools=[{"name": "f", "input_schema": {"type": "object"}}],
            tool_choice={"type": "none"},
        )
    )
    (call,) = hooks
    (asked,), (answer,) = call["inputs"], call["outputs"]
    assert (asked.role, asked.parts[0].content) == ("user", long)
    assert (answer.role, answer.parts[0].content) == ("assistant", "An answer")
    assert call["system_instruction"][0].content == "Never say <API_KEY>."
    assert call["tool_definitions"][0].name == "f"
    assert telemetry.attributes["noted.by.hook"] is True
    assert (call["log_record"] is None) is (mode == "none")
    assert (semconv.INPUT_MESSAGES in telemetry.attributes) is (mode == "both")


def test_every_part_has_a_type_of_theirs():
    from opentelemetry.util.genai import types

    from otel_claude.call.parts import part_of
    from otel_claude.emit.hook import part_types, to_part
    from tests.conformance.sdk_types import blocks

    kinds = part_types(types)
    for block in blocks():
        for example in block.examples:
            made = to_part(part_of(example), types, kinds)
            assert made.type


def test_a_hook_that_fails_changes_nothing(telemetry, client, ask, hooks, monkeypatch, caplog):
    monkeypatch.setenv(HOOK, "broken")
    telemetry.instrument()
    assert client.messages.create(**ask()).content
    assert semconv.COST_TOTAL in telemetry.attributes
    assert "broken" in caplog.text


@pytest.mark.parametrize("missing", [False, True])
def test_a_hook_that_cannot_be_had_is_said_once(
    telemetry, client, ask, monkeypatch, caplog, missing
):
    monkeypatch.setenv(HOOK, "nonesuch")
    if missing:
        monkeypatch.setitem(sys.modules, "opentelemetry.util.genai", None)
    telemetry.instrument(capture="both")
    client.messages.create(**ask())
    assert semconv.INPUT_MESSAGES not in telemetry.attributes
    (line,) = [r.getMessage() for r in caplog.records if r.name == "otel_claude"]
    assert ("pip install opentelemetry-util-genai" if missing else "nonesuch") in line


def test_the_upload_hook_stores_content_and_the_span_refers_to_it(
    telemetry, client, ask, monkeypatch, tmp_path
):
    monkeypatch.setenv(HOOK, "upload")
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_UPLOAD_BASE_PATH", tmp_path.as_uri())
    telemetry.instrument()
    client.messages.create(**ask("text=An answer", system=f"Never say {KEY}."))
    refs = {k: v for k, v in telemetry.attributes.items() if k.endswith("_ref")}
    stored = {name: Path(ref.removeprefix("file://")) for name, ref in refs.items()}
    output = stored["gen_ai.output.messages_ref"]
    _wait_for(*stored.values())
    assert json.loads(output.read_text())[0]["parts"][0]["content"] == "An answer"
    assert KEY not in "".join(path.read_text() for path in stored.values())
    assert semconv.OUTPUT_MESSAGES not in telemetry.attributes


def _wait_for(*paths: Path) -> None:
    import time

    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if all(path.exists() and path.stat().st_size for path in paths):
            return
        time.sleep(0.01)
    raise AssertionError("nothing was uploaded")


def test_their_types_are_imported_only_where_a_hook_was_chosen():
    program = (
        "import sys; from otel_claude import ClaudeInstrumentor;"
        "ClaudeInstrumentor().instrument(capture='both');"
        "print([m for m in sys.modules if m.startswith('opentelemetry.util.genai')])"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
