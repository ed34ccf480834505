"""The demo as a user runs it, its numbers held against what the emulator says it served.

How interrupted streams compare: of a stream that was cut or left, nobody outside the API knows
the output, so the telemetry has none. Completed calls must be equal to the token; of the others,
the prompt, which `message_start` tells, and the cost of that prompt alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

pytest.importorskip("anthropic")
pytest.importorskip("typer")
pytest.importorskip("opentelemetry.exporter.otlp.proto.http")

CALLS = 60

# USD per million tokens: input, write 5m, write 1h, read, output. Deliberately not the package's.
RATES = {
    "claude-haiku-5-5": ("0.10", "0.125", "0.20", "0.01", "0.50"),
    "claude-haiku-4-5-20251001": ("1", "1.25", "2", "0.10", "5"),
    "claude-sonnet-5-5": ("2", "2.5", "4", "0.10", "10"),
    "claude-opus-5-5": ("4", "5", "8", "0.20", "20"),
}


def run(*args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from otel_claude.cli import main; main()", *args],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "error", **environ},
    )


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    # A sampler and strict mode in the environment must not change what the demo shows.
    done = run(
        "demo", "--calls", str(CALLS), "--seed", "7", "--json", "--ledger",
        OTEL_TRACES_SAMPLER="always_off", OTEL_CLAUDE_STRICT="true",
        http_proxy="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def prompt(usage: dict[str, Any]) -> int:
    return int(
        usage["input_tokens"]
        + usage["cache_read_input_tokens"]
        + usage["cache_creation_input_tokens"]
    )


def billed(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry for entry in entries if entry["usage"] is not None]


def price(entry: dict[str, Any]) -> Decimal:
    usage, split = entry["usage"], entry["usage"]["cache_creation"]
    counts = (
        usage["input_tokens"],
        split["ephemeral_5m_input_tokens"],
        split["ephemeral_1h_input_tokens"],
        usage["cache_read_input_tokens"],
        usage["output_tokens"] if entry["complete"] else 0,
    )
    rates = RATES[entry["model"]]
    return sum(
        (n * Decimal(rate) for n, rate in zip(counts, rates, strict=True)), Decimal(0)
    ) / Decimal(10**6)


def test_tokens_equal_the_ledger(told: dict[str, Any]) -> None:
    total, entries = told["totals"], billed(told["ledger"])
    usages = [entry["usage"] for entry in entries]
    assert total["input_tokens"] == sum(prompt(usage) for usage in usages)
    assert total["cache_read_tokens"] == sum(u["cache_read_input_tokens"] for u in usages)
    assert total["cache_write_tokens"] == sum(u["cache_creation_input_tokens"] for u in usages)
    assert total["output_tokens"] == sum(
        entry["usage"]["output_tokens"] for entry in entries if entry["complete"]
    )
    assert all(n > 0 for name, n in total.items() if name.endswith("_tokens"))


def test_cost_equals_the_ledger(told: dict[str, Any]) -> None:
    expected = sum((price(entry) for entry in billed(told["ledger"])), Decimal(0))
    assert abs(Decimal(told["totals"]["cost_usd"]) - expected) < Decimal("1e-9")
    assert abs(Decimal(told["metrics"]["cost_usd"]) - expected) < Decimal("1e-9")


def test_every_model_equals_the_ledger(told: dict[str, Any]) -> None:
    for name, group in told["by_model"].items():
        entries = [e for e in billed(told["ledger"]) if e["model"].startswith(name)]
        assert group["input_tokens"] == sum(prompt(entry["usage"]) for entry in entries)
        cost = sum((price(entry) for entry in entries), Decimal(0))
        assert abs(Decimal(group["cost_usd"]) - cost) < Decimal("1e-9")
    assert len(told["by_model"]) == len(RATES)


def test_calls_and_failures_equal_the_ledger(told: dict[str, Any]) -> None:
    total, ledger = told["totals"], told["ledger"]
    failed = [entry for entry in ledger if entry["usage"] is None]
    assert total["calls"] == CALLS == told["received"]["spans"] - tool_loops(told)
    assert total["calls"] + total["retries"] == len(ledger)
    # Each attempt that failed was either repeated or the end of its call.
    interrupted = {"failed_midway", "truncated"}
    assert total["errors"] == len(failed) - total["retries"] + len(interrupted)
    assert total["cost_incomplete_calls"] == sum(not e["complete"] for e in billed(ledger)) > 0
    assert total["unpriced_calls"] == 0


def tool_loops(told: dict[str, Any]) -> int:
    """Each has a span of the application's own over its two calls."""
    calls: int = told["by_feature"]["support-agent"]["calls"]
    assert calls % 2 == 0
    return calls // 2


