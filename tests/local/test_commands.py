"""`up`, `down`, `run` and `sql` as a user runs them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import httpx2
import pytest

from otel_claude.cli.run import environment
from otel_claude.local.address import engine_of, find
from otel_claude.local.store import Store
from tests.local.conftest import send, traffic

CLI = [sys.executable, "-c", "from otel_claude.cli import main; main()"]
WAIT = 60


def command(*args, **environ):
    return subprocess.run(
        [*CLI, *args],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environ},
    )


@contextlib.contextmanager
def serving(path, *args, **environ):
    """`otel-claude up` in a process of its own; its address."""
    process: Any = subprocess.Popen(
        [*CLI, "up", "--db", str(path), "--port", "0", *args],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ},
    )
    try:
        line = process.stderr.readline()
        assert line.startswith("Dashboard"), line + process.stderr.read()
        yield process, line.split()[1]
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(WAIT)
        process.stderr.close()


def get(url, path, **headers):
    return httpx2.get(f"{url}{path}", headers=headers, trust_env=False, timeout=WAIT)


def fill(url, calls, **headers):
    with httpx2.Client(base_url=url, trust_env=False, timeout=WAIT, headers=headers) as http:
        send(http, traffic(calls))


@pytest.fixture
def db(tmp_path):
    return tmp_path / "calls.duckdb"


def test_up_keeps_what_it_gets_and_says_where_it_is(db):
    with serving(db) as (process, url):
        fill(url, 30)
        address: Any = find(str(db))
        assert (address.url, address.pid) == (url, process.pid)
        note = db.with_name(db.name + ".server.json")
        assert note.stat().st_mode & 0o777 == 0o600
    assert process.returncode == 0
    assert not note.exists()
    with engine_of(str(db)) as engine:
        assert isinstance(engine, Store)
        assert engine.rows("SELECT count(*) AS n FROM calls") == [{"n": 30}]


def test_while_up_holds_the_file_sql_asks_it(db):
    with serving(db) as (_, url):
        fill(url, 12)
        done = command(
            "sql", "--db", str(db), "--format", "json", "SELECT count(*) AS n FROM calls"
        )
        assert json.loads(done.stdout) == [{"n": 12}]
        assert command("sql", "--db", str(db), "DELETE FROM calls").returncode == 1
    done = command("sql", "--db", str(db), "--format", "csv", "SELECT count(*) AS n FROM calls")
    assert done.stdout == "n\n12\n"
    refused = command("sql", "--db", str(db), "DELETE FROM calls")
    assert refused.returncode == 1
    assert "only questions" in refused.stderr


def test_what_a_table_shows_does_nothing_to_the_terminal(db):
    Store(str(db)).close()
    done = command("sql", "--db", str(db), "SELECT 'a' || chr(27) || '[31mb' AS name")
    assert done.returncode == 0, done.stderr
    assert "a\N{REPLACEMENT CHARACTER}[31mb" in done.stdout


def test_with_a_token_commands_know_it_and_others_do_not(db, tmp_path):
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    with serving(db, "--token-file", str(token)) as (_, url):
        assert get(url, "/health").status_code == 401
        fill(url, 3, authorization="Bearer s3cret")
        done = command("sql", "--db", str(db), "--format", "csv", "SELECT count(*) AS n FROM calls")
        assert done.stdout == "n\n3\n"


def test_a_second_up_is_told_where_the_first_is(db):
    with serving(db) as (process, url):
        for port in ("0", url.rpartition(":")[2]):
            done = command("up", "--db", str(db), "--port", port)
            assert done.returncode == 1
            assert url in done.stderr
            assert str(process.pid) in done.stderr
            assert "Traceback" not in done.stderr


def test_what_is_left_of_a_killed_server_is_in_nobodys_way(db):
    with serving(db) as (process, url):
        fill(url, 5)
        process.kill()
        process.wait(WAIT)
    assert find(str(db)) is None
    with serving(db) as (_, url):
        assert get(url, "/health").json()["calls"] == 5


def test_down_ends_it(db):
    with serving(db) as (process, _):
        done = command("down", "--db", str(db))
        assert done.returncode == 0, done.stderr
        assert process.wait(WAIT) == 0
    assert command("down", "--db", str(db)).returncode == 1


def test_up_tells_what_is_wrong(db, tmp_path):
    done = command("up", "--db", str(db), "--host", "0.0.0.0", OTEL_CLAUDE_TOKEN="")
    assert done.returncode == 1
    assert "OTEL_CLAUDE_TOKEN" in done.stderr
    with serving(db) as (_, url):
        port = url.rpartition(":")[2]
        done = command("up", "--db", str(tmp_path / "other.duckdb"), "--port", port)
        assert done.returncode == 1
        assert port in done.stderr
    other = tmp_path / "text"
    other.write_text("no database" * 1000)
    done = command("up", "--db", str(other), "--port", "0")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


PROGRAM = textwrap.dedent(
    """
    import os, sys
    import anthropic
    with anthropic.Anthropic(api_key="k", base_url=os.environ["API"]) as client:
        for _ in range(3):
            client.messages.create(model="claude-sonnet-5-5", max_tokens=20,
                                   messages=[{"role": "user", "content": "Hello"}])
    print("its own output", sys.argv[1:])
    sys.exit(int(os.environ.get("CODE", 0)))
    """
)


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return str(path)


def clean():
    return {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}


def test_run_without_a_server_prints_what_it_cost(api, program):
    done = command(
        "run", "--no-ui", "--", sys.executable, program, "--no-ui", "-x",
        API=api.url, CODE="3", OTEL_TRACES_SAMPLER="always_off", OTEL_SDK_DISABLED="true",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9",
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert done.stdout == "its own output ['--no-ui', '-x']\n"
    assert re.search(r"Calls\s+3\b", done.stderr)
    tokens = sum(entry.usage["input_tokens"] for entry in api.ledger)
    assert f"{tokens} in" in done.stderr
    cost = sum(
        entry.usage["input_tokens"] * 2 + entry.usage["output_tokens"] * 10 for entry in api.ledger
    )
    assert f"${cost / 1e6:,.6f}" in done.stderr
    assert "Dashboard" not in done.stderr


def test_run_starts_a_server_that_stays_and_is_used_again(api, program, db):
    try:
        for _ in range(2):
            done = command(
                "run", "--db", str(db), "--port", "0", sys.executable, program, API=api.url
            )
            assert done.returncode == 0, done.stderr
            assert re.search(r"Calls\s+3\b", done.stderr), "those of this run alone"
            address: Any = find(str(db))
            assert address.url in done.stderr
        assert get(address.url, "/health").json()["calls"] == 6
    finally:
        assert command("down", "--db", str(db)).returncode == 0


def test_run_of_a_program_without_calls_says_so():
    done = command("run", "--no-ui", "--", sys.executable, "-c", "print('x')")
    assert (done.returncode, done.stdout) == (0, "x\n")
    assert "no Claude calls" in done.stderr


def test_run_of_a_program_that_is_not_there():
    done = command("run", "--no-ui", "--", "no-such-program")
    assert done.returncode == 127
    assert "no-such-program" in done.stderr


@pytest.mark.parametrize(
    ("handled", "code"), [(True, 7), (False, 128 + signal.SIGTERM)], ids=["handled", "not"]
)
def test_signals_reach_the_program(handled, code):
    handler = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))" if handled else ""
    program = f"import signal, sys; {handler}\nprint('ready', flush=True); signal.pause()"
    process: Any = subprocess.Popen(
        [*CLI, "run", "--no-ui", "--", sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean(),
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=WAIT)
    assert process.returncode == code, said


def test_the_environment_of_a_run_leaves_nothing_out():
    found = environment(
        {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://elsewhere",
            "OTEL_EXPORTER_OTLP_HEADERS": "api-key=theirs",
            "OTEL_TRACES_SAMPLER_ARG": "0.1",
            "OTEL_RESOURCE_ATTRIBUTES": "team=a",
            "OTEL_SERVICE_NAME": "shop",
            "NO_PROXY": "corp",
        },
        "http://127.0.0.1:4318",
        "r1",
        token="a b",
    )
    assert "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" not in found
    assert "OTEL_TRACES_SAMPLER_ARG" not in found
    assert found["OTEL_EXPORTER_OTLP_HEADERS"] == "authorization=Bearer%20a%20b"
    assert found["OTEL_RESOURCE_ATTRIBUTES"] == "team=a,claude.run.id=r1"
    assert found["OTEL_SERVICE_NAME"] == "shop"
    assert found["NO_PROXY"] == "corp,127.0.0.1,localhost,::1"


def test_the_demo_keeps_its_calls_and_says_how_to_see_them(tmp_path):
    done = command("demo", "--calls", "12", "--past", "0", XDG_DATA_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    file = tmp_path / "otel-claude" / "demo.duckdb"
    assert "http://127.0.0.1:4318" in done.stdout
    assert f"otel-claude up --db {file}" in done.stdout
    with engine_of(str(file)) as engine:
        assert engine.rows("SELECT count(*) AS n FROM calls") == [{"n": 12}]


def test_the_demo_serves_its_calls(db):
    arguments = ["demo", "--calls", "12", "--past", "0", "--serve", "--json", "--db", str(db)]
    process: Any = subprocess.Popen(
        [*CLI, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        line = next(line for line in process.stderr if "Dashboard" in line)
        (url,) = re.findall(r"http://[\d.:]+", line)
        found = get(url, "/api/summary").json()
    finally:
        process.terminate()
        told, _ = process.communicate(timeout=WAIT)
    assert process.returncode == 0
    assert found["totals"]["calls"] == 12
    totals = json.loads(told)["totals"]
    assert found["totals"]["cost_usd"] == pytest.approx(totals["cost_usd"], abs=1e-9)
    assert found["totals"]["input_tokens"] == totals["input_tokens"]


def test_the_query_of_the_docs_works(db):
    Store(str(db)).close()
    page = (Path(__file__).parents[2] / "docs" / "local.md").read_text(encoding="utf-8")
    query = re.findall(r'otel-claude sql "(SELECT feature.*?)"', page, re.DOTALL)[0]
    done = command("sql", "--db", str(db), "--format", "json", query)
    assert (done.returncode, json.loads(done.stdout)) == (0, []), done.stderr
