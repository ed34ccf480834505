"""The trail of real calls: what a record says, that it leaves over OTLP unbroken, and adds up."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import subprocess
import sys
import threading
from decimal import Decimal

import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from typer.testing import CliRunner

from otel_claude import ClaudeInstrumentor, _faults, attribution, semconv
from otel_claude.audit import chain, observer
from otel_claude.cli.app import app
from otel_claude.privacy.encryption import Keys
from otel_claude.privacy.redaction import Redactor

KEY = "an-audit-key-of-some-32-characters"


def trail(telemetry):
    """The records that were emitted, as attributes."""
    return [
        dict(entry.log_record.attributes)
        for entry in telemetry.log_exporter.get_finished_logs()
        if entry.log_record.event_name == semconv.EVENT_AUDIT
    ]


def stored(telemetry, path):
    """The file that a collector would have written: each batch of records is one line of OTLP."""
    lines = [
        json.dumps(MessageToDict(encode_logs([entry])))
        for entry in telemetry.log_exporter.get_finished_logs()
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def run(*args, code=0):
    result = CliRunner().invoke(app, ["audit", *map(str, args)])
    assert result.exit_code == code, result.output
    return result.output


def test_a_record_says_who_what_where_and_how_much(telemetry, client, api, ask):
    telemetry.instrument(audit=True, hash_key=KEY)
    with attribution(user="ann", team="search", classification="confidential", region="eu"):
        client.messages.create(**ask())
    (record,) = trail(telemetry)
    (served,) = api.ledger
    assert record[semconv.REQUEST_ID] == served.request_id
    assert record[semconv.TEAM] == "search"
    assert record[semconv.USER_ID].startswith("hmac:")
    assert record[semconv.AUDIT_CLASSIFICATION] == "confidential"
    assert record[semconv.AUDIT_REGION] == "eu"
    assert record[semconv.OUTCOME] == "completed"
    assert Decimal(record[semconv.AUDIT_COST]) > 0
    assert float(record[semconv.AUDIT_COST]) == telemetry.attributes[semconv.COST_TOTAL]
    assert set(record) <= {*semconv.AUDIT_RECORD, semconv.EVENT_NAME}
    context = telemetry.span.get_span_context()
    (entry,) = telemetry.log_exporter.get_finished_logs()
    assert entry.log_record.span_id == context.span_id


def test_no_words_leave(telemetry, client, ask, caplog):
    telemetry.instrument(audit=True, hash_key=KEY)
    ask_secret = ask(messages=[{"role": "user", "content": "my card is 4111 1111 1111 1111"}])
    answer = client.messages.create(**ask_secret)
    (record,) = trail(telemetry)
    text = json.dumps(record) + caplog.text
    assert "4111" not in text
    assert answer.content[0].text not in text
    assert record[semconv.AUDIT_CLASSIFICATION] == "financial"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("hello", "unclassified"),
        ("write to ann@example.com", "personal"),
        ("ann@example.com, IBAN DE89370400440532013000", "financial"),
        ("ann@example.com and sk-ant-api03-" + "a1B2" * 24, "secret"),
    ],
)
def test_detectors_classify_the_request(telemetry, client, ask, words, said):
    telemetry.instrument(audit=True, hash_key=KEY)
    client.messages.create(**ask(messages=[{"role": "user", "content": words}]))
    (record,) = trail(telemetry)
    assert record[semconv.AUDIT_CLASSIFICATION] == said


def test_hashes_are_keyed_and_tell_same_from_other(telemetry, client, ask):
    telemetry.instrument(audit=True, hash_key=KEY)
    for words in ("one", "one", "two"):
        client.messages.create(**ask(messages=[{"role": "user", "content": words}]))
    with client.messages.stream(**ask(messages=[{"role": "user", "content": "one"}])) as stream:
        stream.until_done()
    one, same, other, streamed = (r[semconv.AUDIT_REQUEST_HASH] for r in trail(telemetry))
    assert one == same != other
    assert streamed != one  # `stream: true` is part of the request
    assert all(semconv.AUDIT_RESPONSE_HASH in record for record in trail(telemetry))


@pytest.mark.parametrize(
    ("policy", "scenario", "finding"),
    [
        ({"regions": ["eu"]}, "", "region"),
        ({"models": ["claude-haiku-*"]}, "", "model_not_allowed:high"),
        ({"max_cost": 0.0001}, "", "costly_call:medium"),
        ({"max_sensitive_tokens": 2, "public": []}, "", "sensitive_volume:high"),
    ],
)
def test_findings_are_recorded_and_counted(telemetry, client, ask, policy, scenario, finding):
    telemetry.instrument(audit=policy, hash_key=KEY)
    client.messages.create(**ask(scenario))
    (record,) = trail(telemetry)
    (found,) = record[semconv.AUDIT_FINDINGS]
    assert found.startswith(finding)
    name, _, severity = found.partition(":")
    (point,) = telemetry.metrics()[semconv.M_AUDIT_FINDINGS]
    assert dict(point.attributes) == {
        semconv.AUDIT_FINDING: name,
        semconv.AUDIT_SEVERITY: severity,
    }
    assert point.value == 1
    (entry,) = telemetry.log_exporter.get_finished_logs()
    assert entry.log_record.severity_text == ("WARN" if severity == "high" else "INFO")


def test_a_failed_call_has_a_record(telemetry, client, ask):
    telemetry.instrument(audit=True, hash_key=KEY)
    with pytest.raises(Exception, match="invalid_request_error"):
        client.messages.create(**ask("error=invalid_request_error"))
    (record,) = trail(telemetry)
    assert (record[semconv.OUTCOME], record[semconv.ERROR_TYPE]) == (
        "failed",
        "invalid_request_error",
    )
    assert semconv.AUDIT_COST not in record


def test_no_trail_unless_asked_for(telemetry, client, ask):
    telemetry.instrument()
    client.messages.create(**ask())
    assert trail(telemetry) == []


@pytest.mark.parametrize(
    ("audit", "says"),
    [
        ({"region": ["eu"]}, "did you mean 'regions'"),
        ({"max_cost": "much"}, "max_cost: it takes a number"),
        ({"encrypt": ["gen_ai.response.id"]}, "is none of"),
        ({"encrypt": ["user.id"]}, "must name a file of keys"),
        ("/nowhere/policy.yaml", "cannot be read"),
    ],
)
def test_a_bad_policy_is_one_line_and_no_trail(telemetry, client, ask, caplog, audit, says):
    telemetry.instrument(audit=audit, hash_key=KEY)
    client.messages.create(**ask())
    (line,) = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert says in line
    assert trail(telemetry) == []
    assert len(telemetry.spans) == 1


def test_without_a_key_it_says_what_that_means(telemetry, client, ask, caplog, tmp_path):
    telemetry.instrument(audit=True)
    client.messages.create(**ask())
    assert any("without hash_key" in r.getMessage() for r in caplog.records)
    out = run("verify", stored(telemetry, tmp_path / "trail.jsonl"))
    assert "sealed without a key" in out


def test_the_chain_outlives_otlp_and_its_files(telemetry, client, ask, tmp_path):
    """As the collector's file exporter stores it; then each way to tamper with the file."""
    telemetry.instrument(audit={"max_cost": 0}, hash_key=KEY)
    for number in range(6):
        with attribution(user=f"user-{number}"):
            client.messages.create(**ask())
    ClaudeInstrumentor().uninstrument()
    path = stored(telemetry, tmp_path / "trail.jsonl")
    assert "records: 7, chains: 1 (0 without an end), flaws: 0" in run(
        "verify", path, "--key", KEY, "--closed"
    )
    lines = path.read_text(encoding="utf-8").splitlines()
    changed = [*lines[:2], lines[2].replace("costly_call:medium", "costly_call:lowest"), *lines[3:]]
    assert changed != lines
    tampered = {
        "changed": changed,
        "removed": [*lines[:2], *lines[3:]],
        "moved": [*lines[:2], lines[3], lines[2], *lines[4:]],
        "inserted": [*lines[:3], lines[5].replace("completed", "cancelled"), *lines[3:]],
    }
    for word, those in tampered.items():
        path.write_text("\n".join(those), encoding="utf-8")
        assert word in run("verify", path, "--key", KEY, code=1)
    path.write_text("\n".join(lines[:-1]), encoding="utf-8")
    run("verify", path, "--key", KEY)
    run("verify", path, "--key", KEY, "--closed", code=1)


