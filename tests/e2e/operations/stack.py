"""The whole of `deploy/` on this machine: gateway collector, Prometheus with its rules, Alertmanager."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.backends import DEPLOY, ONE_FILE, Collector, Prometheus
from tests.e2e.servers import Server, eventually, free_ports, missing
from tools.operations import alerts, recording
from tools.operations.files import as_yaml
from tools.operations.thresholds import Thresholds, load, seconds

GATEWAY = DEPLOY / "collector" / "gateway.yaml"
_SETTLE = 5.0  # seconds


BROKEN = Path(__file__).with_name("broken.yaml")


def gateway(folder: Path, sink_env: dict[str, str], *more: Path) -> Collector:
    """The one file with the gateway on top, which keeps every trace and decides at once."""
    env = {**sink_env, "SAMPLE_PERCENT": "100", "DECISION_WAIT": "1s"}
    return Collector(folder, ONE_FILE, GATEWAY, *more, env=env)


def scaled(folder: Path, scale: float) -> tuple[Thresholds, list[Path]]:
    """The rules with all durations multiplied, as files.

    But for the time that a scrape may take: this machine is no faster.
    """
    limits = replace(load(scale=scale), settle_seconds=_SETTLE)
    written = []
    for name, groups in (("recording", recording.groups), ("alerts", alerts.groups)):
        path = folder / f"{name}.yaml"
        path.write_text(as_yaml({"groups": groups(limits)}))
        written.append(path)
    return limits, written


def prometheus(
    folder: Path, collector: Collector, scale: float, alertmanager: str = ""
) -> tuple[Thresholds, Prometheus]:
    """Prometheus with the configuration of `deploy/`, its times scaled and its targets ours."""
    limits, rules = scaled(folder, scale)
    deployed = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text())
    every = f"{round(seconds(deployed['global']['scrape_interval']) * scale * 1000)}ms"
    applications, own = collector.pages
    where = {"claude": applications, "otel-collector": own}
    scrapes: list[dict[str, Any]] = []
    for scrape in deployed["scrape_configs"]:
        assert scrape.pop("file_sd_configs")
        target = where.get(scrape["job_name"])
        if target:
            scrapes.append({**scrape, "static_configs": [{"targets": [target]}]})
    more: dict[str, Any] = {
        "global": {"scrape_interval": every, "scrape_timeout": every},
        "scrape_configs": scrapes,
    }
    if alertmanager:
        more["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    made = Prometheus(folder, collector.pages, rules=rules, more=more)
    address = made.url.partition("//")[2]
    own_metrics = {"job_name": "prometheus", "static_configs": [{"targets": [address]}]}
    config = folder / "prometheus.yml"
    found = yaml.safe_load(config.read_text())
    found["scrape_configs"].append(own_metrics)
    config.write_text(yaml.safe_dump(found))
    return limits, made


class Alertmanager(Server):
    """The real Alertmanager with the routes of `deploy/`, times scaled, every receiver a webhook.

    Attributes:
        address: host and port of its API.
    """

    def __init__(self, folder: Path, webhook: str, scale: float) -> None:
        binary = shutil.which("prometheus-alertmanager") or missing(
            "prometheus-alertmanager is not installed: .ci/run does"
        )
        (port,) = free_ports(1)
        self.address = f"127.0.0.1:{port}"
        deployed = yaml.safe_load((DEPLOY / "alertmanager" / "alertmanager.yaml").read_text())
        deployed["global"] = {"resolve_timeout": "5s"}
        _scale_route(deployed["route"], scale)
        deployed["receivers"] = [
            {
                "name": receiver["name"],
                "webhook_configs": [
                    {"url": f"{webhook}/{receiver['name']}", "send_resolved": True}
                ],
            }
            for receiver in deployed["receivers"]
        ]
        config = folder / "alertmanager.yml"
        config.write_text(yaml.safe_dump(deployed))
        super().__init__(
            "alertmanager",
            [
                str(binary),
                f"--config.file={config}",
                f"--storage.path={folder / 'alertmanager'}",
                f"--web.listen-address={self.address}",
                "--cluster.listen-address=",
            ],
            ready=f"http://{self.address}/-/ready",
            folder=folder,
        )


def _scale_route(route: dict[str, Any], scale: float) -> None:
    for name in ("group_wait", "group_interval", "repeat_interval"):
        if name in route:
            route[name] = f"{max(1, round(seconds(route[name]) * scale * 1000))}ms"
    for inner in route.get("routes", ()):
        _scale_route(inner, scale)


def recorded(server: Prometheus, calls: int) -> None:
    """Wait until the rules have counted so many calls, and all that builds on the counts has run since.

    Each group of rules has its own moment within the interval, so that one may still be as it was
    before the last call was counted.
    """
    counted = "sum(sum_over_time(claude:requests:increase[1h]))"
    eventually(lambda: server.value(counted), lambda n: n >= calls)
    seen = time.time()
    # A busy server starts late on a round, which has the time at which it was due.
    last = "prometheus_rule_group_last_evaluation_timestamp_seconds"
    due = f"min({last} - prometheus_rule_group_interval_seconds)"
    eventually(lambda: server.value(due), lambda at: at > seen)


def missed(server: Prometheus) -> float:
    """Rounds of rules that Prometheus could not keep: sums would lack what they should count."""
    return server.value("sum(prometheus_rule_group_iterations_missed_total)")


def ranges(server: Prometheus, expr: str, start: float, end: float, step: float) -> Sequence[Any]:
    """The series of a range query."""
    found: list[Any] = server.get(
        "query_range", query=expr, start=str(start), end=str(end), step=str(step)
    )["result"]
    return found
