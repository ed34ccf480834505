"""Encrypted content can be read with the key, for the attribute it was written for, and not otherwise."""

from __future__ import annotations

import base64
import json
import os
import sys
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from typer.testing import CliRunner

from otel_claude import semconv
from otel_claude.cli.app import app
from otel_claude.privacy.encryption import (
    KeyFileError,
    Keys,
    UnknownKeyError,
    WrongKeyError,
    is_encrypted,
)
from tests.conformance.content import problems


def line(name: str) -> str:
    return f"{name}:{base64.b64encode(os.urandom(32)).decode()}\n"


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "keys"
    path.write_text("# the first encrypts\n\n" + line("2026-11"))
    return path


def test_round_trip_rotation_and_binding(key_file):
    old = Keys.load(key_file)
    sealed = old.encrypt("a", "Grüße 😀")
    assert is_encrypted(sealed)
    assert "2026-11" in sealed
    assert sealed != old.encrypt("a", "Grüße 😀"), "a nonce of its own each time"
    key_file.write_text(line("2026-12") + key_file.read_text())
    both = Keys.load(key_file)
    assert both.decrypt("a", sealed) == "Grüße 😀"
    newer = both.encrypt("a", "x")
    assert "2026-12" in newer
    with pytest.raises(UnknownKeyError, match="2026-12"):
        old.decrypt("a", newer)
    with pytest.raises(WrongKeyError):
        both.decrypt("b", sealed)
    changed = sealed[:-6] + ("A" if sealed[-6] != "A" else "B") + sealed[-5:]
    with pytest.raises(WrongKeyError):
        both.decrypt("a", changed)
    key_file.write_text(line("2026-11"))
    with pytest.raises(WrongKeyError):
        Keys.load(key_file).decrypt("a", sealed)


@pytest.mark.parametrize(
    "text",
    ["", "# none\n", "2026-11\n", "2026-11:c2hvcnQ=\n", "a b:" + "A" * 43 + "=\n", "k:!!!\n"],
)
def test_a_file_that_holds_no_keys_is_said_without_quoting_it(key_file, text):
    key_file.write_text(text)
    with pytest.raises(KeyFileError) as raised:
        Keys.load(key_file)
    assert "c2hvcnQ" not in str(raised.value)


def test_the_same_id_twice_is_said(key_file):
    key_file.write_text(line("k") + line("k"))
    with pytest.raises(KeyFileError, match="line 2"):
        Keys.load(key_file)


CONTENT = (
    semconv.INPUT_MESSAGES,
    semconv.OUTPUT_MESSAGES,
    semconv.SYSTEM_INSTRUCTIONS,
    semconv.TOOL_DEFINITIONS,
)


@pytest.fixture
def recorded(telemetry, client, ask, key_file):
    """What a call recorded, as OTLP in JSON: a document a line."""
    telemetry.instrument(capture="both", encrypt=str(key_file), capture_limit=2_048)
    client.messages.create(
        **ask(
            "text=A fine answer",
            system="Be brief, bob@example.com.",
            stop_sequences=["END", "STOP"],
            tools=[{"name": "f", "input_schema": {"type": "object"}}],
            tool_choice={"type": "none"},
            messages=[{"role": "user", "content": "word " * 5_000}],
        )
    )
    documents = (
        encode_spans(telemetry.spans),
        encode_logs(telemetry.log_exporter.get_finished_logs()),
    )
    return "".join(json.dumps(MessageToDict(found)) + "\n" for found in documents)


def _attributes(text: str) -> list[dict[str, Any]]:
    """Name -> value of every span and every record."""
    documents = [json.loads(line) for line in text.splitlines()]
    resources = [r for d in documents for r in d.get("resourceSpans", d.get("resourceLogs"))]
    scopes = [s for r in resources for s in r.get("scopeSpans", r.get("scopeLogs"))]
    items = [item for s in scopes for item in s.get("spans", s.get("logRecords"))]
    return [{a["key"]: a["value"] for a in item["attributes"]} for item in items]


