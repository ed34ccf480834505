"""TraceQL of the dashboards and of docs/queries.md on a real Tempo, where `TEMPO_BIN` names one.

Tempo comes from no registry of packages, so CI has none; the grammar is checked without it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
import requests
import yaml

from otel_claude.testing import Emulator
from tests.e2e.collector.launch import WORKLOAD, environment, finish, launch
from tests.e2e.operations.dashboards import queries, timed
from tests.e2e.servers import ROOT, Server, eventually, free_ports
from tests.operations.documented import documented

PROGRAM = os.environ.get("TEMPO_BIN")
QUERIES = {
    **{
        asked.where: timed(asked.expr, "1m", "1h") for asked in queries() if asked.engine == "tempo"
    },
    **{f"docs/queries.md {number}": query for number, query in enumerate(documented("traceql"))},
}

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="TEMPO_BIN names no Tempo")


@pytest.fixture(scope="module")
def tempo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address; it runs with the configuration of deploy/compose.yaml and has some traces."""
    folder = tmp_path_factory.mktemp("tempo")
    port, grpc, otlp, otlp_grpc = free_ports(4)
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
    text = compose["configs"]["tempo"]["content"].replace("/var/tempo", str(folder))
    config = yaml.safe_load(text)
    here = {"http_listen_address": "127.0.0.1", "grpc_listen_address": "127.0.0.1"}
    config["server"] = {**here, "http_listen_port": port, "grpc_listen_port": grpc}
    protocols = config["distributor"]["receivers"]["otlp"]["protocols"]
    protocols["http"]["endpoint"] = f"127.0.0.1:{otlp}"
    protocols["grpc"]["endpoint"] = f"127.0.0.1:{otlp_grpc}"
    file = folder / "tempo.yaml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    url = f"http://127.0.0.1:{port}"
    command = [PROGRAM or "", f"-config.file={file}"]
    with Server("tempo", command, ready=f"{url}/ready", folder=folder), Emulator() as api:
        env = environment(api, f"http://127.0.0.1:{otlp}", OTEL_METRICS_EXPORTER="none")
        finish([launch(WORKLOAD, 60, 1, env=env)])
        eventually(lambda: _traces(url, "{ span.claude.outcome != nil }"))
        yield url


def _traces(url: str, query: str) -> list[object]:
    now = int(time.time())
    asked = {"q": query, "start": str(now - 3600), "end": str(now + 60)}
    answer = requests.get(f"{url}/api/search", params=asked, timeout=30)
    assert answer.ok, answer.text
    return list(answer.json()["traces"])


def _series(url: str, query: str) -> list[object]:
    now = int(time.time())
    asked = {"q": query, "start": str(now - 3600), "end": str(now + 60), "step": "60s"}
    answer = requests.get(f"{url}/api/metrics/query_range", params=asked, timeout=30)
    assert answer.ok, answer.text
    return list(answer.json()["series"])


@pytest.mark.parametrize("where", QUERIES)
def test_every_query_is_understood(tempo: str, where: str) -> None:
    query = QUERIES[where]
    if "_over_time(" in query or "rate()" in query:
        assert eventually(lambda: _series(tempo, query))
    else:
        _traces(tempo, query)
