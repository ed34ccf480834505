"""Phoenix and MLflow, as they come from PyPI, show the spans: directly and through the overlay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from otel_claude import semconv
from otel_claude.cli.received import Span
from otel_claude.testing import Emulator
from tests.e2e.backends import DEPLOY, ONE_FILE, Collector
from tests.e2e.collector import talks_said
from tests.e2e.collector.launch import environment, finish, launch
from tests.e2e.collector.sink import Sink
from tests.e2e.collector.viewers import MLflow, Phoenix, Shown, Viewer
from tests.e2e.servers import eventually

OVERLAYS = DEPLOY / "collector" / "overlays"
PROGRAM = Path(__file__).with_name("talks.py")
WAITS = "300"  # seconds: the first write takes its time


def tell(api: Emulator, otlp: str, headers: dict[str, str]) -> None:
    env = environment(
        api,
        otlp,
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        OTEL_BSP_SCHEDULE_DELAY="5000",
        OTEL_EXPORTER_OTLP_TIMEOUT=WAITS,
        OTEL_EXPORTER_OTLP_HEADERS=",".join(f"{k}={v}" for k, v in headers.items()),
        OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="SPAN_ONLY",
    )
    finish([launch(PROGRAM, env=env)])


def compare(shown: dict[str, Shown], calls: list[Span], kind: str) -> None:
    """What a viewer shows against what was sent."""
    for call in calls:
        found = shown[call.span_id]
        assert found.kind == kind
        assert found.input_tokens == call.attributes[semconv.USAGE_INPUT_TOKENS]
        assert found.output_tokens == call.attributes[semconv.USAGE_OUTPUT_TOKENS]
        assert found.session == "session-7"
        # Cached input is priced by them too, from the same tokens.
        assert found.usd == pytest.approx(call.attributes[semconv.COST_TOTAL], rel=1e-6)
    assert any(call.attributes.get(semconv.USAGE_CACHE_READ) for call in calls)
    asked = [
        text for call in calls for role, text in shown[call.span_id].messages if role == "user"
    ]
    assert {*talks_said.QUESTIONS} <= {*asked}
    for call in calls:
        (answer,) = json.loads(call.attributes[semconv.OUTPUT_MESSAGES])
        words = "".join(part["content"] for part in answer["parts"] if part["type"] == "text")
        assert words
        assert shown[call.span_id].messages[-1] == ("assistant", words)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("made", [Phoenix, MLflow])
def test_shown_directly_and_by_the_overlay(
    made: type[Phoenix | MLflow], tmp_path: Path, sink: Sink
) -> None:
    viewer: Viewer = made(tmp_path)
    with viewer, Emulator() as api:
        tell(api, viewer.url, viewer.headers())
        direct = eventually(viewer.shown, lambda shown: len(shown) >= 6, patience=float(WAITS))

        # The same through the collector, which sends to `sink` as well: it says what was sent.
        name = made.__name__.lower()
        configs = (ONE_FILE, OVERLAYS / f"{name}.yaml", OVERLAYS / "keep-content.yaml")
        env = {**sink.env, **viewer.overlay()}
        with Collector(tmp_path, *configs, env=env) as collector:
            tell(api, collector.otlp, {})
            eventually(lambda: len(sink.received.spans), lambda n: n >= 6)
            sent = {each.span_id for each in sink.received.spans}
            shown = eventually(viewer.shown, lambda found: sent <= set(found), float(WAITS))
    calls = [each for each in sink.received.spans if semconv.OUTCOME in each.attributes]
    assert len(calls) == 4
    compare(shown, calls, viewer.kind)
    of_calls = [each for each in direct.values() if each.kind == viewer.kind]
    assert len(of_calls) == 4
    assert all(each.usd and each.session == "session-7" for each in of_calls)
