"""SQL and jq of docs/queries.md, on the log lines of real calls."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import subprocess
from pathlib import Path

import anthropic
import duckdb
import pytest
import yaml

from otel_claude import attribution
from tests.operations.documented import ROOT, documented


@pytest.fixture
def lines(telemetry, client, ask, tmp_path: Path) -> Path:
    """A folder with calls.jsonl: a cheap call, a dear one, a failed one, one of a stream."""
    handler = logging.FileHandler(tmp_path / "calls.jsonl")
    logger = logging.getLogger("otel_claude.calls")
    logger.addHandler(handler)
    before, level = logger.propagate, logger.level
    logger.setLevel(logging.INFO)
    telemetry.instrument(log_calls=True)
    with attribution(user="u-1", feature="search"):
        client.messages.create(**ask())
        client.messages.create(**ask("input_tokens=500000", model="claude-opus-5-5"))
        with contextlib.suppress(anthropic.APIStatusError):
            client.with_options(max_retries=0).messages.create(**ask("status=500"))
        with client.messages.stream(**ask()) as stream:
            stream.until_done()
    logger.removeHandler(handler)
    handler.close()
    logger.propagate = before
    logger.setLevel(level)
    return tmp_path


VIEW, *QUERIES = documented("sql")


def rows(lines: Path, query: str) -> int:
    with duckdb.connect() as database:
        database.execute(VIEW.replace("calls.jsonl", str(lines / "calls.jsonl")))
        return len(database.execute(query).fetchall())


@pytest.mark.parametrize("query", QUERIES)
def test_sql(lines, query):
    assert rows(lines, query) > 0


@pytest.mark.parametrize("query", QUERIES)
def test_sql_where_nothing_failed_and_nothing_was_streamed(lines, query):
    file = lines / "calls.jsonl"
    file.write_text(file.read_text().splitlines(keepends=True)[0])
    rows(lines, query)


@pytest.mark.parametrize("command", documented("sh"))
def test_jq(lines, command):
    if shutil.which("jq") is None:
        reason = "jq is not installed"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    found = subprocess.run(
        command, shell=True, cwd=lines, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() not in ("", "[]")


def test_the_compose_files_tempo_answers_metrics_of_traceql() -> None:
    """Without this processor Tempo answers searches, and metrics with an error."""
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
    tempo = yaml.safe_load(compose["configs"]["tempo"]["content"])
    assert any("_over_time(" in query for query in documented("traceql"))
    generators = tempo["overrides"]["defaults"]["metrics_generator"]
    assert "local-blocks" in generators["processors"]
    assert tempo["metrics_generator"]["processor"]["local_blocks"]["filter_server_spans"] is False
