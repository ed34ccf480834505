"""Runs scenarios: with an emulator of their own, so that equal requests get equal answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from otel_claude.testing import Emulator

from .setting import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .scenarios import Scenario
    from .telemetry import Telemetry

    Run = Callable[..., Telemetry]


@pytest.fixture
def api() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def run(api: Emulator) -> Run:
    """Run a scenario in an instrumented program; what it emitted."""

    def play(scenario: Scenario, *, asynchronous: bool = False, **settings: Any) -> Telemetry:
        with Program(api, **settings) as program:
            if asynchronous:
                asyncio.run(_play(scenario, program))
            else:
                with program.client() as client:
                    scenario.sync(client)
            return program.telemetry()

    return play


async def _play(scenario: Scenario, program: Program) -> None:
    async with program.async_client() as client:
        await scenario.asynchronous(client)
