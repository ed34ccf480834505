"""Rule files: what they can say, and where they say what cannot be."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from otel_claude.local.alerts import reading
from otel_claude.local.alerts.source import RulesError, load

SECRET = "https://hooks.slack.com/services/T0/B0/s3cret"


@pytest.fixture
def written(tmp_path):
    def write(text, name="alerts.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


FULL = """
every: 5s
channels:
  team: {type: webhook, url_env: HOOK}
  pager: {type: command, command: [./page, --now], timeout: 30s}
  log: {type: log}
rules:
  - name: errors
    type: error_rate
    threshold: 5%
    window: 10m
    for: 1m
    resolve: 2m
    cooldown: 1h
    min_calls: 20
    where: {feature: search, tag.plan: [pro, 7]}
    severity: critical
    channels: [team, pager]
  - {name: slow, type: p95, threshold: 800ms}
  - {name: late, type: first_token, threshold: 3}
  - {name: day, type: spend, threshold: 100, window: 1d}
  - {name: spike, type: token_spike}
  - {name: row, type: consecutive_errors}
  - {name: full, type: budget, threshold: 90%, budget: team}
  - {name: quiet, type: silence, window: 2h}
"""


def test_a_file_with_everything(written):
    file = load(written(FULL))
    rules: dict[str, Any] = {rule.name: rule for rule in file.rules}
    errors = rules["errors"]
    assert (file.every, errors.threshold, errors.window, errors.hold) == (5, 0.05, 600, 60)
    assert (errors.resolve, errors.cooldown, errors.min_calls) == (120, 3600, 20)
    assert errors.where == {"feature": ("search",), "tag.plan": ("pro", "7")}
    assert list(file.told_of(errors)) == ["team", "pager"]
    assert list(file.told_of(rules["slow"])) == ["team", "pager", "log"]
    assert [reading.limit_text(rule) for rule in file.rules] == [
        "5%", "800 ms", "3 s", "$100.00", "3 times", "5", "90%", "2 h",
    ]  # fmt: skip


def test_json_is_taken_and_the_log_is_the_channel_where_none_is_named(written):
    rule = {"name": "row", "type": "consecutive_errors", "threshold": 3}
    file = load(written(json.dumps({"rules": [rule]}), "alerts.json"))
    assert [channel.type for channel in file.told_of(file.rules[0]).values()] == ["log"]


HEAD = "rules:\n  - name: a\n"
WRONG = {
    "not there": (None, "cannot be read"),
    "no YAML": ("rules: [", "no YAML"),
    "empty": ("", "line 1: names with values"),
    "no rules": ("every: 5s\n", "line 1: rules: is missing"),
    "rules that are none": ("rules: 7\n", "line 1: rules: a list belongs here"),
    "no type": (f"{HEAD}    window: 5m\n", "line 2: rules[0]: type is missing"),
    "other type": (f"{HEAD}    type: error\n", "line 2: rules[0]: type takes error_rate, p95"),
    "no threshold": (f"{HEAD}    type: p95\n", "line 2: rules[0].threshold: is missing"),
    "no window": (f"{HEAD}    type: silence\n", "line 2: rules[0].window: is missing"),
    "no such field": (
        f"{HEAD}    type: token_spike\n    windows: 5m\n",
        "line 4: rules[0].windows: there is no such field",
    ),
    "no time": (
        f"{HEAD}    type: token_spike\n    window: soon\n",
        "line 4: rules[0].window: a time is",
    ),
    "no share": (
        f"{HEAD}    type: error_rate\n    threshold: much\n",
        "line 4: rules[0].threshold: a share is",
    ),
    "share above all": (
        f"{HEAD}    type: error_rate\n    threshold: 5\n",
        "line 4: rules[0].threshold: Input should be less than or equal to 1",
    ),
    "not a number": (
        f"{HEAD}    type: spend\n    window: 1d\n    threshold: .nan\n",
        "line 5: rules[0].threshold: Input should be a finite number",
    ),
    "no such filter": (
        f"{HEAD}    type: token_spike\n    where: {{colour: red}}\n",
        "line 2: rules[0]: there is no dimension 'colour'",
    ),
    "filters of a budget": (
        f"{HEAD}    type: budget\n    where: {{model: x}}\n",
        "line 2: rules[0]: budgets have no filters",
    ),
    "two of a name": (
        f"{HEAD}    type: token_spike\n  - {{name: a, type: token_spike}}\n",
        "two rules are called 'a'",
    ),
    "no such channel": (
        f"{HEAD}    type: token_spike\n    channels: [nobody]\n",
        "names the channel 'nobody'; there are log",
    ),
    "no address": (
        f"channels:\n  x:\n    type: webhook\n{HEAD}    type: token_spike\n",
        "line 2: channels.x: give url_env or url_file",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named_with_its_line(written, tmp_path, case):
    text, expected = WRONG[case]
    path = tmp_path / "nowhere.yaml" if text is None else written(text)
    with pytest.raises(RulesError) as told:
        load(path)
    assert str(path) in str(told.value)
    assert expected in str(told.value)
    assert "\n" not in str(told.value)


def test_every_problem_has_a_line_of_its_own(written):
    text = f"{HEAD}    type: p95\n    window: soon\n    threshold: -1\n    x: 1\n"
    with pytest.raises(RulesError) as told:
        load(written(text))
    assert [line.partition(" line ")[2][0] for line in str(told.value).splitlines()] == [*"456"]


@pytest.mark.parametrize("field", ["url", "url_env"])
def test_an_address_in_the_file_is_refused_and_not_repeated(written, field):
    text = f"channels:\n  x: {{type: webhook, {field}: '{SECRET}'}}\n{HEAD}    type: token_spike\n"
    with pytest.raises(RulesError) as told:
        load(written(text))
    assert "line 2: channels.x" in str(told.value)
    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.25, "250 ms"),
        (1.5, "1.5 s"),
        (60, "1 min"),
        (90, "90 s"),
        (5400, "90 min"),
        (7200, "2 h"),
        (86_400, "1 d"),
    ],
)
def test_times_in_words(seconds, said):
    assert reading.duration(seconds) == said


def test_the_file_of_the_docs_works(written):
    page = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text(encoding="utf-8")
    file = load(written(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0]))
    named = set(re.findall(r"^\| `(\w+)` \| .* \| .* \| .* \|$", page, re.MULTILINE))
    assert named == {rule.type for rule in file.rules} | {"p95"}
