"""Commands over ClickHouse as a user runs them, through its real client."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests

from otel_claude.local.queries import Filters, Period, summary
from tests.e2e.fleet import exporter
from tests.e2e.fleet.conftest import DAY, PASSWORD, USER, Both, Shim
from tests.local.test_commands import CLI, WAIT, command

COUNT = "SELECT count(*) AS n, sum(cost) AS usd FROM calls WHERE model = 'claude-opus-4-5'"


def secret(text: str) -> bool:
    """Whether a password can be read in it, as it is or as a URL says it."""
    return PASSWORD in text or quote(PASSWORD, safe="") in text


def test_sql_asks_in_duckdbs_words(both: Both):
    done = command("sql", "--from", both.shim.url("otel"), "--format", "json", COUNT)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == both.duckdb.store.rows(COUNT)
    assert not secret(done.stdout + done.stderr)


def test_the_password_may_come_from_the_environment(both: Both):
    url = both.shim.url("otel", password=False)
    done = command("sql", "--from", url, "--format", "csv", COUNT, CLICKHOUSE_PASSWORD=PASSWORD)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("n,usd\n60,")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("DROP TABLE calls", "only questions"),
        ("SELECT * FROM system.users", "there is no table users"),
        ("SELECT nothing FROM calls", "nothing"),
        ("SELECT hostName() AS h FROM calls", "there is no function hostName"),
    ],
)
def test_other_questions_are_refused(both: Both, query: str, said: str):
    done = command("sql", "--from", both.shim.url("otel"), query)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("program", [("up", "--port", "0"), ("sql", "SELECT 1 AS one")], ids=str)
@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("clickhouse://{user}:wr0ng@127.0.0.1:{port}/otel", "refuses user analyst: wrong user or"),
        ("clickhouse://{user}:{password}@127.0.0.1:{port}/elsewhere", "no database elsewhere"),
        ("clickhouse://{user}:{password}@127.0.0.1:{port}/empty", "has no table otel_traces"),
        ("clickhouse://{user}:{password}@127.0.0.1:1/otel", "connection refused"),
        ("clickhouse://{user}:{password}@127.0.0.1:9000/otel", "HTTP port"),
        ("clickhouse://{user}:{password}@:nonsense", "--from takes clickhouse://"),
    ],
    ids=["password", "database", "tables", "nobody", "native", "nonsense"],
)
def test_what_cannot_be_asked_is_told_in_one_line(
    both: Both, empty: str, program: tuple[str, ...], where: str, said: str
):
    assert empty == "empty"
    password = quote(PASSWORD, safe="")
    url = where.format(user=USER, password=password, port=both.shim.port)
    done = command(*program, "--from", url)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not secret(done.stdout + done.stderr)
    assert "wr0ng" not in done.stderr


@pytest.fixture(scope="module")
def empty(shim: Shim) -> str:
    shim.create("empty", ())
    return "empty"


@pytest.mark.parametrize("program", [("down",), ("run", "--", "true")], ids=str)
def test_where_a_file_is_needed_an_address_is_refused(shim: Shim, program: tuple[str, ...]):
    name, *rest = program
    done = command(name, "--db", shim.url("otel"), *rest)
    assert done.returncode == 2
    assert "takes a file" in done.stderr
    assert not secret(done.stdout + done.stderr)


@contextlib.contextmanager
def serving(url: str) -> Iterator[tuple[str, list[str]]]:
    """`otel-claude up --from`: its address, and what it says."""
    process: Any = subprocess.Popen(
        [*CLI, "up", "--from", url, "--port", "0"], stderr=subprocess.PIPE, text=True
    )
    said: list[str] = []
    try:
        said += [process.stderr.readline(), process.stderr.readline()]
        assert said[0].startswith("Dashboard"), [*said, process.stderr.read()]
        yield said[0].split()[1], said
    finally:
        if process.poll() is None:
            process.terminate()
        said.append(process.communicate(timeout=WAIT)[1])
    assert process.returncode == 0


def test_up_shows_and_receives_nothing(both: Both):
    with serving(both.shim.url("otel")) as (url, said):
        with requests.Session() as http:
            http.trust_env = False

            def get(path: str) -> Any:
                answer = http.get(url + path, timeout=WAIT)
                assert answer.status_code == 200, answer.text
                return answer.json()

            health = get("/health")
            assert (health["status"], health["calls"]) == ("ok", None)
            assert health["database"] == both.shim.url("otel", password=False)
            period = Period(both.now - 14 * DAY, both.now)
            found = get(f"/api/summary?from={period.start / 1e9:.9f}&to={period.end / 1e9:.9f}")
            here = summary.summary(both.duckdb.store, period, Filters())["totals"]
            assert found["totals"]["calls"] == here["calls"]
            assert found["totals"]["cost_usd"] == pytest.approx(here["cost_usd"], abs=1e-9)
            assert "otel-claude" in http.get(url + "/", timeout=WAIT).text
            assert "otel_claude_up 1.0" in http.get(url + "/metrics", timeout=WAIT).text
            assert http.get(url + "/api/stream", timeout=WAIT).status_code == 204
            asked: Any = {"sql": COUNT.replace("'claude-opus-4-5'", "$m"), "limit": 5}
            asked["parameters"] = {"m": "claude-opus-4-5"}
            answer = http.post(url + "/api/sql", json=asked, timeout=WAIT).json()
            assert answer["rows"][0][0] == 60
            refused = http.post(url + "/v1/traces", json={}, timeout=WAIT)
            assert refused.status_code == 405
            assert "collector" in refused.json()["message"]
            assert not secret(json.dumps(health) + http.get(url + "/metrics", timeout=WAIT).text)
    assert not secret("".join(said))


def test_pages_know_many_users_at_once(both: Both):
    """More values than fit into a URL."""
    with serving(both.shim.url("otel")) as (url, _):
        many = [("user", f"someone-{number:08d}") for number in range(100)] * 30
        model = [("model", "x" * 400 + str(number)) for number in range(99)]
        answer = requests.get(url + "/api/summary", params=[*many[:100], *model], timeout=WAIT)
        assert answer.status_code == 200, answer.text
        assert answer.json()["totals"]["calls"] == 0


@pytest.mark.parametrize("name", ["report", "compare"])
def test_reports_of_a_fleet(both: Both, name: str):
    for where in (("--from",), ("--from", "1795000000", "--db")):
        done = command(name, *where, both.shim.url("otel"), "--format", "json")
        assert done.returncode == 0, done.stderr
        assert "not known" in json.loads(done.stdout)["coverage"]["note"]
    done = command(name, "--days", "14", "--from", both.shim.url("otel"))
    assert done.returncode == 0, done.stderr
    assert not secret(done.stdout + done.stderr)
    refused = command(name, "--from", "clickhouse://a:geheim@127.0.0.1:1/x")
    assert refused.returncode == 2
    assert "geheim" not in refused.stderr


def test_a_report_says_how_much_of_it_is_there(both: Both):
    said = command("report", "--db", both.shim.url("otel")).stdout
    assert "Whether these are all calls is not known" in " ".join(said.split())


def test_alert_rules_do_not_watch_a_fleet(both: Both, tmp_path):
    rules = tmp_path / "alerts.yaml"
    done = command("up", "--from", both.shim.url("otel"), "--alerts", str(rules))
    assert done.returncode == 2
    assert "deploy/prometheus" in done.stderr


def test_reconcile_reads_the_fleet(both: Both, tmp_path):
    bill = tmp_path / "bill.json"
    bill.write_text("{}")
    done = command("reconcile", both.shim.url("otel"), "--bill", str(bill), "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 2
    assert "bill" in said["reason"]
    refused = command("reconcile", "clickhouse://a:geheim@127.0.0.1:1/x", "--bill", str(bill))
    assert refused.returncode == 2
    assert "connection refused" in refused.stderr
    assert "geheim" not in refused.stderr


def test_the_tables_are_those_of_the_exporter():
    """Against its source, where Go has fetched it to build the collector."""
    builder = (exporter.ROOT / "deploy" / "collector" / "builder.yaml").read_text(encoding="utf-8")
    found = re.search(r"(\S+/clickhouseexporter) (v\S+)", builder)
    assert found
    where = subprocess.run(
        ["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=False
    ).stdout.strip()
    templates = exporter.templates(where, f"{found[1]}@{found[2]}")
    if templates is None:
        pytest.skip("the exporter's source is not in Go's module cache")
    for table, columns in exporter.TABLES.items():
        text = templates[table]
        for name, kind in columns.items():
            assert re.search(rf"`?\b{name}`? {re.escape(kind)}[ ,]", text), (table, name)
        assert f"PARTITION BY {exporter.PARTITION[table]}" in text
        assert f"ORDER BY {exporter.ORDER[table]}" in text
