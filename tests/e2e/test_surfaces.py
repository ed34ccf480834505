"""Tool runners, batches and legacy completions, under every SDK version of the matrix."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.environments import ROOT, python_with
from tests.matrix.sdks import VERSIONS

WORK = Path(__file__).with_name("surfaces.py")
CHAT = "chat claude-haiku-4-5"
SAW = {
    "runner": ("weather", ""),
    "streaming runner": ("broken", "ERR"),
    "async runner": ("later", ""),
}


@cache
def found(version: str) -> Any:
    python = python_with(version)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "ANTHROPIC_"))}
    run = subprocess.run(
        [str(python), str(WORK)],
        env={**kept, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_of_ours_failed_and_nothing_is_left_open(version):
    assert found(version)["sdk"] == version
    assert found(version)["faults"] == {}
    assert found(version)["active"] == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_batch_results_are_counted_once(version):
    assert found(version)["batch counted"] == [None, 3, 0]
    counted, served = found(version)["batch tokens"]
    assert counted == served


@pytest.mark.parametrize("version", ["0.51.0", "0.125.0"])
def test_legacy_completions_are_calls_without_a_price(version):
    span = ["text_completion claude-2.1", "completed", "missing_usage"]
    assert found(version)["completions"] == [span, span]
    assert found(version)["completions first token"]


@pytest.mark.parametrize("runner", list(SAW))
@pytest.mark.parametrize("version", VERSIONS[1:])
def test_a_tool_runner_is_one_agent_with_its_calls_and_tools(version, runner):
    tool, failed = SAW[runner]
    assert found(version)[f"{runner} own"] == sorted(
        [
            [CHAT, "invoke_agent", "UNSET", ""],
            [CHAT, "invoke_agent", "UNSET", ""],
            [f"execute_tool {tool}", "invoke_agent", *(["ERROR", "ValueError"] if failed else ["UNSET", ""])],
            ["invoke_agent", "", "UNSET", ""],
        ]
    )  # fmt: skip


@pytest.mark.parametrize("runner", list(SAW))
@pytest.mark.parametrize("version", ["1.17.0", "2.0.0", "2.11.0", "2.14.0"])
def test_the_sdks_own_runner_spans_stand_where_it_makes_them(version, runner):
    spans = found(version)[f"{runner} native"]
    agent = "anthropic.messages.tool_runner"
    assert [span for span in spans if span[0] == CHAT] == [[CHAT, agent, "UNSET", ""]] * 2
    assert len(spans) == 4
    assert not any(span[0].startswith(("invoke_agent", "execute_tool")) for span in spans)
