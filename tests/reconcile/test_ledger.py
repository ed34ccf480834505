"""The command over the emulator's ledger: it finds what was planted, and nothing else."""

from __future__ import annotations

import json
import time
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from otel_claude.testing import Emulator
from otel_claude.testing.billing import TOKEN_TYPES

SPLIT = quote(
    json.dumps(
        {
            "cache_creation_input_tokens": 3000,
            "cache_read_input_tokens": 50_000,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 1000,
                "ephemeral_1h_input_tokens": 2000,
            },
        }
    ),
    safe="",
)
FORMS = ("lines", "otlp")
NEAR = Decimal("1e-12")
PARTS = ("input", "cache_write", "cache_write", "cache_read", "output")


def traffic(say: Any) -> None:
    """Calls of every kind, streamed and not."""
    for stream in (False, True):
        say(stream=stream)
        say(f"usage={SPLIT}", stream=stream)
        say(f"usage={SPLIT};geo=us", stream=stream, model="claude-opus-5-5")
        say("output_tokens=30", stream=stream, model="claude-opus-5-5")
        say("speed=fast", stream=stream, model="claude-opus-5-5")
        say("web_search=2", stream=stream)
        say("input_tokens=100001", stream=stream, model="claude-haiku-5-5")
        say("input_tokens=5000", stream=stream, model="claude-haiku-5-5")
        say(stream=stream, model="claude-haiku-4-5")
        say("tier=priority", stream=stream)
        say("tier=batch;geo=us", stream=stream, model="claude-fable-5-2")
        say("refusal=cyber", stream=stream, model="claude-fable-5")
        say("refusal=bio", stream=stream, model="claude-fable-5")
        say("status=529", stream=stream)
        say("container", stream=stream)
        say("advisor=claude-opus-5,cache_read=5000,cache_write=900", stream=stream)
        say("compaction,input=12345,output=177", stream=stream)
        say("fallback=claude-opus-4-8,category=cyber", stream=stream, model="claude-fable-5")
        say("fallback=claude-opus-4-8,category=bio", stream=stream, model="claude-fable-5")


def brief(report: Any) -> Any:
    return [(f["kind"], f["model"], f.get("component")) for f in report["findings"]]


@pytest.mark.parametrize("form", FORMS)
def test_both_sides_agree(exported: Any, say: Any, command: Any, form: str) -> None:
    traffic(say)
    report = command(getattr(exported, form)(), "--json")
    assert report["verdict"] == "agrees"
    assert report["findings"] == []
    total = report["total"]
    for name in ("requests", "tokens"):
        assert total[name]["only_on_bill"] == total[name]["only_recorded"] == 0
    assert Decimal(total["billed_usd"]) == pytest.approx(Decimal(total["recorded_usd"]), abs=NEAR)
    assert report["compared_by"] == ["day", "model", "workspace", "tier", "speed", "geo"]
    named = {item["name"] for item in report["outside"]}
    assert named == {"priority_tier", "incomplete: code_execution"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("kind", "component"),
    list(zip(TOKEN_TYPES, PARTS, strict=True)),
)
def test_a_planted_rate_difference(
    api: Emulator, exported: Any, say: Any, command: Any, form: str, kind: str, component: str
) -> None:
    traffic(say)
    api.billing.change_rate("claude-opus-5-5", kind, Decimal("1.05"))
    report = command(getattr(exported, form)(), "--json", code=1)
    cached = component.startswith("cache")
    found = brief(report)
    assert set(found) == {("rate", "claude-opus-5-5", component)}
    # One cell where caches are used; three, one of them fast, where plain tokens are.
    assert len(found) == (1 if cached else 3)
    for finding in report["findings"]:
        assert finding["certain"]
        factor = Decimal(finding["billed_rate"]) / Decimal(finding["recorded_rate"])
        assert Decimal(1) < factor <= Decimal("1.05001")
    if component == "output":
        us = next(f for f in report["findings"] if f["geo"] == "us")
        assert Decimal(us["recorded_rate"]) == pytest.approx(Decimal(22))
        assert Decimal(us["billed_rate"]) == pytest.approx(Decimal("23.1"))
    assert report["total"]["requests"]["only_on_bill"] == 0
    assert Decimal(report["total"]["by_coverage"]) == pytest.approx(Decimal(0), abs=NEAR)
    assert Decimal(report["total"]["by_rate"]) > 0


