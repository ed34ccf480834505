"""Pipeline health: does the telemetry itself arrive?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.operations import increments as inc, recording as rec
from tools.operations.dashboards.blocks import (
    GREEN,
    INTERVAL,
    RANGE,
    RED,
    SECONDS,
    SHARE,
    YELLOW,
    Board,
    bars,
    graph,
    stat,
    table,
)
from tools.operations.names import ENVIRONMENT, SERVICE, SITE
from tools.operations.promql import total

if TYPE_CHECKING:
    from tools.operations.thresholds import Thresholds


def _or_zero(record: str) -> str:
    return f"{total((), record, RANGE)} or vector(0)"


def board(limits: Thresholds) -> Board:
    """The dashboard."""
    full = limits.limits["queue_filling"].above
    any_red = ((None, GREEN), (1, RED))
    used = "max by (exporter) (otelcol_exporter_queue_size / (otelcol_exporter_queue_capacity > 0))"
    head = (
        stat("Services", "That send telemetry now.", f"count({rec.PRESENT})"),
        stat(
            "Faults of otel-claude",
            "Caught, counted and logged; calls were not affected.",
            _or_zero(inc.FAULTS),
            steps=any_red,
        ),
        stat(
            "Refused",
            "Spans, points and records that the collector did not take.",
            _or_zero(inc.REFUSED),
            steps=any_red,
        ),
        stat(
            "Not sent",
            "Of the collector's tries to send; they are repeated.",
            _or_zero(inc.SEND_FAILED),
            steps=any_red,
        ),
        stat(
            "Fullest queue",
            "Of the collector's exporters.",
            f"max({used})",
            unit=SHARE,
            decimals=0,
            steps=((None, GREEN), (full / 2, YELLOW), (full, RED)),
        ),
        stat(
            "Collectors up",
            "That Prometheus can scrape.",
            'sum(up{job="otel-collector"})',
            steps=((None, RED), (1, GREEN)),
        ),
    )
    collector = (
        bars(
            "Accepted",
            "By the collector, per interval.",
            (total(("signal",), inc.ACCEPTED, INTERVAL), "{{signal}}"),
        ),
        bars(
            "Sent",
            "By the collector to backends, per interval.",
            (total(("exporter", "signal"), inc.SENT, INTERVAL), "{{exporter}} {{signal}}"),
        ),
        bars(
            "Refused and not sent",
            "Per interval; both are tried again, by the client and by the collector.",
            (f"{total(('signal',), inc.REFUSED, INTERVAL)} or vector(0)", "refused {{signal}}"),
            (
                f"{total(('signal',), inc.SEND_FAILED, INTERVAL)} or vector(0)",
                "not sent {{signal}}",
            ),
        ),
        graph(
            "Queues",
            "How full; dashed: the alert's threshold.",
            (used, "{{exporter}}"),
            unit=SHARE,
            maximum=1,
            steps=((None, GREEN), (full, RED)),
        ),
        graph(
            "Memory of the collector",
            "Resident.",
            ("otelcol_process_memory_rss or otelcol_process_memory_rss_bytes", "{{instance}}"),
            unit="bytes",
        ),
        bars(
            "Faults of otel-claude",
            "By place, per interval.",
            (
                f"{total((SERVICE, SITE), inc.FAULTS, INTERVAL)} or vector(0)",
                f"{{{{{SERVICE}}}}} {{{{{SITE}}}}}",
            ),
        ),
    )
    store = (
        graph(
            "Series by service",
            "Of the counter of calls: a steep rise is a label with too many values.",
            (f"max by ({SERVICE}) ({rec.PRESENT})", f"{{{{{SERVICE}}}}}"),
        ),
        table(
            "Series by metric",
            "The twenty with the most.",
            (("__name__", "Metric"), ("Value", "Series")),
            'topk(20, count by (__name__) ({__name__=~"claude_.*|gen_ai_.*"}))',
            units=(("Series", "short"),),
        ),
        graph(
            "Rules",
            "How long a round of each group takes; it must stay far below the interval.",
            (
                'max by (group) (label_replace(prometheus_rule_group_last_duration_seconds{rule_group=~".*;claude-.*"}, "group", "$1", "rule_group", ".*;(.*)"))',
                "{{group}}",
            ),
            unit=SECONDS,
        ),
        table(
            "Services",
            "Series of the counter of calls, by service.",
            ((ENVIRONMENT, "Environment"), (SERVICE, "Service"), ("Value", "Series")),
            rec.PRESENT,
            units=(("Series", "short"),),
            width=24,
            height=6,
        ),
    )
    return Board(
        "otel-claude-pipeline",
        "Claude / Pipeline health",
        "The way of the telemetry: instrumentation, collector, rules, series.",
        (("Now", head), ("Collector", collector), ("Prometheus", store)),
        filtered=False,
    )
