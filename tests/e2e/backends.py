"""The collector and Prometheus as servers of a test, with the addresses a test needs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.e2e.servers import ROOT, Server, free_ports, missing, program

DEPLOY = ROOT / "deploy"
ONE_FILE = DEPLOY / "collector-config.yaml"
_SCRAPE = "1s"


def otelcol() -> Path:
    """The collector that `.ci/collector.sh` builds; skips where it is not there."""
    return program("collector.sh")


class Collector(Server):
    """The real collector with configurations of `deploy/`, on ports of its own.

    Started, killed and started again it keeps its ports and its queue.

    Attributes:
        otlp: base address for OTLP over HTTP.
        grpc: address for OTLP over gRPC, host and port.
        metrics: page that Prometheus scrapes.
        self_metrics: page with the collector's own metrics.
        queue: folder of the queues' files.
    """

    def __init__(
        self,
        folder: Path,
        *configs: Path,
        name: str = "collector",
        env: Mapping[str, str] | None = None,
    ) -> None:
        grpc, http, prometheus, health, own = free_ports(5)
        self.configs = configs or (ONE_FILE,)
        self.otlp = f"http://127.0.0.1:{http}"
        self.grpc = f"127.0.0.1:{grpc}"
        self.metrics = f"http://127.0.0.1:{prometheus}/metrics"
        self.self_metrics = f"http://127.0.0.1:{own}/metrics"
        self.queue = folder / f"{name}-queue"
        arguments = [part for config in self.configs for part in ("--config", config)]
        super().__init__(
            name,
            [otelcol(), *arguments],
            ready=f"http://127.0.0.1:{health}/",
            folder=folder,
            env={
                "OTLP_GRPC_LISTEN": self.grpc,
                "OTLP_HTTP_LISTEN": f"127.0.0.1:{http}",
                "PROMETHEUS_LISTEN": f"127.0.0.1:{prometheus}",
                "HEALTH_LISTEN": f"127.0.0.1:{health}",
                "SELF_METRICS_PORT": str(own),
                "QUEUE_DIRECTORY": str(self.queue),
                **(env or {}),
            },
        )

    @property
    def pages(self) -> list[str]:
        """Host and port of what Prometheus is to scrape."""
        return [page.split("/")[2] for page in (self.metrics, self.self_metrics)]


class Prometheus(Server):
    """The real Prometheus, which scrapes these pages every second.

    Attributes:
        url: its base address.
    """

    def __init__(
        self,
        folder: Path,
        pages: Sequence[str],
        *,
        rules: Sequence[Path] = (),
        more: Mapping[str, Any] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        binary = shutil.which("prometheus") or missing("prometheus is not installed: .ci/run does")
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        config = {
            "global": {"scrape_interval": _SCRAPE, "evaluation_interval": _SCRAPE},
            "rule_files": [str(path) for path in rules],
            "scrape_configs": [
                {
                    "job_name": "collector",
                    "honor_labels": True,
                    "static_configs": [{"targets": list(pages)}],
                }
            ],
            **(more or {}),
        }
        written = folder / "prometheus.yml"
        written.write_text(yaml.safe_dump(config))
        super().__init__(
            "prometheus",
            [
                str(binary),
                f"--config.file={written}",
                f"--storage.tsdb.path={folder / 'prometheus'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--web.enable-remote-write-receiver",
                "--enable-feature=native-histograms,exemplar-storage",
                *options,
            ],
            ready=f"{self.url}/-/ready",
            folder=folder,
        )

    def query(self, promql: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series of an instant query."""
        answer = self.get("query", query=promql)
        return [(one["metric"], float(one["value"][1])) for one in answer["result"]]

    def value(self, promql: str) -> float:
        """The one value of a query; 0 where there is none."""
        found = self.query(promql)
        assert len(found) <= 1, f"several series: {json.dumps(found)}"
        return found[0][1] if found else 0.0

    def get(self, what: str, **params: str) -> Any:
        """The data of an answer of its HTTP API."""
        answer = requests.get(f"{self.url}/api/v1/{what}", params=params, timeout=30)
        assert answer.ok, answer.text
        return answer.json()["data"]