def test_groups_add_up(told: dict[str, Any]) -> None:
    for grouping in ("by_model", "by_feature"):
        for name in ("calls", "errors", "retries", "input_tokens", "output_tokens"):
            assert sum(group[name] for group in told[grouping].values()) == told["totals"][name]


def test_metrics_equal_spans(told: dict[str, Any]) -> None:
    assert told["disagreements"] == []
    total, metrics = told["totals"], told["metrics"]
    tokens = metrics["tokens"]
    assert metrics["requests"] == total["calls"]
    assert sum(tokens.values()) == total["input_tokens"] + total["output_tokens"]
    splits = [entry["usage"]["cache_creation"] for entry in billed(told["ledger"])]
    for ttl in ("5m", "1h"):
        assert tokens[f"cache_write_{ttl}"] == sum(
            s[f"ephemeral_{ttl}_input_tokens"] for s in splits
        )
    assert metrics["cache_savings_usd"] > 0


def test_served_is_the_ledger_summed(told: dict[str, Any]) -> None:
    served, total = told["served"], told["totals"]
    assert served["attempts"] == len(told["ledger"])
    assert served["complete"]["output_tokens"] == total["output_tokens"]
    sides = (served["complete"], served["incomplete"])
    assert sum(side["input_tokens"] for side in sides) == total["input_tokens"]


def test_shows_timings_and_one_span(told: dict[str, Any]) -> None:
    total, span = told["totals"], told["span"]
    for name in ("time_to_first_token_seconds", "duration_seconds"):
        assert 0.05 < total[name]["p50"] < total[name]["p95"] < 20
    assert span["scope"] == "otel_claude"
    assert span["attributes"]["claude.cost.total"] > 0
    verdicts = sum(sum(by.values()) for by in told["evaluations"].values())
    assert told["received"]["log_records"] - verdicts == total["errors"] - 1, (
        "a truncated stream raises nothing"
    )


def test_answers_are_checked_and_users_heard(told: dict[str, Any]) -> None:
    checks = dict(told["evaluations"])
    feedback = checks.pop("feedback")
    answered = told["served"]["complete"]["calls"]
    assert sum(checks["answered"].values()) >= answered
    assert set(feedback) <= {"accept", "edit", "retry", "reject"}
    assert 0 < sum(feedback.values()) < answered


def test_the_same_seed_counts_the_same() -> None:
    def numbers() -> Any:
        document = json.loads(run("demo", "--calls", "12", "--seed", "3", "--json").stdout)
        # Which of two calls at the same moment writes the cache, and how far an abandoned stream
        # got, are matters of time; so are the parts of the prompt that were cached, and the cost.
        return [document["totals"][name] for name in ("calls", "errors", "input_tokens")]

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(numbers), pool.submit(numbers)
    assert first.result() == second.result()


@pytest.mark.parametrize("columns", ["80", "100"])
def test_tables_fit(columns: str) -> None:
    done = run("demo", "--calls", "12", COLUMNS=columns)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    # The command that serves the dashboard stays whole, as long as the path of the home is.
    assert max(len(line) for line in lines if "otel-claude up --db" not in line) <= int(columns)
    assert "…" not in done.stdout
    assert "Total        12 calls, $0." in done.stdout
    assert "say the same as the spans" in done.stdout
    assert "claude.cost.total" in done.stdout


def test_api_without_a_key() -> None:
    done = run("demo", "--api", ANTHROPIC_API_KEY="")
    assert done.returncode == 2
    assert "ANTHROPIC_API_KEY" in done.stderr
    assert done.stderr.count("\n") == 1


def test_api_uses_the_address_it_is_given() -> None:
    from otel_claude.testing import Emulator

    with Emulator() as real:
        done = run("demo", "--api", "--json", ANTHROPIC_API_KEY="key", ANTHROPIC_BASE_URL=real.url)
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        assert "served" not in document
        assert list(document["by_model"]) == ["claude-haiku-5-5"]
        assert document["totals"]["calls"] == len(real.ledger) == 8
        assert document["totals"]["input_tokens"] == sum(
            prompt(entry.usage) for entry in real.ledger if entry.usage
        )
        assert not any(request.scenario for request in real.requests)
    assert "at most $0.0" in done.stderr


def test_version_and_missing_extra() -> None:
    from otel_claude import __version__

    assert run("--version").stdout.strip() == f"otel-claude {__version__}"
    hide = "import sys; sys.modules['typer'] = None; import otel_claude.cli as c; c.main()"
    done = subprocess.run(
        [sys.executable, "-c", hide], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stderr == 'otel-claude: the command line needs pip install "otel-claude[cli]"\n'