def test_a_forked_child_has_a_chain_of_its_own(telemetry, client, ask):
    if not hasattr(os, "fork"):
        pytest.skip("no fork here")
    telemetry.instrument(audit=True, hash_key=KEY)
    client.messages.create(**ask())
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            client.messages.create(**ask())
            os.write(writer, json.dumps(trail(telemetry)[-1]).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as said:
        of_child = json.loads(said.read())
    os.waitpid(child, 0)
    (of_parent,) = trail(telemetry)
    assert of_child[semconv.AUDIT_CHAIN] != of_parent[semconv.AUDIT_CHAIN]
    assert of_child[semconv.AUDIT_SEQUENCE] == 0
    assert chain.verify([of_parent, of_child], KEY.encode()).flaws == ()


def test_the_first_calls_of_a_forked_child_share_one_chain(telemetry, client, ask, monkeypatch):
    telemetry.instrument(audit=True, hash_key=KEY)
    kind, begun, go_on = observer._Writer, threading.Event(), threading.Event()

    def slow_once(key):
        if not begun.is_set():
            begun.set()
            go_on.wait(1)  # nobody comes, where others wait for this one
        return kind(key)

    monkeypatch.setattr(observer, "_Writer", slow_once)
    monkeypatch.setattr(observer, "generation", lambda: -1)  # as in a child
    other = threading.Thread(target=lambda: client.messages.create(**ask()))
    other.start()
    begun.wait(10)
    client.messages.create(**ask())
    go_on.set()
    other.join()
    assert len({record[semconv.AUDIT_CHAIN] for record in trail(telemetry)}) == 1


def test_a_program_that_ends_closes_its_chain(api, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        """
import anthropic
from opentelemetry._logs import set_logger_provider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, ConsoleLogRecordExporter
from otel_claude import ClaudeInstrumentor
provider = LoggerProvider()
provider.add_log_record_processor(BatchLogRecordProcessor(ConsoleLogRecordExporter()))
set_logger_provider(provider)
ClaudeInstrumentor().instrument(audit=True, hash_key="KEY")
anthropic.Anthropic().messages.create(
    model="claude-sonnet-5-5", max_tokens=9, messages=[{"role": "user", "content": "Hello"}])
""".replace("KEY", KEY),
        encoding="utf-8",
    )
    environ = {**os.environ, "ANTHROPIC_BASE_URL": api.url, "ANTHROPIC_API_KEY": "k"}
    done = subprocess.run(
        [sys.executable, str(program)], env=environ, capture_output=True, text=True, check=True
    )
    assert f'"{semconv.AUDIT_LAST}": true' in done.stdout


def test_a_call_that_ends_after_the_chain_has_a_chain_of_its_own(telemetry, client, ask):
    telemetry.instrument(audit=True, hash_key=KEY)
    client.messages.create(**ask())
    with client.messages.stream(**ask()) as stream:
        ClaudeInstrumentor().uninstrument()
        stream.until_done()
    first, last, late = trail(telemetry)
    assert last[semconv.AUDIT_LAST] is True
    assert first[semconv.AUDIT_CHAIN] != late[semconv.AUDIT_CHAIN]
    found = chain.verify([first, last, late], KEY.encode())
    assert (found.chains, found.closed, found.flaws) == (2, 1, ())


def test_sensitive_fields_can_be_encrypted(telemetry, client, ask, tmp_path):
    pytest.importorskip("cryptography")
    keys = tmp_path / "keys"
    keys.write_text("k1:" + "QUFB" * 10 + "QUE=\n", encoding="utf-8")
    telemetry.instrument(audit={"encrypt": ["user.id"]}, encrypt=str(keys))
    with attribution(user="ann"):
        client.messages.create(**ask())
    (record,) = trail(telemetry)
    sealed = record[semconv.USER_ID]
    assert "ann" not in sealed
    assert Keys.load(keys).decrypt(semconv.USER_ID, sealed) == "ann"
    assert chain.verify([record]).flaws == ()


def test_a_fault_of_the_audit_never_reaches_the_application(telemetry, client, ask, monkeypatch):
    telemetry.instrument(audit=True, hash_key=KEY)
    monkeypatch.setattr(chain, "seal", lambda *_: 1 / 0)
    assert client.messages.create(**ask()).content
    assert len(telemetry.spans) == 1
    assert sum(_faults.drain().values()) == 1


def test_keys_of_several_types_are_hashed_as_they_are_sent(telemetry, client, ask):
    telemetry.instrument(audit=True, hash_key=KEY)
    for keys in ({1: "a", "b": 2}, {"b": 2, "1": "a"}):
        schema = {"type": "object", "properties": {}, "x-map": keys}
        client.messages.create(**ask(tools=[{"name": "t", "input_schema": schema}]))
    mixed, texts = trail(telemetry)
    assert mixed[semconv.AUDIT_REQUEST_HASH] == texts[semconv.AUDIT_REQUEST_HASH]


@pytest.mark.parametrize(
    ("owner", "name", "fault"),
    [
        (observer, "_sorted_json", "audit.hash"),
        (Redactor, "kinds", "audit.classification"),
        (Keys, "encrypt", "audit.encryption"),
    ],
)
def test_no_failure_of_a_part_costs_the_record(
    telemetry, client, ask, tmp_path, monkeypatch, owner, name, fault
):
    pytest.importorskip("cryptography")
    keys = tmp_path / "keys"
    keys.write_text("k1:" + "QUFB" * 10 + "QUE=\n", encoding="utf-8")
    telemetry.instrument(audit={"encrypt": ["user.id"]}, encrypt=str(keys), hash_key=KEY)
    _faults.drain()

    def fail(*_args):
        raise OverflowError("odd")

    monkeypatch.setattr(owner, name, fail)
    with attribution(user="ann"):
        client.messages.create(**ask())
    (record,) = trail(telemetry)
    assert set(_faults.drain()) == {fault}
    assert (semconv.AUDIT_REQUEST_HASH in record) == (fault != "audit.hash")
    assert (record[semconv.AUDIT_CLASSIFICATION] == "unknown") == (fault == "audit.classification")
    assert (semconv.USER_ID in record) == (fault != "audit.encryption")


def test_the_report_adds_up_to_the_ledger(telemetry, client, api, ask, tmp_path):
    """By the API's own books: what it served, in calls, tokens, and money by its rates."""
    telemetry.instrument(audit={"max_cost": 0.005}, hash_key=KEY)
    for number in range(9):
        with attribution(team="a" if number % 3 else "b", user=f"user-{number % 2}"):
            client.messages.create(**ask(f"output_tokens={100 * (number + 1)}", max_tokens=4096))
    path = stored(telemetry, tmp_path / "trail.jsonl")
    document = json.loads(run("report", path, "--format", "json"))
    entries = list(api.ledger)
    assert document["total"]["calls"] == len(entries) == 9
    assert document["total"]["input_tokens"] == sum(e.usage["input_tokens"] for e in entries)
    assert document["total"]["output_tokens"] == sum(e.usage["output_tokens"] for e in entries)
    metered = telemetry.total(semconv.M_COST)
    assert float(document["total"]["cost"]) == pytest.approx(metered, abs=1e-12)
    for section in ("model", "team", "user", "hour", "outcome", "classification"):
        lines = document[section].values()
        assert sum(Decimal(line["cost"]) for line in lines) == Decimal(document["total"]["cost"])
        assert sum(line["calls"] for line in lines) == 9
    findings = document["findings"]
    assert findings
    assert sum(f["calls"] for f in findings) == telemetry.total(semconv.M_AUDIT_FINDINGS)

    rows = list(csv.DictReader(io.StringIO(run("report", path, "--format", "csv"))))
    teams = {row["value"]: row for row in rows if row["section"] == "team"}
    assert set(teams) == {"a", "b"}
    assert teams["a"]["calls"] == "6"
    text = run("report", path)
    for heading in (
        "# Audit report",
        "## Findings",
        "## Cost by team",
        "## Data by classification",
    ):
        assert heading in text

    (first, *_, last) = sorted(record[semconv.AUDIT_TIME] for record in trail(telemetry))
    assert document["from"] == first
    assert document["to"] == last
    nothing = json.loads(run("report", path, "--format", "json", "--from", "2999-01-01"))
    assert nothing["total"]["calls"] == 0


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": 1}'])
def test_a_file_that_is_no_trail(tmp_path, text):
    path = tmp_path / "x"
    path.write_text(text, encoding="utf-8")
    assert "line 1 of" in run("verify", path, code=2).replace("\n", " ")


def test_a_sealed_value_looks_the_same_after_protobuf():
    """Doubles and integers of any size keep their type and value."""
    record = {
        semconv.USAGE_INPUT_TOKENS: 2**53 + 1,
        semconv.AUDIT_COST: "0.1",
        semconv.AUDIT_LAST: True,
    }
    assert chain.seal(record, None) == chain.seal(dict(record), None)
    assert chain.seal(record, None) != chain.seal({**record, semconv.AUDIT_LAST: 1}, None)
