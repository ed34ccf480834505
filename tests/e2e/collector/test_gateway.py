"""The gateway and agent tiers: what is kept, what is added up, and where it is sent."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
import requests

from otel_claude import semconv
from otel_claude.testing import Emulator
from tests.e2e.backends import DEPLOY, ONE_FILE, Collector, Prometheus
from tests.e2e.collector.launch import WORKLOAD, bill_of, environment, finish, launch
from tests.e2e.collector.otlp import CUMULATIVE, DELTA, Json, counter, send, span, traces
from tests.e2e.collector.sink import Sink
from tests.e2e.servers import eventually

GATEWAY = DEPLOY / "collector" / "gateway.yaml"
NO_USERS = DEPLOY / "collector" / "gateway-no-users.yaml"
AGENT = DEPLOY / "collector" / "agent.yaml"
AGENT_DNS = DEPLOY / "collector" / "agent-dns.yaml"
SOON = {"DECISION_WAIT": "1s"}


def call(more: Json | None = None, *, trace_id: str = "", status: int = 0) -> Json:
    """The span of a call that otel-claude observed: cheap, quick and good unless told otherwise."""
    said = {
        semconv.OUTCOME: "completed",
        semconv.USAGE_INPUT_TOKENS: 100,
        semconv.USAGE_OUTPUT_TOKENS: 20,
        semconv.COST_TOTAL: 0.001,
        semconv.RESPONSE_FINISH_REASONS: ["stop"],
        semconv.RESPONSE_TIME_TO_FIRST_CHUNK: 0.5,
        **(more or {}),
    }
    return span("chat claude", trace_id, status=status, attributes=said)


@pytest.fixture
def gateway(tmp_path: Path, sink: Sink) -> Iterator[Collector]:
    """A gateway that keeps none of the unremarkable traces."""
    env = {**sink.env, **SOON, "SAMPLE_PERCENT": "0"}
    with Collector(tmp_path, ONE_FILE, GATEWAY, name="gateway", env=env) as made:
        yield made


@pytest.fixture
def scraped(tmp_path: Path, gateway: Collector) -> Iterator[Prometheus]:
    with Prometheus(tmp_path, gateway.pages) as made:
        yield made


REMARKABLE = {
    "error": call({semconv.OUTCOME: "failed"}, status=2),
    "truncated": call({semconv.OUTCOME: "truncated"}),
    "cut by length": call({semconv.RESPONSE_FINISH_REASONS: ["length"]}),
    "refused": call({semconv.RESPONSE_FINISH_REASONS: ["content_filter"]}),
    "slow first token": call({semconv.RESPONSE_TIME_TO_FIRST_CHUNK: 5.5}),
    "expensive": call({semconv.COST_TOTAL: 1.01}),
}
UNREMARKABLE = {
    "good": call(),
    "almost slow": call({semconv.RESPONSE_TIME_TO_FIRST_CHUNK: 4.9}),
    "almost expensive": call({semconv.COST_TOTAL: 0.99}),
    "unpriced": call({semconv.COST_TOTAL: 0.0, semconv.FINISH_REASON: "stop"}),
}


def test_what_is_remarkable_is_kept_whole(gateway: Collector, sink: Sink) -> None:
    for number in range(50):
        send(gateway.otlp, "traces", traces([call({semconv.ENDPOINT: str(number)})]))
    for each in (*UNREMARKABLE.values(), *REMARKABLE.values()):
        # The call is in the middle of a trace, and its parent comes later.
        send(gateway.otlp, "traces", traces([each]))
        send(gateway.otlp, "traces", traces([span("request", each["traceId"])], scope="flask"))
    wanted = {each["traceId"]: 2 for each in REMARKABLE.values()}

    def kept() -> dict[str, int]:
        ids = [each.trace_id for each in sink.received.spans]
        return {trace_id: ids.count(trace_id) for trace_id in ids}

    assert eventually(kept, lambda found: len(found) >= len(wanted)) == wanted


def test_a_share_of_the_rest_is_kept(tmp_path: Path, sink: Sink) -> None:
    env = {**sink.env, **SOON, "SAMPLE_PERCENT": "25"}
    with Collector(tmp_path, ONE_FILE, GATEWAY, env=env) as gateway:
        send(gateway.otlp, "traces", traces([call() for _ in range(2000)]))
        last = call(status=2)
        send(gateway.otlp, "traces", traces([last]))
        eventually(lambda: sink.span_ids, lambda ids: last["spanId"] in ids)
        eventually(lambda: len(sink.span_ids), lambda n: n > 400)
    assert 400 < len(sink.span_ids) < 600


def test_users_are_added_up_before_sampling(
    gateway: Collector, scraped: Prometheus, sink: Sink
) -> None:
    """Whatever is sent at the same time, and whatever is not ours."""
    users = ["ann", "bob"] * 200

    def one(user: str) -> None:
        ours = [call({semconv.USER_ID: user, semconv.TENANT: "acme"})]
        send(gateway.otlp, "traces", traces(ours))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(one, users))
    nobody = call()
    send(gateway.otlp, "traces", traces([nobody]))
    platform = span("inference", attributes={**TOKENS, semconv.USER_ID: "ann"})
    send(gateway.otlp, "traces", traces([platform], scope=PLATFORM))
    claude_code = span("claude_code.llm_request", attributes={**TOKENS, semconv.USER_ID: "ann"})
    send(gateway.otlp, "traces", traces([claude_code], service="claude-code", scope=CLAUDE_CODE))

    def total(name: str, user: str) -> float:
        return scraped.value(f'sum({name}{{user_id="{user}",claude_tenant="acme",job="shop"}})')

    for user in ("ann", "bob"):
        eventually(partial(total, "claude_user_requests_total", user), lambda n: n == 200)
        assert total("claude_user_tokens_input_total", user) == 200 * 100
        assert total("claude_user_tokens_output_total", user) == 200 * 20
        assert total("claude_user_cost_total", user) == pytest.approx(200 * 0.001)
    assert scraped.value("count(count by (user_id) (claude_user_requests_total))") == 2
    assert scraped.value("sum(claude_user_requests_total)") == 400
    assert sink.received.spans == [], "none of them was worth keeping"


PLATFORM = "com.anthropic.claude-platform"
CLAUDE_CODE = "com.anthropic.claude_code"
TOKENS = {
    semconv.OPERATION_NAME: "chat",
    semconv.USAGE_INPUT_TOKENS: 100,
    semconv.USAGE_OUTPUT_TOKENS: 20,
}


def test_server_side_spans_stay_in_their_tree(gateway: Collector, sink: Sink) -> None:
    ours = call(status=2)
    theirs = span("inference", ours["traceId"], attributes=TOKENS, parentSpanId=ours["spanId"])
    send(gateway.otlp, "traces", traces([ours]))
    send(gateway.otlp, "traces", traces([theirs], scope=PLATFORM))
    eventually(lambda: len(sink.received.spans), lambda n: n == 2)
    assert {each.scope: each.parent_id for each in sink.received.spans} == {
        "otel_claude": "",
        PLATFORM: ours["spanId"],
    }


def test_claude_code_is_counted_beside(gateway: Collector, scraped: Prometheus) -> None:
    """Deltas of its sessions make one series, and none of ours."""
    send(
        gateway.otlp,
        "metrics",
        counter("claude.client.cost", [(1.0, {})], temporality=CUMULATIVE, service__name="shop"),
    )

    def session(number: int) -> None:
        about = {"session.id": secrets.token_hex(8), "user.email": "ann@acme.example"}
        usage = counter(
            "claude_code.cost.usage",
            [(0.5, {**about, "model": "claude-opus-5-5"})],
            temporality=DELTA,
            service__name="claude-code",
            service__version=str(number),
        )
        send(gateway.otlp, "metrics", usage)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(session, range(200)))
    spent = 'sum(claude_code_cost_usage_total{job="claude-code"})'
    eventually(lambda: scraped.value(spent), lambda n: n == 100)
    assert scraped.value("count(claude_code_cost_usage_total)") == 1
    assert scraped.value("sum(claude_client_cost_total)") == 1


def test_many_short_processes_make_one_steady_series(
    gateway: Collector, scraped: Prometheus
) -> None:
    """The real SDK with delta temporality, several processes at a time, one after the other."""
    calls, processes = 12, 6
    with Emulator() as api:
        env = environment(
            api, gateway.otlp, OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE="delta"
        )
        for batch in range(0, processes, 3):
            finish([launch(WORKLOAD, calls, seed, env=env) for seed in range(batch, batch + 3)])
        bill = bill_of(api)
    count = "sum(claude_client_requests_total)"
    eventually(lambda: scraped.value(count), lambda n: n == calls * processes)
    cost = scraped.value("sum(claude_client_cost_total)")
    assert cost == pytest.approx(float(bill.usd), rel=1e-9)
    tokens = scraped.value("sum(claude_client_tokens_total)")
    assert tokens == sum(bill.tokens.values())
    assert scraped.value("sum(gen_ai_client_operation_duration_seconds_count)") == calls * processes
    assert scraped.value("count(count by (instance) (claude_client_requests_total))") == 1
    # What is no delta stays the process's own.
    assert scraped.value("count(claude_client_active_requests) > 1")


@pytest.mark.parametrize("found_by", ["a list", "dns"])
def test_agents_send_all_of_a_trace_to_one_gateway(
    found_by: str, tmp_path: Path, sink: Sink
) -> None:
    with ExitStack() as servers:
        sinks = [servers.enter_context(Sink()) for _ in range(2)]
        gateways = [
            servers.enter_context(
                Collector(
                    tmp_path,
                    ONE_FILE,
                    GATEWAY,
                    name=f"gateway-{number}",
                    env={**own.env, **SOON, "SAMPLE_PERCENT": "100", "GATEWAY_NAME": str(number)},
                )
            )
            for number, own in enumerate(sinks)
        ]
        addresses = [each.grpc for each in gateways]
        if found_by == "a list":
            configs = [ONE_FILE, AGENT]
            env = {"GATEWAYS": f"[{', '.join(addresses)}]"}
        else:
            configs = [ONE_FILE, AGENT, AGENT_DNS]
            port = addresses[0].split(":")[1]
            env = {"GATEWAY_HOSTNAME": "localhost", "GATEWAY_PORT": port}
        agents = [
            servers.enter_context(Collector(tmp_path, *configs, name=f"agent-{number}", env=env))
            for number in range(2)
        ]
        ids = [secrets.token_hex(16) for _ in range(60)]
        for agent in agents:  # the halves of a trace come from two machines
            send(agent.otlp, "traces", traces([call(trace_id=trace_id) for trace_id in ids]))
        eventually(lambda: sum(len(each.span_ids) for each in sinks), lambda n: n == 120)
        seen = [[each.trace_id for each in own.received.spans] for own in sinks]
        assert all(own.count(trace_id) in (0, 2) for own in seen for trace_id in ids)
        if found_by == "a list":
            assert all(seen), "both gateways have a share"
        prometheus = servers.enter_context(
            Prometheus(tmp_path, [page for each in gateways for page in each.pages])
        )
        for agent in agents:
            for job in range(6):
                one = counter("jobs", [(1.0, {})], temporality=DELTA, service__name=f"job-{job}")
                send(agent.otlp, "metrics", one)
        eventually(lambda: prometheus.value("sum(jobs_total)"), lambda n: n == 12)
        assert prometheus.value("count(jobs_total)") == 6


def test_without_sums_per_user_the_rest_is_as_it_was(tmp_path: Path, sink: Sink) -> None:
    env = {**sink.env, **SOON, "SAMPLE_PERCENT": "100"}
    with Collector(tmp_path, ONE_FILE, GATEWAY, NO_USERS, name="gateway", env=env) as made:
        send(made.otlp, "traces", traces([call({semconv.USER_ID: "ann"})]))
        sent = counter("orders", [(1, {})], temporality=DELTA, service__name="shop")
        send(made.otlp, "metrics", sent)
        eventually(lambda: len(sink.received.spans) == 1)
        page = eventually(
            lambda: requests.get(made.metrics, timeout=10).text, lambda text: "orders_total" in text
        )
    assert "claude_user_" not in page