@pytest.mark.parametrize("form", FORMS)
def test_a_planted_missing_call(
    api: Emulator, exported: Any, say: Any, command: Any, form: str
) -> None:
    traffic(say)
    api.billing.add(
        time.time(),
        "claude-sonnet-5-5",
        input_tokens=1234,
        output_tokens=56,
        inference_geo="global",
    )
    report = command(getattr(exported, form)(), "--json", code=1)
    (finding,) = report["findings"]
    assert (finding["kind"], finding["model"]) == ("only_on_bill", "claude-sonnet-5-5")
    assert finding["counts"] == {"requests": 1, "input": 1234, "output": 56}
    usd = (1234 * Decimal(2) + 56 * Decimal(10)) / 1_000_000
    assert Decimal(finding["usd"]) == pytest.approx(usd, abs=NEAR)
    assert Decimal(report["total"]["by_rate"]) == 0


@pytest.mark.parametrize(
    ("form", "which"), [(FORMS[number % 2], number) for number in range(0, 38, 3)]
)
def test_any_call_missing_from_the_bill(
    api: Emulator, exported: Any, say: Any, command: Any, form: str, which: int
) -> None:
    traffic(say)
    hidden = api.ledger[which]
    api.billing.hide(hidden)
    free = hidden.usage is None or hidden.refusal_category == "cyber"
    report = command(getattr(exported, form)(), "--json", code=0 if free else 1)
    assert {f["kind"] for f in report["findings"]} == (set() if free else {"only_recorded"})
    if not free:
        models = {i.get("model") for i in hidden.usage.get("iterations") or ()}
        models |= {str(hidden.model).removesuffix("-20251001"), "(web search)"}
        found = [f for f in report["findings"] if f["model"] != "(web search)"]
        assert {f["model"] for f in found} <= models
        assert all(f["counts"]["requests"] == -1 for f in found)


def test_both_planted(api: Emulator, exported: Any, say: Any, command: Any) -> None:
    traffic(say)
    api.billing.change_rate("claude-haiku-4-5", TOKEN_TYPES[4], Decimal(2))
    api.billing.add(time.time(), "claude-fable-5-1", input_tokens=10, inference_geo="global")
    report = command(exported.otlp(), "--json", code=1)
    assert brief(report) == [
        ("only_on_bill", "claude-fable-5-1", None),
        ("rate", "claude-haiku-4-5", "output"),
    ]
    printed = command(exported.otlp(), code=1)
    for part in ("Differs", "only on the bill", "claude-fable-5-1", "same tokens, other money",
                 "1 differences in coverage, 1 in rates", "other_applications"):  # fmt: skip
        assert part in printed


def test_a_rate_and_a_call_in_one_cell(
    api: Emulator, exported: Any, say: Any, command: Any
) -> None:
    say()
    api.billing.change_rate("claude-sonnet-5-5", TOKEN_TYPES[4], Decimal("1.5"))
    api.billing.add(time.time(), "claude-sonnet-5-5", input_tokens=9, output_tokens=9,
                    inference_geo="global")  # fmt: skip
    report = command(exported.lines(), "--json", code=1)
    coverage, rate = report["findings"]
    assert coverage["counts"] == {"requests": 1, "input": 9, "output": 9}
    assert (rate["component"], rate["certain"]) == ("output", False)
    assert Decimal(rate["billed_rate"]) == pytest.approx(Decimal(15))


