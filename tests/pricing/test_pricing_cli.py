from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

typer = pytest.importorskip("typer")
pytest.importorskip("rich")

from typer.testing import CliRunner  # noqa: E402

from otel_claude.cli.price import price  # noqa: E402
from otel_claude.pricing import Cost, cost  # noqa: E402
from otel_claude.pricing.documents import read_book  # noqa: E402

APP = typer.Typer()
APP.command()(price)
USAGE = {"input_tokens": 1000, "output_tokens": 50, "service_tier": "batch", "inference_geo": "us"}
MESSAGE = {"model": "claude-opus-5", "usage": USAGE, "stop_reason": "end_turn", "content": []}


def run(*arguments: Any, code: Any = 0, **more: Any) -> Any:
    answer = CliRunner().invoke(APP, [str(a) for a in arguments], **more)
    assert answer.exit_code == code, answer.output
    return answer.output


def test_message_inline() -> None:
    said = json.loads(run(json.dumps(MESSAGE), "--json", "--at", "2026-11-21"))
    expected = cost(USAGE, "claude-opus-5")
    assert isinstance(expected, Cost)
    assert (
        Decimal(said["total"])
        == expected.total
        == (1000 * Decimal(5) + 50 * Decimal(25)) / 1_000_000 * Decimal("0.55")
    )
    assert said["lines"][0]["multipliers"] == [
        {"factor": "0.5", "reason": "batch"},
        {"factor": "1.1", "reason": "US-only inference"},
    ]


def test_file_and_stdin(tmp_path: Any) -> None:
    path = tmp_path / "usage.json"
    path.write_text(json.dumps(USAGE))
    one = run(path, "-m", "claude-opus-5", "--json")
    assert one == run("-", "-m", "claude-opus-5", "--json", input=json.dumps(USAGE))


def test_batch_result_line() -> None:
    line = {
        "custom_id": "a",
        "result": {
            "type": "succeeded",
            "message": {**MESSAGE, "usage": {"input_tokens": 10, "output_tokens": 0}},
        },
    }
    assert (
        Decimal(json.loads(run(json.dumps(line), "--json"))["total"])
        == 10 * Decimal("2.5") / 1_000_000
    )


def test_refusal_and_hops_of_a_message() -> None:
    refused = {
        "model": "claude-opus-5",
        "usage": {"input_tokens": 9, "output_tokens": 0},
        "stop_reason": "refusal",
        "stop_details": {"category": "cyber"},
    }
    assert json.loads(run(json.dumps(refused), "--json"))["free_reason"] == "refusal_before_output"
    assert "Free: the model refused" in run(json.dumps(refused))
    hop = {"type": "message", "model": "claude-fable-5", "input_tokens": 10, "output_tokens": 0}
    served = {
        "type": "fallback_message",
        "model": "claude-opus-5",
        "input_tokens": 10,
        "output_tokens": 1,
    }
    message = {
        "model": "claude-opus-5",
        "content": [{"type": "fallback", "trigger": {"category": "bio"}}],
        "usage": {"input_tokens": 10, "output_tokens": 1, "iterations": [hop, served]},
    }
    total = (10 * Decimal(10) + 10 * Decimal(5) + 1 * Decimal(25)) / 1_000_000
    assert Decimal(json.loads(run(json.dumps(message), "--json"))["total"]) == total


def test_counts_as_options_and_breakdown() -> None:
    output = run(
        "-m", "us.anthropic.claude-opus-5", "--platform", "bedrock", "--input", 1000, "--output", 50,
        "--cache-read", 20, "--cache-write-5m", 30, "--cache-write-1h", 40, "--web-searches", 2,
        "--batch",
    )  # fmt: skip
    for part in ("x 0.5 batch", "x 1.1 regional endpoint (us)", "cache_write_1h", "0.01 each", "6.25",
                 "Without caching:", "Incomplete (batch_web_search)", "total"):  # fmt: skip
        assert part in output


def test_date() -> None:
    arguments = ("-m", "claude-sonnet-5-5", "--cache-read", 100, "--json")
    assert (
        Decimal(json.loads(run(*arguments, "--at", "2026-10-06"))["total"])
        == 100 * Decimal("0.2") / 1_000_000
    )
    assert (
        Decimal(json.loads(run(*arguments, "--at", "2026-10-07T00:00:00Z"))["total"])
        == 100 * Decimal("0.1") / 1_000_000
    )
    assert "give a date" in run(*arguments, "--at", "soon", code=2)


def test_vertex_region() -> None:
    arguments = (
        "-m",
        "claude-haiku-4-5@20251001",
        "--platform",
        "vertex",
        "--input",
        100,
        "--json",
    )
    assert (
        Decimal(json.loads(run(*arguments, "--region", "us-east5"))["total"])
        == 100 * Decimal("1.1") / 1_000_000
    )


def test_own_prices(tmp_path: Any) -> None:
    path = tmp_path / "prices.json"
    path.write_text('{"multiplier": 0.5}')
    arguments = ("-m", "claude-opus-5", "--input", 100, "--prices", path)
    assert (
        Decimal(json.loads(run(*arguments, "--json"))["total"]) == 100 * Decimal("2.5") / 1_000_000
    )
    path.write_text('{"multiplier": "x"}')
    assert "multiplier" in run(*arguments, code=2)


def test_unknown_model() -> None:
    assert "unknown_model" in run("-m", "claude-opus-9", "--input", 1, code=1)
    said = json.loads(run("-m", "claude-opus-9", "--input", 1, "--json", code=1))
    assert said == {"unavailable_reason": "unknown_model", "model": "claude-opus-9"}


@pytest.mark.parametrize("usage", ["nowhere.json", "{", "[1]"])
def test_unreadable(usage: Any) -> None:
    run(usage, "-m", "claude-opus-5", code=2)


def test_no_model() -> None:
    assert "--model" in run('{"input_tokens": 1}', code=2)


def test_list() -> None:
    output = run("--list")
    for part in ("claude-fable-5-2", "> 100,000", "until 2026-10-07", "2026-11-30"):
        assert part in output
    book = read_book("list", run("--list", "--json"))
    assert book.models[0].name == "claude-fable-5-2"


def test_a_platform_is_known_in_any_case_or_refused() -> None:
    asked = ("-m", "claude-sonnet-4-5", "--region", "us-east5", "--input", 1000, "--json")
    assert json.loads(run(*asked, "--platform", "Vertex")) == json.loads(
        run(*asked, "--platform", "vertex")
    )
    said = run(*asked, "--platform", "azure", code=2)
    assert "unknown platform" in said
    assert "foundry" in said


@pytest.mark.parametrize("option", ["--input", "--output", "--cache-read", "--web-searches"])
def test_counts_below_nothing_are_refused(option: str) -> None:
    assert option in run("--model", "claude-opus-5", option, "-5", code=2)
