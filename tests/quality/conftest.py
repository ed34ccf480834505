"""A program whose answers are evaluated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from otel_claude import ClaudeInstrumentor, _faults, semconv
from otel_claude.quality import registry
from tests.conftest import Telemetry

_PATIENCE = 60.0


@pytest.fixture(autouse=True)
def _no_evaluators() -> Iterator[None]:
    registry.registered.clear()
    yield
    registry.registered.clear()


@pytest.fixture
def evaluated(telemetry: Telemetry) -> Iterator[Callable[..., Telemetry]]:
    """Instruments with evaluations. No fault of ours may happen unless a test injects it."""
    _faults.drain()

    def instrument(policy: Any = True, **options: Any) -> Telemetry:
        telemetry.instrument(evaluate=policy, **options)
        return telemetry

    yield instrument
    assert _faults.drain() == {}


def settle() -> None:
    """Wait until everything is evaluated."""
    assert ClaudeInstrumentor()._evaluations.flush(_PATIENCE)


def results(telemetry: Telemetry) -> dict[str, dict[str, Any]]:
    """Name of an evaluation -> the attributes of its latest event."""
    return {
        str(found[semconv.EVALUATION_NAME]): found
        for found in map(dict, (r.attributes for r in records(telemetry)))
    }


def records(telemetry: Telemetry, name: str = semconv.EVENT_EVALUATION) -> list[Any]:
    """The log records of an event."""
    found = [log.log_record for log in telemetry.log_exporter.get_finished_logs()]
    return [record for record in found if record.event_name == name]
