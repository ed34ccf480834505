"""The rules with 10 minutes as 10 seconds: injected faults reach people, and what is over is said."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from otel_claude.testing import Emulator
from tests.e2e.backends import Collector
from tests.e2e.collector.launch import environment, finish, launch
from tests.e2e.collector.sink import Sink
from tests.e2e.operations import stack
from tests.e2e.operations.webhook import Webhook
from tests.e2e.servers import eventually

HERE = Path(__file__).parent
SCALE = 1 / 60
PATIENCE = 120.0


@dataclass
class World:
    webhook: Webhook
    collector: Collector
    program: subprocess.Popen[str]
    sink: Sink
    env: dict[str, str]

    def budget(self, spent: float) -> None:
        """A process says that a budget of $20 has spent so much."""
        finish([launch(HERE / "feed.py", 1, spent, env=self.env)])

    def meet(self, scenario: str) -> None:
        """The service meets that trouble from now on; empty: none."""
        assert self.program.stdin is not None
        self.program.stdin.write(scenario + "\n")
        self.program.stdin.flush()

    def told(self, *names: str) -> None:
        eventually(lambda: self.webhook.names("firing"), lambda n: set(names) <= n, PATIENCE)

    def over(self, *names: str) -> None:
        eventually(self.webhook.resolved, lambda n: set(names) <= n, PATIENCE)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("alerts")
    with Webhook() as webhook, Sink() as sink, stack.gateway(folder, sink.env) as collector:
        with stack.Alertmanager(folder, webhook.url, SCALE) as alertmanager:
            _, server = stack.prometheus(folder, collector, SCALE, alertmanager.address)
            with server, Emulator() as api:
                env = environment(api, collector.otlp, OTEL_METRIC_EXPORT_INTERVAL="500")
                launcher = Path(sys.executable).parent / "opentelemetry-instrument"
                command = [str(launcher), sys.executable, str(HERE / "trouble.py")]
                program = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, text=True)
                try:
                    # The same instance each time: what it says last holds.
                    named = f"{env['OTEL_RESOURCE_ATTRIBUTES']},service.instance.id=feed"
                    feed = {"OTEL_METRICS_EXPORTER": "none", "OTEL_RESOURCE_ATTRIBUTES": named}
                    yield World(webhook, collector, program, sink, {**env, **feed})
                finally:
                    assert program.stdin is not None
                    program.stdin.close()
                    program.wait(timeout=60)


def test_good_behaviour_fires_nothing_but_the_watchdog(world):
    world.told("ClaudeWatchdog")
    assert world.webhook.names("firing", "dead-mans-switch") == {"ClaudeWatchdog"}
    outage = {"ClaudeErrorRatePage", "ClaudeErrorRateCritical", "ClaudeRateLimited"}
    assert not outage & world.webhook.names("firing")


@pytest.mark.parametrize(
    ("scenario", "names"),
    [
        ("status=500", ("ClaudeErrorRatePage", "ClaudeSuccessLow")),
        ("fail=1*429,retry-after-ms=1", ("ClaudeRateLimited",)),
        ("fail=1*529,retry-after-ms=1", ("ClaudeOverloaded",)),
        ("status=401", ("ClaudeAuthenticationFailures",)),
        ("cut=20", ("ClaudeTruncated",)),
        ("pace=4000,tps=400", ("ClaudeFirstTokenP95", "ClaudeDurationP95Critical")),
        ("input_tokens=900000", ("ClaudeExpensiveCall", "ClaudeContextNearlyFull")),
        ("model=claude-opus-5-6", ("ClaudeOtherModel", "ClaudeUnpricedCalls")),
    ],
)
def test_trouble_is_told_and_its_end_too(world, scenario, names):
    world.meet(scenario)
    world.told(*names)
    world.meet("")
    world.over(*names)


def test_spend_is_told(world):
    """The calls of 900,000 tokens before this have cost more than a day may."""
    world.told("ClaudeDailySpend", "ClaudeProjectedSpend")


def test_a_budget_that_is_spent_is_told_once(world):
    """That it is nearly spent is not said beside it; more budget ends it."""
    world.budget(spent=21)
    world.told("ClaudeBudgetUsed")
    assert "ClaudeBudgetNearlyUsed" not in world.webhook.names("firing")
    world.budget(spent=5)
    world.over("ClaudeBudgetUsed")


def test_notifications_say_what_to_do_and_go_where_severity_says(world):
    (page, *_) = [t for t in world.webhook.told if t.name == "ClaudeErrorRatePage"]
    assert page.labels["service_name"] == "shop"
    assert page.annotations["summary"].endswith("% of the calls of shop fail")
    assert "Errors and limits" in page.annotations["runbook"]
    receivers = {t.receiver for t in world.webhook.told if t.name == "ClaudeErrorRatePage"}
    assert receivers == {"pager", "slack"}
    assert {t.receiver for t in world.webhook.told if t.name == "ClaudeRateLimited"} == {"mail"}


def test_an_outage_of_a_backend_is_told(world):
    world.sink._closed = True
    world.told("ClaudeExportStalled")
    world.sink._closed = False
    world.over("ClaudeExportStalled")


def test_a_service_that_falls_silent_is_told(world):
    assert world.program.stdin is not None
    world.program.stdin.close()
    world.program.wait(timeout=60)
    world.collector.stop()
    world.collector.start()
    world.told("ClaudeServiceSilent")