def test_interrupted_streams(
    api: Emulator, client: Any, exported: Any, say: Any, ask: Any, command: Any
) -> None:
    say(stream=True)
    say("cut=5", stream=True)
    say("error=overloaded_error,after=6", stream=True)
    with client.messages.create(**ask("slow=0.02;events=40"), stream=True) as events:
        for number, _ in enumerate(events):
            if number == 6:
                break
    for _ in range(100):
        if not api.ledger[-1].complete and api.ledger[-1].usage["output_tokens"] > 1:
            break
        time.sleep(0.02)
    time.sleep(0.1)
    for form in FORMS:
        report = command(getattr(exported, form)(), "--json")
        assert report["verdict"] == "agrees"
        outside = {item["name"]: item for item in report["outside"]}
        assert outside["incomplete: aborted_stream"]["calls"] == 3
        unknown = sum(e.usage["output_tokens"] for e in api.ledger if not e.complete)
        assert outside["aborted_stream"]["tokens"] == unknown > 0
        usd = unknown * Decimal(10) / 1_000_000
        assert Decimal(outside["aborted_stream"]["usd"]) == pytest.approx(usd, abs=NEAR)
        assert Decimal(report["total"]["by_doubt"]) == pytest.approx(usd, abs=NEAR)
        assert Decimal(report["total"]["by_coverage"]) == pytest.approx(Decimal(0), abs=NEAR)


def test_unpriced_and_unseen_calls(exported: Any, say: Any, command: Any) -> None:
    say()
    say(model="claude-opus-9")
    say("malformed=usage_missing")
    for form in FORMS:
        report = command(getattr(exported, form)(), "--json")
        assert report["verdict"] == "agrees"
        outside = {item["name"]: item for item in report["outside"]}
        assert outside["unpriced: unknown_model"]["calls"] == 1
        assert outside["unpriced: missing_usage"]["calls"] == 1
        assert Decimal(outside["unpriced"]["usd"]) > 0


def test_fees_products_and_clouds(
    api: Emulator, exported: Any, say: Any, command: Any, ask: Any
) -> None:
    import anthropic

    say()
    api.billing.fee(time.time(), "code_execution", Decimal("0.05"))
    api.billing.fee(time.time(), "session_usage", Decimal("0.08"))
    vertex = anthropic.AnthropicVertex(
        base_url=f"{api.url}/v1", region="global", project_id="p", access_token="t"
    )
    with vertex:
        vertex.messages.create(**ask())
    for form in FORMS:
        report = command(getattr(exported, form)(), "--json")
        outside = {item["name"]: item for item in report["outside"]}
        assert outside["code_execution"]["usd"] == "0.05"
        assert outside["session_usage"]["usd"] == "0.08"
        assert outside["gcp.vertex_ai"]["calls"] == 1
        assert report["total"]["requests"]["both"] == 1


def test_results_of_a_batch_say_the_workspace_and_when_the_batch_was_made(
    client: Any, ask: Any, say: Any, exported: Any, command: Any
) -> None:
    say()
    batch = client.messages.batches.create(
        requests=[{"custom_id": name, "params": ask()} for name in ("wide", "narrow")],
        extra_headers={"x-emulator-scenario": "polls=0"},
    )
    list(client.messages.batches.results(batch.id))
    lines = [json.loads(line) for line in exported.lines().read_text().splitlines()]
    results = [line for line in lines if "custom_id" in line]
    assert [line["batch_id"] for line in results] == [batch.id, batch.id]
    for line in results:
        assert line["workspace_id"] == lines[0]["workspace_id"]
        assert "request_id" not in line
        made = datetime.fromisoformat(line["batch_created"].replace("Z", "+00:00"))
        assert made.timestamp() == pytest.approx(batch.created_at.timestamp(), abs=0.001)
    report = command(exported.lines(), "--json")
    assert report["verdict"] == "agrees"
    assert "workspace" in report["compared_by"]
