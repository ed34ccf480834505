"""`report` and `compare` as a user runs them, and what they are made of."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from otel_claude.cli.reports import render
from otel_claude.cli.reports.section import Section, figure, sparkline, usd
from otel_claude.local.store import Store
from tests.local.conftest import send, traffic
from tests.local.test_commands import command, serving

SECTIONS = (
    "Totals", "Models", "Forecast", "Anomalies", "Week against the week before", "Savings",
    "Cache misses", "Sessions", "The last 15 minutes",
)  # fmt: skip
NASTY = "<b>|`*[x](http://x)\n# y</b>"
SECTION = Section("A & B", ("1 < 2",), ("name", "value"), [(NASTY, "$1.00")])


@pytest.fixture
def filled(tmp_path):
    """A file with calls of three weeks, in use by a server."""
    import httpx2

    path = tmp_path / "calls.duckdb"
    with serving(path) as (_, url):
        with httpx2.Client(base_url=url, trust_env=False, timeout=60) as http:
            send(http, traffic(1500, hours=21 * 24, users=3))
        yield path


def test_a_running_server_is_asked(filled):
    found = command("report", "--db", str(filled), "--days", "10")
    assert found.returncode == 0, found.stderr
    lines = found.stdout.splitlines()
    assert [line for line in lines if line in SECTIONS] == list(SECTIONS)
    assert "Cost a day: " in found.stdout
    calls = re.search(r"Calls +([\d,]+) +([\d,]+)", found.stdout)
    assert 650 <= int(calls.group(1).replace(",", "")) <= 780
    compared = command("compare", "--db", str(filled), "--by", "tag.experiment", "--days", "30")
    assert compared.returncode == 0, compared.stderr
    assert re.search(r"cost per call +\$\S+ \(\$\S+ to \$\S+\)", compared.stdout)


def test_the_file_itself_is_asked_where_no_server_runs(tmp_path):
    path = tmp_path / "calls.duckdb"
    Store(str(path)).close()
    found = command("report", "--db", str(path), "--format", "markdown")
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("not enough data") >= 5
    html = tmp_path / "report.html"
    written = command("report", "--db", str(path), "--format", "html", "--output", str(html))
    assert (written.returncode, written.stdout) == (0, "")
    assert html.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("report", "--days", "0"), "must be more than 0"),
        (("report", "--only", "feature"), "NAME=VALUE"),
        (("report", "--only", "colour=red"), "no dimension 'colour'"),
        (("compare", "--by", "colour"), "no dimension 'colour'"),
        (("report", "--output", "/nowhere/x.md"), "/nowhere/x.md cannot be written"),
    ],
)
def test_what_cannot_be_gets_one_line(tmp_path, args, said):
    path = tmp_path / "calls.duckdb"
    Store(str(path)).close()
    found = command(*args, "--db", str(path))
    assert found.returncode == 1
    assert said in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_no_file(tmp_path):
    found = command("report", "--db", str(tmp_path / "none"))
    assert found.returncode == 1
    assert "there is no" in found.stderr


def test_names_mean_nothing_to_html():
    told = render.html("T <x>", [SECTION])
    page = ET.fromstring(
        re.sub(r'<meta charset="utf-8"><meta [^>]*>', "", told.removeprefix("<!doctype html>\n"))
    )
    cells = [cell.text for cell in page.iter("td")]
    assert cells == [NASTY, "$1.00"]
    assert not list(page.iter("b"))


def test_names_mean_nothing_to_markdown():
    told = render.markdown("T", [SECTION])
    (row,) = [line for line in told.splitlines() if "http" in line]
    assert len(re.findall(r"(?<!\\)\|", row)) == 3
    assert not re.search(r"(?<!\\)[<>`*\[\]]", row)


def test_names_mean_nothing_to_the_terminal():
    told = render.text(
        "T", [Section("S", ("[red]x",), ("a",), [("[bold]y",)])], width=60, color=False
    )
    assert "[red]x" in told
    assert "[bold]y" in told
    assert "\x1b" not in told


def test_sparklines():
    assert sparkline([0, 1, 7]) == "▁▂█"
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([]) == ""


def test_figures():
    assert [usd(v) for v in (None, 0.0, 0.00123, 1234.5, -2.0)] == [
        "-", "$0.00", "$0.0012", "$1,234.50", "-$2.00",
    ]  # fmt: skip
    interval = {"low": 1.0, "high": 3.0}
    assert figure({"value": 2.0, "interval": interval, "count": 9}, usd) == "$2.00 ($1.00 to $3.00)"
    assert figure({"value": 2.0, "interval": None, "count": 3}, usd) == "$2.00 (n=3)"
    assert figure({"value": None, "interval": None, "count": 0}, usd) == "-"
