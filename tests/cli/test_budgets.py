"""`otel-claude budgets`, where no Redis is needed; with one: tests/e2e/budgets."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from otel_claude.cli.app import app

POLICIES = """
budgets:
  - {name: daily, limit: 100, window: day, timezone: Europe/Berlin}
  - {name: each, scope: user, limit: 5, limits: {pro: 20, staff: null}, classes: tier, window: 5 hours}
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")

    def invoke(policies, *arguments):
        path = tmp_path / "budgets.yaml"
        path.write_text(policies)
        return CliRunner().invoke(app, ["budgets", *arguments, str(path)])

    return invoke


def test_check_shows_what_a_file_means(run):
    result = run(POLICIES, "check")
    assert result.exit_code == 0, result.output
    for said in ("daily", "day in Europe/Berlin", "100 usd", "pro: 20", "staff: none", "80%"):
        assert said in result.output


def test_check_leaves_nothing_out_on_a_narrow_terminal(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert "…" not in run(POLICIES, "check").output


def test_check_says_everything_that_is_wrong_and_fails(run):
    wrong = POLICIES + "  - {name: bad, limit: x}\n  - {name: odd, limt: 1}\n"
    result = run(wrong, "check")
    assert result.exit_code == 1
    assert "limit: 'x' is no amount" in result.output
    assert "did you mean 'limit'" in result.output
    assert "daily" in result.output, "the rest is shown all the same"


def test_budgets_in_memory_are_nobody_elses_to_see(run):
    result = run(POLICIES, "--file")
    assert result.exit_code == 1
    assert "memory of each process" in result.output


def test_a_store_that_cannot_be_reached_is_one_line(run):
    result = run("store: redis://127.0.0.1:1/0\n" + POLICIES, "--file")
    assert result.exit_code == 1
    assert "Redis at 127.0.0.1:1" in result.output
    assert "Traceback" not in result.output


def test_policies_have_to_be_given(monkeypatch):
    monkeypatch.delenv("OTEL_CLAUDE_BUDGETS", raising=False)
    result = CliRunner().invoke(app, ["budgets"])
    assert result.exit_code == 2
    assert "OTEL_CLAUDE_BUDGETS" in result.output
