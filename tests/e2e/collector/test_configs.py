"""`otelcol validate` accepts every configuration of deploy/, alone and with any overlays."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import re2
import yaml

from otel_claude import semconv
from tests.e2e.backends import DEPLOY, ONE_FILE, otelcol
from tests.e2e.collector import places

FOLDER = DEPLOY / "collector"
OVERLAYS = sorted((FOLDER / "overlays").glob("*.yaml"))
BASES = {
    "one file": [ONE_FILE],
    "gateway": [ONE_FILE, FOLDER / "gateway.yaml"],
    "gateway without users": [
        ONE_FILE,
        FOLDER / "gateway.yaml",
        FOLDER / "gateway-no-users.yaml",
    ],
    "agent": [ONE_FILE, FOLDER / "agent.yaml"],
    "agent with dns": [ONE_FILE, FOLDER / "agent.yaml", FOLDER / "agent-dns.yaml"],
}
NOT_RUN = {"builder.yaml"}


def validate(*configs: Path) -> subprocess.CompletedProcess[str]:
    arguments = [part for config in configs for part in ("--config", str(config))]
    command = [str(otelcol()), "validate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def leaves(of: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of what a configuration sets; lists are replaced, not merged, so they are leaves."""
    if isinstance(of, dict) and of:
        for key, inner in of.items():
            yield from leaves(inner, (*path, str(key)))
    else:
        yield path


def test_every_file_is_covered() -> None:
    covered = {path for configs in BASES.values() for path in configs} | set(OVERLAYS)
    there = {*FOLDER.rglob("*.yaml"), ONE_FILE}
    assert {path.name for path in there - covered} == NOT_RUN


@pytest.mark.parametrize("overlay", [None, *OVERLAYS], ids=lambda p: p.stem if p else "alone")
@pytest.mark.parametrize("base", BASES)
def test_valid(base: str, overlay: Path | None) -> None:
    done = validate(*BASES[base], *([overlay] if overlay else []))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("base", BASES)
def test_all_overlays_together_in_any_order(base: str) -> None:
    for overlays in (OVERLAYS, OVERLAYS[::-1]):
        done = validate(*BASES[base], *overlays)
        assert done.returncode == 0, done.stderr


def test_overlays_do_not_touch_each_other() -> None:
    """They set different things: so whichever go together, each does what it does alone."""
    paths = {path.name: set(leaves(yaml.safe_load(path.read_text()))) for path in OVERLAYS}
    base = set(leaves(yaml.safe_load(ONE_FILE.read_text())))
    for one, other in itertools.combinations(paths, 2):
        assert paths[one] & paths[other] == set()
    changed = {name for name, each in paths.items() if each & base}
    assert changed == {"keep-content.yaml"}, "the others only add"


def test_a_mistake_is_found(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("exporters: {nonsense: {}}")
    assert validate(ONE_FILE, wrong).returncode != 0


def test_whatever_can_be_kept_on_disk_is() -> None:
    for path in {*itertools.chain(*BASES.values()), *OVERLAYS}:
        for name, exporter in (yaml.safe_load(path.read_text()).get("exporters") or {}).items():
            if "retry_on_failure" not in exporter:
                assert name.split("/")[0] in {
                    "prometheus",
                    "debug",
                    "file",
                    "nop",
                } or path.stem.endswith("dns")
                continue
            assert exporter["sending_queue"]["storage"] == "file_storage", f"{path.name}: {name}"
            assert exporter["retry_on_failure"]["max_elapsed_time"] == "0s", f"{path.name}: {name}"


def test_names_are_those_that_we_emit() -> None:
    """A name changed in `semconv.py` fails here until the configurations follow."""
    spelled = {of for of in vars(semconv).values() if isinstance(of, str)}
    for path in (FOLDER / "gateway.yaml", *OVERLAYS):
        text = path.read_text()
        used = set(
            re.findall(r'attributes\["((?:claude|gen_ai|user|anthropic)\.[a-z_.]+)"\]', text)
        )
        used |= set(re.findall(r"(?:key|name): ((?:claude|gen_ai|user)\.[a-z_.]+)", text))
        assert used <= spelled | {"claude.audit.call"}, path.name
    made = {each["name"] for each in users()}
    wanted = (semconv.M_USER_REQUESTS, semconv.M_USER_INPUT, semconv.M_USER_OUTPUT)
    assert made == {*wanted, semconv.M_USER_COST}


def masked(text: str) -> str:
    """A text as `redaction` leaves it: the collector's expressions are of RE2's kind, too."""
    redaction = yaml.safe_load(ONE_FILE.read_text())["processors"]["redaction"]
    for pattern in redaction["blocked_values"]:
        text = re2.sub(pattern, "****", text)
    return text


@pytest.mark.parametrize(
    "name",
    [
        *(value for value in places.HARMLESS.values() if isinstance(value, str)),
        "disk-usage-summarizer",
        "helpdesk-assistant-frontend",
        "task_sk-learn-classifier",
        "basic subscription, billed monthly",
        "Basic 2024 plan",
    ],
)
def test_ordinary_names_are_not_masked(name: str) -> None:
    assert masked(name) == name


@pytest.mark.parametrize(
    "template",
    [
        "sk-ant-api03-{}-AAAAAAAA",
        "KEY_sk-ant-api03-{}-AAAAAAAA",
        r'{{"content": "line\nsk-ant-api03-{}-AAAAAAAA"}}',
        "to%3Dsk-ant-oat01-{}-AAAAAAAA",
        "sk-proj-{}AAAAAAAAAAAAAAAA",
        "sk-{}AAAAAAAAAAAAAAAA",
        "Bearer {}.abcdefgh1234",
        "bearer abc{}defghijk",
        "Basic {}abcdefghijklmnop==",
        "basic abcdefghijklmnop{}==",
        "Authorization: Bearer abcdefghijklmnopqrstuvwx",
        "authorization=Basic abcdefghijklmnopqrstuvwx",
    ],
)
def test_credentials_are_masked(template: str) -> None:
    text = masked(template.format("MARK0001"))
    for part in ("MARK", "AAAA", "abcd", "defgh", "uvwx"):
        assert part not in text


@pytest.mark.parametrize("length", range(16, 32))
def test_a_token_is_one_wherever_its_digit_stands(length: int) -> None:
    for at in range(length):
        token = "x" * at + "7" + "x" * (length - at - 1)
        assert masked(f"for bearer {token} only") == "for **** only"


def users() -> list[dict[str, Any]]:
    gateway = yaml.safe_load((FOLDER / "gateway.yaml").read_text())
    spans: list[dict[str, Any]] = gateway["connectors"]["signal_to_metrics/users"]["spans"]
    return spans
