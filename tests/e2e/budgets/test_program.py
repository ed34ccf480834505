"""Programs with a budget in Redis, and the command that shows it."""

from __future__ import annotations

import json
import multiprocessing

import anthropic
import pytest
from typer.testing import CliRunner

from otel_claude import BudgetExceeded, ClaudeInstrumentor, attribution, flush
from otel_claude.budgets import Budget, Budgets
from otel_claude.cli.app import app
from otel_claude.pricing import Cost, cost


def test_the_command_shows_what_programs_have_spent(
    server, telemetry, client, ask, tmp_path, monkeypatch
):
    budgets = [
        {"name": "all", "limit": 1, "window": "day"},
        {"name": "each", "scope": "user", "limit": 1000, "unit": "tokens", "window": "5 hours"},
    ]
    path = tmp_path / "budgets.json"
    path.write_text(json.dumps({"store": server.url, "timeout": 20, "budgets": budgets}))
    telemetry.instrument(budgets=str(path))
    for user in ("anna", "bob"):
        with attribution(user=user):
            client.messages.create(**ask())
    with client.messages.stream(**ask()) as stream:
        assert flush(5)
        result = CliRunner().invoke(app, ["budgets", "--file", str(path), "--json"])
        stream.until_done()
    assert result.exit_code == 0, result.output
    rows = {(row["budget"], row["key"]): row for row in json.loads(result.output)}
    assert rows.keys() == {("all", None), ("each", "anna"), ("each", "bob")}
    assert 0 < float(rows["all", None]["spent"]) < 1
    assert float(rows["all", None]["reserved"]) > 0
    assert int(rows["each", "anna"]["spent"]) > 0
    monkeypatch.setenv("OTEL_CLAUDE_BUDGETS", str(path))
    monkeypatch.setenv("COLUMNS", "200")
    assert flush(5)
    shown = CliRunner().invoke(app, ["budgets"])
    assert "user anna" in shown.output
    assert rows["each", "anna"]["spent"] in shown.output


def test_warnings_come_once_over_all_processes(server, telemetry, client, ask):
    """Two programs share a budget: the one whose call passes the share says so."""
    for _ in range(2):
        budget = Budget("soft", limit="0.002", window="day", action="warn", warn_at=[0.5])
        telemetry.instrument(budgets=Budgets([budget], store=server.url, timeout=20))
        for _ in range(3):
            client.messages.create(**ask("output_tokens=40"))
        assert flush(5)
        ClaudeInstrumentor().uninstrument()
    events = [r.log_record for r in telemetry.log_exporter.get_finished_logs()]
    warned = [e.attributes["claude.budget.share"] for e in events]
    assert warned == [0.5, 1.0]


def test_a_budget_spent_by_one_program_refuses_another(server, telemetry, client, ask):
    budgets = Budgets([Budget("b", limit="0.0012", window="day")], store=server.url, timeout=20)
    telemetry.instrument(budgets=budgets)
    client.messages.create(**ask("output_tokens=60"))
    ClaudeInstrumentor().uninstrument()
    telemetry.instrument(budgets=budgets)
    with pytest.raises(BudgetExceeded):
        client.messages.create(**ask())


def _work(url):
    client = anthropic.Anthropic(api_key="any", base_url=url)
    client.messages.create(
        model="claude-haiku-4-5", max_tokens=9, messages=[{"role": "user", "content": "Hello"}]
    )


def test_what_forked_workers_spend_last_is_booked_before_they_leave(server, telemetry, api):
    """They leave by `os._exit`, without what is run at the end of a program."""
    budgets = Budgets([Budget("b", limit=1, window="day")], store=server.url, timeout=20)
    telemetry.instrument(budgets=budgets)
    for _ in range(3):
        worker = multiprocessing.get_context("fork").Process(target=_work, args=(api.url,))
        worker.start()
        worker.join()
        assert worker.exitcode == 0
    (account,) = ClaudeInstrumentor()._guard.store.accounts("b:").values()
    price = cost(api.ledger[0].usage, api.ledger[0].model)
    assert isinstance(price, Cost)
    assert (account.spent, account.reserved) == (3 * price.units(15), 0)
