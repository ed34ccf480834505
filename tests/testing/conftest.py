"""An emulator and SDK clients that point at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from otel_claude.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = "claude-sonnet-5-5"


@pytest.fixture
def api() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def client(api: Emulator) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key="sk-ant-test", base_url=api.url) as sdk:
        yield sdk


@pytest.fixture
def ask() -> Any:
    """The arguments of a plain call; keywords replace or add to them."""

    def arguments(text: str = "Hello", scenario: str = "", **more: Any) -> dict[str, Any]:
        found = {"model": MODEL, "max_tokens": 256, "messages": [{"role": "user", "content": text}]}
        if scenario:
            found["extra_headers"] = {"x-emulator-scenario": scenario}
        return {**found, **more}

    return arguments


def plain(value: Any) -> Any:
    """A response object as plain data, without what the SDK filled in with None."""
    if hasattr(value, "to_dict"):
        value = value.to_dict(mode="json")
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items() if part is not None}
    return [plain(part) for part in value] if isinstance(value, list) else value
