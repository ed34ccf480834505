from __future__ import annotations

import importlib
import re
import subprocess
import sys
from datetime import date, datetime, timezone
from typing import Any

import pytest

from otel_claude.pricing import context_window, resolve, retirement
from otel_claude.pricing.book import MODELS

ARN = "arn:aws:bedrock:us-east-1:123456789012"


@pytest.mark.parametrize(
    ("model_id", "model", "scope"),
    [
        ("claude-opus-4-5", "claude-opus-4-5", None),
        ("claude-opus-4-5-20251101", "claude-opus-4-5", None),
        ("claude-opus-4-0", "claude-opus-4-0", None),
        ("claude-opus-4-20250514", "claude-opus-4-0", None),
        ("claude-4-opus-20250514", "claude-opus-4-0", None),
        ("claude-sonnet-4-20250514", "claude-sonnet-4-0", None),
        ("claude-sonnet-4@20250514", "claude-sonnet-4-0", None),
        ("claude-opus-4-1-20250805", "claude-opus-4-1", None),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku", None),
        ("claude-3-5-haiku-20241022", "claude-3-5-haiku", None),
        ("claude-opus-5[1m]", "claude-opus-5", None),
        ("claude-haiku-4-5@20251001", "claude-haiku-4-5", None),
        ("claude-3-5-sonnet-v2@20241022", "claude-3-5-sonnet", None),
        ("us.anthropic.claude-sonnet-4-6", "claude-sonnet-4-6", "us"),
        ("us.anthropic.claude-sonnet-4-6[1m]", "claude-sonnet-4-6", "us"),
        ("global.anthropic.claude-opus-4-6-v1", "claude-opus-4-6", "global"),
        ("us-gov.anthropic.claude-haiku-5-5", "claude-haiku-5-5", "us-gov"),
        ("in.anthropic.claude-opus-5-5", "claude-opus-5-5", "in"),
        ("anthropic.claude-haiku-4-5", "claude-haiku-4-5", "in-region"),
        ("au.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5", "au"),
        (f"{ARN}:inference-profile/eu.anthropic.claude-opus-5-5", "claude-opus-5-5", "eu"),
        ("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-5", "claude-opus-5-5", "in-region"),
        # Not in the book, whatever they look like.
        ("claude-opus-5-6", None, None),
        ("claude-opus-55", None, None),
        ("claude-opus", None, None),
        ("opus-5", None, None),
        ("Claude-Opus-5", None, None),
        (" claude-opus-5", None, None),
        ("claude-opus-5-latest", None, None),
        ("claude-opus-5-2026", None, None),
        ("anthropic/claude-opus-5", None, None),
        ("anthropic/claude-opus-5.5", None, None),
        ("mars.anthropic.claude-opus-5", None, None),
        ("claude-mythos-preview", None, None),
        ("", None, None),
        ("gpt-5", None, None),
    ],
)  # fmt: skip
def test_resolve(model_id: Any, model: Any, scope: Any) -> None:
    assert resolve(model_id)[:2] == (model, scope)
    assert not resolve(model_id).opaque


@pytest.mark.parametrize(
    "arn",
    [
        f"{ARN}:application-inference-profile/abc123",
        f"{ARN}:provisioned-model/abc123",
        "arn:aws:bedrock:us-east-1:1:inference-profile/",
        "arn:aws:sagemaker:us-east-1:1:endpoint/claude-opus-5",
    ],
)
def test_an_arn_that_hides_its_model(arn: Any) -> None:
    assert resolve(arn) == (None, None, True)


def test_every_model_of_the_sdk_is_known() -> None:
    anthropic = pytest.importorskip("anthropic.types.model", reason="anthropic is not installed")
    import typing

    names = typing.get_args(typing.get_args(anthropic.Model)[0])
    unknown = [name for name in names if resolve(name).model is None]
    # Its price was only ever announced in part, and it is retired.
    assert set(unknown) <= {"claude-mythos-preview"} | {
        n for n in names if n.startswith("claude-2")
    }


def sdk_retirements() -> dict[str, str]:
    """When the installed SDK says that a model retires, as `January 22nd, 2027`."""
    for module in ("anthropic._data", "anthropic.resources.messages.messages"):
        try:
            return dict(importlib.import_module(module).DEPRECATED_MODELS)
        except (ImportError, AttributeError):
            continue
    return {}


def test_the_sdk_and_the_book_retire_models_on_the_same_day() -> None:
    pytest.importorskip("anthropic", reason="anthropic is not installed")
    table = {name: day for name, day in sdk_retirements().items() if resolve(name).model}
    assert table
    for name, said in table.items():
        day = re.sub(r"(\d)(st|nd|rd|th)", r"\1", said)
        expected = datetime.strptime(day, "%B %d, %Y").replace(tzinfo=timezone.utc).date()
        assert retirement(name) == expected, name


def test_names_are_unique() -> None:
    names = [name for model in MODELS for name in (model.name, *model.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("model_id", "window", "retires"),
    [
        ("claude-haiku-4-5-20251001", 200_000, None),
        ("us.anthropic.claude-opus-4-6-v1", 1_000_000, None),
        ("claude-sonnet-4-5", 200_000, date(2026, 11, 30)),
        ("claude-opus-4-20250514", 200_000, date(2026, 6, 15)),
        ("claude-3-5-haiku-latest", 200_000, date(2026, 2, 19)),
        ("claude-opus-9", None, None),
    ],
)
def test_facts(model_id: Any, window: Any, retires: Any) -> None:
    assert context_window(model_id) == window
    assert retirement(model_id) == retires


def test_import_is_light() -> None:
    script = (
        "import sys; import otel_claude.pricing; "
        "print([m for m in ('opentelemetry', 'anthropic', 'json', 'urllib.request', 'hashlib', "
        "'threading', 'otel_claude.pricing.overrides') if m in sys.modules])"
    )
    command = [sys.executable, "-X", "importtime", "-S", "-c", script]
    env = {"PYTHONPATH": "src"}
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    assert not {"opentelemetry", "anthropic", "urllib.request"} & set(eval(answer.stdout))
