"""Attribution of web requests: real servers, the real SDK, the launcher, telemetry over OTLP."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import httpx2
import pytest

from otel_claude import pricing, semconv
from otel_claude.cli.receiver import Receiver
from tests.e2e.environments import ROOT
from tests.e2e.test_launcher import environment

TOPICS = ("search", "chat", "summaries", "evaluation")
ROUNDS = 3
CALLS = 6  # of each request


@contextlib.contextmanager
def served(name, env):
    """A service under `opentelemetry-instrument`; ended by SIGTERM, as a deployment does it."""
    launcher = Path(sys.executable).with_name("opentelemetry-instrument")
    process = subprocess.Popen(
        [str(launcher), sys.executable, "-m", "tests.e2e.web_app", name],
        env=env,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            pytest.fail(process.communicate()[1])
        yield f"http://127.0.0.1:{int(line)}"
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        assert "Traceback" not in errors, errors


def run(api, sampler):
    """Every topic in every round, all requests at once; what the emulator and the receiver got."""
    with Receiver() as receiver:
        env = environment(
            api,
            receiver,
            OTEL_TRACES_SAMPLER=sampler,
            OTEL_TRACES_SAMPLER_ARG="0.5",
            OTEL_CLAUDE_BAGGAGE_KEYS="user,tenant,feature",
            OTEL_CLAUDE_METRIC_ATTRIBUTION="feature,tenant,endpoint",
        )
        with served("back", env) as back, served("front", {**env, "BACK": back}) as front:
            with httpx2.Client(timeout=60) as http, ThreadPoolExecutor(6) as pool:

                def request(number):
                    topic = TOPICS[number % len(TOPICS)]
                    headers = {"x-user": f"u-{number}", "x-tenant": f"t-{number % 2}"}
                    http.get(f"{front}/ask/{topic}", headers=headers).raise_for_status()

                list(pool.map(request, range(len(TOPICS) * ROUNDS)))
        return receiver.received


def newest(points, name):
    """The newest cumulative point of each series of a metric."""
    return {
        tuple(sorted((k, str(v)) for k, v in point.attributes.items())): point
        for point in sorted(points, key=lambda point: point.time)
        if point.name == name
    }.values()


@pytest.mark.parametrize("sampler", ["always_on", "always_off", "parentbased_traceidratio"])
def test_attribution_reaches_every_call_and_the_books_balance(api, sampler):
    received = run(api, sampler)
    served_calls = api.ledger.billed()
    requests = len(TOPICS) * ROUNDS
    assert len(served_calls) == requests * CALLS
    # What each feature cost, to the last digit, by what the API says it served.
    owed: dict[str, Decimal] = defaultdict(Decimal)
    for entry in served_calls:
        assert entry.tag is not None
        cost = pricing.cost(entry.usage, entry.model)
        assert isinstance(cost, pricing.Cost)
        owed[entry.tag] += cost.total
    spent: dict[str, Decimal] = defaultdict(Decimal)
    for point in newest(received.points, semconv.M_COST):
        spent[point.attributes[semconv.FEATURE]] += _exact(point.value)
    assert dict(spent) == dict(owed)
    assert sum(spent.values()) == sum(owed.values())
    calls: Counter[tuple[str, str]] = Counter()
    for point in newest(received.points, semconv.M_REQUESTS):
        attributes = point.attributes
        calls[attributes[semconv.ENDPOINT], attributes[semconv.TENANT]] += int(point.value)
    half = requests // 2
    assert calls == {
        ("/ask/{topic}", "t-0"): half * (CALLS - 1),
        ("/ask/{topic}", "t-1"): half * (CALLS - 1),
        ("/work/{topic}", "t-0"): half,
        ("/work/{topic}", "t-1"): half,
    }
    check_spans(received.spans, sampler, requests)
    assert not any("baggage" in request.headers for request in api.requests)


def check_spans(spans, sampler, requests):
    ours = [span for span in spans if span.scope == semconv.SCOPE]
    for span in ours:
        said = span.attributes
        number = int(str(said[semconv.USER_ID]).removeprefix("u-"))
        assert said[semconv.FEATURE] == TOPICS[number % len(TOPICS)]
        assert said[semconv.TENANT] == f"t-{number % 2}"
        assert said[semconv.ENDPOINT] in ("/ask/{topic}", "/work/{topic}")
        assert said[semconv.TAG_PREFIX + "domain"] == "127.0.0.1"
    by_trace = Counter(span.trace_id for span in ours)
    assert set(by_trace.values()) <= {CALLS}, "a request is one trace, over both services"
    if sampler == "always_on":
        assert len(by_trace) == requests
    elif sampler == "always_off":
        assert by_trace == {}


def _exact(value):
    """A sum of money as it was before it became a float: prices have far fewer than 12 places."""
    return round(Decimal(value), 12)
