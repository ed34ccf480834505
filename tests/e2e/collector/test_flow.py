"""The demo's workload from the SDK through the collector: everything arrives, and adds up."""

from __future__ import annotations

import pytest

from otel_claude import semconv
from otel_claude.testing import Emulator
from tests.e2e.backends import Collector, Prometheus
from tests.e2e.collector.launch import WORKLOAD, bill_of, environment, finish, launch
from tests.e2e.collector.sink import Sink
from tests.e2e.servers import eventually

CALLS = 40
PROCESSES = 3


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_prometheus_and_traces_equal_the_ledger(
    protocol: str, collector: Collector, prometheus: Prometheus, sink: Sink
) -> None:
    address = collector.otlp if protocol.startswith("http") else f"http://{collector.grpc}"
    with Emulator() as api:
        env = environment(api, address, OTEL_EXPORTER_OTLP_PROTOCOL=protocol)
        finish([launch(WORKLOAD, CALLS, seed, env=env) for seed in range(PROCESSES)])
        bill = bill_of(api)
        attempts = len(api.ledger)

    calls = CALLS * PROCESSES
    eventually(lambda: prometheus.value("sum(claude_client_requests_total)"), lambda n: n == calls)
    for kind, count in bill.tokens.items():
        assert (
            prometheus.value(f'sum(claude_client_tokens_total{{claude_token_type="{kind}"}})')
            == count
        )
    cost = prometheus.value("sum(claude_client_cost_total)")
    assert cost == pytest.approx(float(bill.usd), rel=1e-9)
    assert prometheus.value("sum(claude_client_retries_total)") == attempts - calls

    def calls_there() -> int:
        return sum(semconv.OUTCOME in span.attributes for span in sink.received.spans)

    eventually(calls_there, lambda n: n == calls)
    spans = [span for span in sink.received.spans if semconv.OUTCOME in span.attributes]
    assert len({span.span_id for span in spans}) == calls
    usd = sum(span.attributes.get(semconv.COST_TOTAL, 0.0) for span in spans)
    assert usd == pytest.approx(float(bill.usd), rel=1e-9)


def test_labels_exemplars_and_the_processes_of_a_service(
    collector: Collector, prometheus: Prometheus, sink: Sink
) -> None:
    """What dashboards rely on: job, instance, environment, and the way from a point to its trace."""
    with Emulator() as api:
        env = environment(api, collector.otlp)
        finish([launch(WORKLOAD, 12, seed, env=env) for seed in range(2)])
    eventually(lambda: prometheus.value("sum(claude_client_requests_total)"), lambda n: n == 24)
    found = [labels for labels, _ in prometheus.query("claude_client_requests_total")]
    assert {labels["job"] for labels in found} == {"shop"}
    assert {labels["service_name"] for labels in found} == {"shop"}
    assert {labels["deployment_environment_name"] for labels in found} == {"test"}
    assert len({labels["instance"] for labels in found}) == 2
    assert prometheus.value("count(target_info{job='shop'})") == 2
    assert prometheus.query("gen_ai_client_operation_duration_seconds_bucket")

    def traces() -> set[str]:
        series = prometheus.get(
            "query_exemplars",
            query="gen_ai_client_operation_duration_seconds_bucket",
            start="0",
            end="9999999999",
        )
        return {e["labels"]["trace_id"] for one in series for e in one["exemplars"]}

    linked = eventually(traces)
    assert linked <= {span.trace_id for span in sink.received.spans}
