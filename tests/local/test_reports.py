"""`report` and `compare` as a user runs them, and what they are made of."""

from __future__ import annotations

import json
import re
import time
from html.parser import HTMLParser
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from otel_claude.cli.app import app
from otel_claude.cli.reports import render
from otel_claude.cli.reports.section import Bars, Section, change, sparkline, usd
from otel_claude.local.queries.period import DAY
from otel_claude.local.store import Store
from tests.local.conftest import send, traffic
from tests.local.test_commands import command, get, serving

SECTIONS = (
    "Totals", "Models", "Forecast", "Anomalies", "Week against the week before", "Savings",
    "Cache misses", "Sessions", "The last 15 minutes",
)  # fmt: skip
NASTY = "<b onclick='x'>|`*[x](http://x)\n# y</b><script>"
SECTION = Section(
    "A & B", ("1 < 2",), ("name", "value"), [(NASTY, "$1.00")], bars=Bars("Bars", ["a"], [1.0])
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A file with calls of three weeks, in use by a server; file and address."""
    path = tmp_path_factory.mktemp("reports") / "calls.duckdb"
    with serving(path) as (_, url):
        with httpx2.Client(base_url=url, trust_env=False, timeout=60) as http:
            send(http, traffic(1500, hours=21 * 24, users=3))
        yield path, url


@pytest.fixture
def empty(tmp_path):
    path = tmp_path / "calls.duckdb"
    Store(str(path)).close()
    return path


def kept(path, calls):
    """A file with calls of one's own making."""
    store = Store(str(path))
    with store.writing() as cursor:
        for number, call in enumerate(calls):
            row = {"span_id": f"{number:016x}", "trace_id": f"{number:032x}", "operation": "chat",
                   "input_tokens": 100, "output_tokens": 10, "duration": 1.0, **call}  # fmt: skip
            names, places = ", ".join(row), ", ".join("?" * len(row))
            cursor.execute(f"INSERT INTO calls ({names}) VALUES ({places})", list(row.values()))
    store.close()


def invoked(*args):
    return CliRunner().invoke(app, list(map(str, args)))


def ran(*args):
    done = invoked(*args)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def section_of(text, title):
    """The lines of one section."""
    lines = text.splitlines()
    start = lines.index(title)
    end = next((n for n in range(start, len(lines)) if not lines[n]), len(lines))
    return lines[start + 1 : end]


def test_a_running_server_is_asked(filled):
    done = command("report", "--db", str(filled[0]), "--days", "10")
    assert done.returncode == 0, done.stderr
    text = done.stdout
    assert [line for line in text.splitlines() if line in SECTIONS] == list(SECTIONS)
    calls: Any = re.search(r"Calls +([\d,]+) +([\d,]+)", text)
    assert 650 <= int(calls.group(1).replace(",", "")) <= 780
    assert re.search(r"USD, a bar for each day \(UTC\): [▁▂▃▄▅▆▇█]{11}\n", text)
    compared = ran("compare", "--db", filled[0], "--by", "tag.experiment", "--days", "30")
    assert re.search(r"cost per call +[AB] +\$\S+ +\$\S+ to \$\S+ +\d+\n +[AB] ", compared)


@pytest.mark.parametrize("only", [{}, {"model": "claude-haiku-4-5", "feature": "chat"}])
def test_report_and_rest_say_the_same(filled, only):
    path, url = filled
    now = time.time_ns() // 10**9
    period = {"from": str(now - 14 * 86_400), "to": str(now)}
    asked = [part for name, value in {**period, **only}.items() for part in (f"--{name}", value)]
    found = json.loads(ran("report", "--db", path, "--format", "json", *asked))
    compared = json.loads(ran("compare", "--db", path, "--format", "json", *asked))
    assert found["filters"] == {name: [value] for name, value in only.items()}
    query = "&".join(f"{name}={value}" for name, value in {**period, **only}.items())
    for name, answer in {**found, **compared}.items():
        if isinstance(answer, dict) and name in ("summary", "savings", "cache_misses", "sessions",
                                                 "compare"):  # fmt: skip
            rest = get(url, f"/api/{name.replace('_', '-')}?{query}").json()
            assert {"from_ns": rest["from_ns"], "to_ns": rest["to_ns"], **answer} == rest, name
    costs = get(url, f"/api/costs?{query}&limit=10").json()
    assert [row["cost_usd"] for row in found["costs"]["rows"]] == [
        row["cost_usd"] for row in costs["rows"]
    ]
    anomalies = get(url, f"/api/anomalies?{query}").json()
    assert found["anomalies"]["anomalies"] == anomalies["anomalies"][:10]


def test_the_file_itself_is_asked_where_no_server_runs(empty, tmp_path):
    text = ran("report", "--db", empty, "--format", "markdown")
    assert text.count("not enough data") >= 6
    assert "No calls" in text
    html = tmp_path / "report.html"
    assert ran("report", "--db", empty, "--format", "html", "--output", html) == ""
    assert html.read_text().startswith("<!doctype html>")
    assert "not enough data" in ran("report", "--week", "--db", empty)
    assert "not enough data" in ran("compare", "--db", empty)


def test_a_week_against_the_week_before(tmp_path):
    path = tmp_path / "calls.duckdb"
    midnight = time.time_ns() // DAY * DAY
    calls = [
        {"start_ns": midnight - ago * DAY + DAY // 2, "cost": usd_, "model": model}
        for ago, usd_, model in (
            (14, 3.0, "a"), (8, 1.0, "b"),  # the week before: 4 USD, 2 calls
            (7, 2.0, "a"), (3, 5.0, "a"), (1, 1.0, "b"),  # the week: 8 USD
        )
    ]  # fmt: skip
    kept(path, [*calls, {"start_ns": midnight + 1, "cost": 100.0, "model": "a"}])
    text = ran("report", "--week", "--db", path)
    assert re.search(r"Calls +3 +2 +\+50%", text)
    assert re.search(r"Cost +\$8.00 +\$4.00 +\+100%", text)
    days = section_of(text, "Days")
    assert days[0] == "USD of 14 days (UTC): ▅▁▁▁▁▁▂▄▁▁▁█▁▂"
    assert [line.split()[2:] for line in days[3:]] == [
        ["$2.00", "$3.00", "-$1.00"], ["$0.00"] * 3, ["$0.00"] * 3, ["$0.00"] * 3,
        ["$5.00", "$0.00", "$5.00"], ["$0.00"] * 3, ["$1.00", "$1.00", "$0.00"],
    ]  # fmt: skip
    yesterday = time.strftime("%A, %Y-%m-%d", time.gmtime(midnight / 1e9 - 1))
    assert days[-1].startswith(yesterday)
    changed = section_of(text, "Week against the week before")
    assert any(re.match(r"model: a +\$3.00 +\$7.00 +\$4.00", line) for line in changed)
    earlier = ran(
        "report", "--week", "--db", path, "--to", str(midnight // 10**9 - 7 * 86_400 + 60)
    )
    assert re.search(r"Cost +\$4.00 +- +-", earlier)
    said = invoked("report", "--week", "--days", "3", "--db", path)
    assert (said.exit_code, "--week is seven days" in said.stderr) == (1, True)


def test_money_that_is_not_known_is_said(tmp_path):
    path = tmp_path / "calls.duckdb"
    now = time.time_ns()
    calls: list[dict[str, Any]] = [{"start_ns": now - n * 10**9, "cost": 1.0} for n in range(5)]
    calls[0]["cost_incomplete"] = '["aborted_stream"]'
    calls[1] |= {"cost": None, "cost_unavailable": "unknown_model"}
    kept(path, calls)
    lines = section_of(ran("report", "--db", path), "Totals")
    assert "1 calls cost at least what is known of them." in lines
    assert "1 calls have no known price, and count as nothing." in lines


def test_which_calls(tmp_path):
    path = tmp_path / "calls.duckdb"
    now = time.time_ns()
    kept(path, [
        {"start_ns": now - n * 3600 * 10**9 - 60 * 10**9, "cost": 2.0**n, "model": f"m{n % 2}",
         "feature": (None, "f", "g")[n % 3], "team": "t" if n < 4 else None}
        for n in range(8)
    ])  # fmt: skip

    def cost(*asked):
        found = json.loads(ran("report", "--db", path, "--format", "json", *asked))
        return found["summary"]["totals"]["cost_usd"]

    assert cost() == 255
    assert cost("--hours", "3") == 7
    assert cost("--from", (now - 3 * 3600 * 10**9) // 10**9, "--to", now // 10**9 - 3600) == 6
    assert cost("--model", "m1") == 2 + 8 + 32 + 128
    assert cost("--feature", "f", "--feature", "g") == 2 + 4 + 16 + 32 + 128
    assert cost("--feature", "f", "--only", "team=t") == 2
    assert cost("--only", "team=-") == 16 + 32 + 64 + 128
    text = ran("report", "--db", path, "--model", "m1", "--only", "team=t")
    assert "UTC. model = m1. team = t." in section_of(text, "Totals")[0]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("report", "--days", "0"), "must be more than 0"),
        (("report", "--days", "1", "--hours", "2"), "give one of hours, days and from"),
        (("report", "--from", "yesterday"), "'yesterday' is no instant"),
        (("report", "--only", "feature"), "NAME=VALUE"),
        (("report", "--only", "colour=red"), "no dimension 'colour'"),
        (("compare", "--by", "colour"), "no dimension 'colour'"),
        (("report", "--output", "/nowhere/x.md"), "/nowhere/x.md cannot be written"),
    ],
)
def test_what_cannot_be_gets_one_line(empty, args, said):
    found = invoked(*args, "--db", empty)
    assert found.exit_code == 1
    assert said in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_no_file(tmp_path):
    found = invoked("report", "--db", tmp_path / "none")
    assert found.exit_code == 1
    assert "there is no" in found.stderr


class Page(HTMLParser):
    """Tags, attributes and cells of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.cells: list[str] = []
        self.scripts: list[str] = []
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self._in = tag
        if tag == "td":
            self.cells.append("")
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._in = ""

    def handle_data(self, data):
        if self._in == "td":
            self.cells[-1] += data
        if self._in == "script":
            self.scripts[-1] += data


def test_names_mean_nothing_to_html():
    page = Page(render.html("T <x>", [SECTION]))
    assert page.cells == [NASTY, "$1.00"]
    assert not {"b", "x"} & set(page.tags)
    assert page.tags.count("script") == 2  # the library, and the chart
    assert not {"src", "href", "onclick"} & page.attributes  # nothing from elsewhere
    assert "Plotly.newPlot" in page.scripts[-1]


def test_a_page_without_a_chart_has_no_scripts():
    page = Page(render.html("T", [Section("S", ("x",))]))
    assert "script" not in page.tags


def test_names_of_stored_calls_mean_nothing_to_html(tmp_path):
    path = tmp_path / "calls.duckdb"
    now = time.time_ns()
    kept(path, [
        {"start_ns": now - n * 10**9, "cost": 1.0, "model": name}
        for n in range(12) for name in (NASTY, "</script><img>")
    ])  # fmt: skip
    for args in (("report",), ("report", "--week"), ("compare",)):
        page = Page(ran(*args, "--db", path, "--format", "html"))
        assert not {"b", "img"} & set(page.tags)
        assert "--week" in args or NASTY in page.cells


def test_names_mean_nothing_to_markdown():
    told = render.markdown("T", [SECTION])
    (row,) = [line for line in told.splitlines() if "http" in line]
    assert len(re.findall(r"(?<!\\)\|", row)) == 3
    assert not re.search(r"(?<!\\)[<>`*\[\]]", row)
    assert "Bars: █" in told


def test_names_mean_nothing_to_the_terminal():
    told = render.text(
        "T", [Section("S", ("[red]x",), ("a",), [("[bold]y\x1b[31m",)])], width=60, color=False
    )
    assert "[red]x" in told
    assert "[bold]y" in told
    assert "\x1b" not in told


def test_sparklines():
    assert sparkline([0, 1, 7]) == "▁▂█"
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([]) == ""


def test_figures():
    values = (None, 0.0, 0.123456, 0.00123456, 0.0000936, 1234.5, -2.0, -0.5, 1e-17, -1e-17)
    assert [usd(value) for value in values] == [
        "-", "$0.00", "$0.1235", "$0.00123", "$0.0000936", "$1,234.50", "-$2.00", "-$0.5000",
        "$0.00", "$0.00",
    ]  # fmt: skip
    assert [change(value) for value in (None, 0.284, -0.5, 0.0123, -0.0001)] == [
        "-", "+28%", "-50%", "+1.2%", "+0.0%",
    ]  # fmt: skip
