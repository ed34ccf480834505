"""The command's options, its saved bills, and what it cannot compare."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from otel_claude.testing import Emulator


def test_discount(api: Emulator, exported: Any, say: Any, command: Any) -> None:
    say()
    api.billing.discount = Decimal("0.8")
    assert command(exported.lines(), "--json")["verdict"] == "agrees"
    report = command(exported.lines(), "--json", "--discounted", code=1)
    assert {(f["kind"], f["model"], f["component"]) for f in report["findings"]} == {
        ("rate", "claude-sonnet-5-5", "input"),
        ("rate", "claude-sonnet-5-5", "output"),
    }


def test_own_prices_of_what_others_bill_leave_the_list_in_place(
    api: Emulator, exported: Any, say: Any, command: Any
) -> None:
    say()
    api.billing.discount = Decimal("0.8")
    lines = exported.lines()
    foundry = json.loads(lines.read_text()) | {
        "request_id": "req_foundry",
        "server_address": "x.services.ai.azure.com",
        "cost_basis": "override",
    }
    with lines.open("a") as file:
        file.write(json.dumps(foundry) + "\n")
    report = command(lines, "--json")
    assert report["verdict"] == "agrees"
    assert "foundry" in {item["name"] for item in report["outside"]}


def test_rows_by(exported: Any, say: Any, command: Any) -> None:
    say("geo=us")
    say()
    assert len(command(exported.otlp(), "--json")["rows"]) == 1
    rows = command(exported.otlp(), "--json", "--by", "geo,tier")["rows"]
    assert [(row["tier"], row["geo"]) for row in rows] == [
        ("standard", "global"),
        ("standard", "us"),
    ]
    printed = command(exported.otlp(), "--by", "geo")
    assert "Agrees within 0.1%" in printed


def test_saved_bill(exported: Any, say: Any, command: Any, tmp_path: Any, monkeypatch: Any) -> None:
    say()
    say("web_search=1")
    path = tmp_path / "bill.json"
    online = command(exported.otlp(), "--json", "--save", path)
    monkeypatch.delenv("ANTHROPIC_ADMIN_KEY")
    assert command(exported.otlp(), "--json", "--bill", path) == online
    saved = json.loads(path.read_text())
    pages = tmp_path / "pages.jsonl"
    pages.write_text("".join(json.dumps(p) + "\n" for p in (*saved["usage"], *saved["cost"])))
    again = command(exported.otlp(), "--json", "--bill", pages)
    assert again["verdict"] == "agrees"
    assert again["total"] == online["total"]


def test_a_file_twice_counts_once(exported: Any, say: Any, command: Any) -> None:
    say()
    report = command(exported.lines(), exported.otlp(), exported.otlp(), "--json")
    assert report["verdict"] == "agrees"
    assert report["notes"] == ["2 recorded calls stood there more than once and count once."]


def test_the_file_of_the_embedded_backend(exported: Any, say: Any, command: Any) -> None:
    for scenario in (
        "",
        "web_search=1",
        "compaction",
        "model=claude-opus-5-6",
        "geo=us",
        "status=500",
    ):
        say(scenario)
    said = command(exported.otlp(), "--json", "--by", "tier,geo")
    assert said["verdict"] == "agrees"
    assert command(exported.store(), "--json", "--by", "tier,geo") == said
    report = command(exported.store(), exported.otlp(), "--json")
    assert any("stood there more than once" in note for note in report["notes"])


def test_what_cannot_be_compared(
    exported: Any, say: Any, command: Any, tmp_path: Any, monkeypatch: Any
) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("nothing here\n")
    assert command(empty, "--json", code=2)["verdict"] == "cannot compare"
    assert "no call" in command(empty, code=2)
    command(tmp_path / "nowhere", code=2)
    say()
    calls = exported.lines()
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", "sk-ant-plain")
    assert "refused" in command(calls, code=2)
    monkeypatch.delenv("ANTHROPIC_ADMIN_KEY")
    assert "ANTHROPIC_ADMIN_KEY" in command(calls, code=2)
    for text in ("{", "{}", '{"data": [{"usage": {}}]}'):
        empty.write_text(text)
        command(calls, "--bill", empty, code=2)
    for wrong in (
        ("--by", "colour"),
        ("--from", "soon"),
        ("--from", "2026-11-09", "--to", "2026-11-01"),
    ):
        command(calls, *wrong, code=2)


def test_an_api_out_of_reach(exported: Any, say: Any, command: Any, monkeypatch: Any) -> None:
    say()
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:1")  # nothing listens there
    said = command(exported.lines(), code=2)
    assert "cannot be reached" in said
    assert "refused" not in said
    assert ".." not in said
