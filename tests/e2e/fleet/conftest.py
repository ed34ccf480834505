"""The same telemetry in DuckDB and in ClickHouse's own engine, behind its HTTP interface."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from otel_claude import semconv
from otel_claude.cli import history, pipeline, workload
from otel_claude.cli.demo import _run as run_demo
from otel_claude.cli.received import Span
from otel_claude.local import wire
from otel_claude.local.backend import Backend
from otel_claude.local.fleet.engine import ClickHouse
from otel_claude.local.fleet.place import place_of
from otel_claude.local.rows import DECODERS
from tests.e2e.browser import made_up
from tests.e2e.browser.conftest import browser, open_page  # noqa: F401 - fixtures for the page
from tests.e2e.fleet import exporter
from tests.e2e.servers import missing, program

USER, PASSWORD = "analyst", "p@ss/w:rd #1"
SECOND = 10**9
DAY = 86_400 * SECOND
_CALLS = 120
_DAYS = 20
_A_DAY = 60


@dataclass
class Shim:
    """ClickHouse's HTTP interface, on a free port."""

    port: int

    def send(self, sql: str, *, database: str = "", body: str = "") -> str:
        answer = requests.post(
            f"http://127.0.0.1:{self.port}/",
            params={"query": sql, "database": database},
            data=body.encode(),
            auth=(USER, PASSWORD),
            timeout=120,
        )
        assert answer.status_code == 200, answer.text
        return answer.text

    def url(self, database: str, *, password: bool = True) -> str:
        said = f":{quote(PASSWORD, safe='')}" if password else ""
        return f"clickhouse://{USER}{said}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, tables: Iterable[str] = exporter.TABLES) -> None:
        self.send(f"CREATE DATABASE `{database}`")
        for table in tables:
            self.send(exporter.create(table), database=database)

    def insert(self, database: str, signal_name: str, message: Any) -> None:
        """As the exporter does with an export request."""
        tables: dict[str, list[str]] = defaultdict(list)
        for table, row in exporter.rows(signal_name, message):
            tables[table].append(json.dumps(row))
        for table, lines in tables.items():
            statement = f"INSERT INTO {table} FORMAT JSONEachRow"
            self.send(statement, database=database, body="\n".join(lines))


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shim]:
    """chDB behind HTTP; in an environment and a process of its own."""
    python = program("chdb.sh") / "bin" / "python"
    if not python.exists():
        missing("chDB is not installed: run .ci/chdb.sh")
    folder = tmp_path_factory.mktemp("chdb")
    script = str(Path(__file__).with_name("shim.py"))
    process = subprocess.Popen(
        [str(python), script, str(folder / "data"), USER, PASSWORD],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield Shim(int(process.stdout.readline()))
    finally:
        os.kill(process.pid, signal.SIGKILL)  # its files are this test's alone
        process.communicate()


@dataclass
class Both:
    """Two engines that were sent the same."""

    duckdb: Backend
    shim: Shim
    database: str
    spans: list[Span] = field(default_factory=list)
    now: int = 0

    def __post_init__(self) -> None:
        self.shim.create(self.database)

    def send(self, signal_name: str, message: Any) -> None:
        self.duckdb.take(DECODERS[signal_name](message, message.ByteSize())).result()
        self.shim.insert(self.database, signal_name, message)

    def send_json(self, signal_name: str, document: dict[str, Any]) -> None:
        self.send(signal_name, wire.parse(signal_name, wire.JSON, json.dumps(document).encode()))


def _odd(at: int) -> list[Span]:
    """Calls with what a demo does not bring."""
    call = made_up.call
    found = [
        call(0xA0, at, claude__tag__plan="it's \\ \"pro\"\n%", claude__tag__empty="", user__id="-"),
        call(0xA1, at + 1, user__id="", session__id="Ω 🦀\t", claude__feature="a'b\\'c"),
        call(0xA2, at + 2, claude__cost__total=1.23e-7, claude__cost__uncached=0.1 + 0.2),
        call(0xA3, at + 3, claude__cost__total=987_654.321_098_765, claude__cost__input=1e-12),
        call(0xA4, at + 4, gen_ai__operation__name="batch", claude__batch__counted=12),
        call(0xA5, at + 5, gen_ai__operation__name="count_tokens", claude__cost__total=0.0),
        call(0xA6, at + 6, error__type="rate_limit_error", claude__error__category="rate_limit",
             claude__outcome="failed", claude__retries=2),
        call(0xA7, at + 7, claude__cost__incomplete=["code_execution", "aborted_stream"]),
        call(0xA8, at + 8, anthropic__cache_miss__reason="messages_changed",
             anthropic__cache_miss__missed_input_tokens=900,
             gen_ai__usage__cache_write__input_tokens=800),
        call(0xA9, at + 9, gen_ai__usage__input_tokens=-5, gen_ai__usage__output_tokens=10**17),
        call(0xAA, at + 10, gen_ai__response__time_to_first_chunk=float("nan")),
        call(0xAB, at + 11, gen_ai__request__stream=True, server__port=443, custom=[1, "x", 2.5]),
        call(0xAC, at + 12, gen_ai__request__stream=False, claude__cost__unavailable_reason="x"),
        call(0xB1, at + 16, anthropic__message__stop_reason="refusal"),
        call(0xB2, at + 17, anthropic__message__stop_reason="max_tokens"),
    ]  # fmt: skip
    strict = made_up.call(0xAD, at + 13)
    said = {k: v for k, v in strict.attributes.items() if not k.startswith("claude.")}
    creation = {**said, semconv.USAGE_CACHE_CREATION: 70}
    backwards = replace(made_up.call(0xAE, at + 14), end=at)
    foreign = replace(made_up.call(0xAF, at + 15), scope="anthropic")  # `adopt`
    server = replace(foreign, span_id=f"{0xB0:016x}", attributes=said)  # no outcome: no call
    return [*found, replace(strict, attributes=creation), backwards, foreign, server]


def _savings(at: int) -> list[Span]:
    """What analyses look for: repeated prompts, unread writes, bulk work, wide limits."""
    found = []
    for number in range(60):
        found.append(made_up.call(
            0x1000 + number, at + number * 40 * SECOND, model="claude-opus-4-5",
            gen_ai__usage__input_tokens=5_000 + number * 10, claude__feature="nightly",
            http__request__body__size=70_000 + number % 3, gen_ai__request__max_tokens=64_000,
        ))  # fmt: skip
        found.append(made_up.call(
            0x2000 + number, at + number * 40 * SECOND, session__id=f"s{number % 4}",
            gen_ai__usage__input_tokens=6_000 + number, user__id=f"u{number % 7}",
        ))  # fmt: skip
        found.append(made_up.call(
            0x3000 + number, at + number * 400 * SECOND, session__id=f"w{number % 5}",
            gen_ai__usage__cache_write__input_tokens=900, user__id="writer",
            anthropic__usage__cache_creation__ephemeral_1h_input_tokens=300 * (number % 2),
        ))  # fmt: skip
    return found


@pytest.fixture(scope="session")
def both(shim: Shim) -> Iterator[Both]:
    """A run of the demo with its events and metrics, weeks before it, and much that is odd."""
    backend = Backend()
    sent = Both(backend, shim, "otel")
    try:
        recorded: list[tuple[str, Any]] = []

        class Recorder:
            def keep(self, name: str, message: Any, _size: int) -> None:
                recorded.append((name, message))

        recorder: Any = Recorder()
        with pipeline.closed_world(offline=True):
            received, _ = run_demo(
                workload.plan(_CALLS, 0), lambda: None, recorder, seed=0, api=False
            )
        for name, message in recorded:
            sent.send(name, message)
        sent.now = time.time_ns() + SECOND
        past = history.replay(
            received.spans, days=_DAYS, a_day=_A_DAY, until=sent.now - 60 * SECOND
        )
        sent.spans = [span for session in past for span in session.spans]
        begun = sent.now - 3 * DAY
        extra = [*_odd(begun), *_savings(begun), *made_up.conversation(begun)]
        for message in history.messages([*sent.spans, *extra]):
            sent.send("traces", message)
        sent.send_json("logs", made_up.evaluations(made_up.only_calls(sent.spans)))
        # That exporter's table knows whole seconds.
        sent.send_json("metrics", made_up.budgets((sent.now // SECOND - 30) * SECOND))
        yield sent
    finally:
        backend.close()


@pytest.fixture(scope="session")
def clickhouse(both: Both) -> Iterator[ClickHouse]:
    """The engine over what was sent."""
    engine = ClickHouse(place_of(both.shim.url(both.database)))
    yield engine
    engine.close()