def test_recorded_content_is_encrypted_valid_and_within_the_limit(telemetry, recorded):
    for secret in ("fine answer", "Be brief", "END", "word word", "get_weather"):
        assert secret not in recorded
    for name in CONTENT:
        value = telemetry.attributes[name]
        assert is_encrypted(value)
        assert "2026-11" in value
        assert problems(name, value) == []
        assert len(value.encode()) <= 2_048
    assert telemetry.attributes[semconv.COST_TOTAL] > 0, "the rest is in the clear"


@pytest.mark.parametrize("way", ["file", "stdin", "one document"])
def test_the_command_reads_spans_and_events(recorded, key_file, tmp_path, way):
    path = tmp_path / "otlp.jsonl"
    if way == "one document":
        path.write_text(json.dumps(json.loads(recorded.splitlines()[0]), indent=2))
    else:
        path.write_text(recorded)
    arguments = ["decrypt", "--keys", str(key_file), *([] if way == "stdin" else [str(path)])]
    result = CliRunner().invoke(app, arguments, input=recorded if way == "stdin" else None)
    assert result.exit_code == 0, result.output
    read = _attributes(result.stdout)
    assert len(read) == (1 if way == "one document" else 2)
    for attributes in read:
        for name in CONTENT:
            assert problems(name, attributes[name]["stringValue"]) == []
        assert "A fine answer" in attributes[semconv.OUTPUT_MESSAGES]["stringValue"]
        assert "Be brief, <EMAIL>." in attributes[semconv.SYSTEM_INSTRUCTIONS]["stringValue"]
        stops = attributes[semconv.REQUEST_STOP_SEQUENCES]["arrayValue"]["values"]
        assert stops == [{"stringValue": "END"}, {"stringValue": "STOP"}]


def test_documents_of_other_shapes_and_other_lines(key_file):
    sealed = Keys.load(key_file).encrypt("a", "open")
    other = {"tags": [{"key": "a", "type": "string", "value": sealed}], "fields": {"a": sealed}}
    text = json.dumps(other) + "\nno JSON\n"
    result = CliRunner().invoke(app, ["decrypt", "--keys", str(key_file)], input=text)
    first, second = result.stdout.splitlines()
    assert json.loads(first) == {
        "tags": [{"key": "a", "type": "string", "value": "open"}],
        "fields": {"a": "open"},
    }
    assert second == "no JSON"
    assert "2 attributes decrypted" in result.stderr


def test_what_cannot_be_decrypted_stays_and_is_said(recorded, key_file):
    key_file.write_text(line("2027-01"))
    result = CliRunner().invoke(app, ["decrypt", "--keys", str(key_file)], input=recorded)
    assert result.exit_code == 1
    assert "no key '2026-11'" in result.stderr
    assert _attributes(result.stdout) == _attributes(recorded)


def test_a_bad_key_file_and_a_missing_package_are_said(key_file, tmp_path, monkeypatch):
    missing = CliRunner().invoke(app, ["decrypt", "--keys", str(tmp_path / "none")], input="")
    assert (missing.exit_code, "cannot be read" in missing.stderr) == (2, True)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    without = CliRunner().invoke(app, ["decrypt", "--keys", str(key_file)], input="")
    assert (without.exit_code, "otel-claude[privacy]" in without.stderr) == (2, True)


def test_without_the_package_nothing_is_recorded_in_the_clear(
    telemetry, client, ask, key_file, monkeypatch, caplog
):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    telemetry.instrument(capture="both", encrypt=str(key_file))
    client.messages.create(**ask())
    assert not set(CONTENT) & telemetry.attributes.keys()
    assert "otel-claude[privacy]" in caplog.text


def test_no_extra_is_named_where_none_is_missing(telemetry, tmp_path, caplog):
    telemetry.instrument(capture="both", encrypt=str(tmp_path / "none"))
    assert "cannot be read" in caplog.text
    assert "pip install" not in caplog.text
