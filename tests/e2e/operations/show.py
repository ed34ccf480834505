"""Draws the dashboards for the docs, from everything in `deploy/` running for some minutes.

python -m tests.e2e.operations.show MINUTES

The rules' times are a quarter of the real ones, so that few minutes have many points.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from otel_claude.cli.received import Span
from otel_claude.testing import Emulator
from tests.e2e.collector.launch import environment, finish, launch
from tests.e2e.collector.sink import Sink
from tests.e2e.operations import stack
from tools.operations import draw

HERE = Path(__file__).parent
SCALE = 1 / 4
STEP = 15


def main() -> None:
    minutes = float(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Sink() as sink, stack.gateway(folder, sink.env, stack.BROKEN) as collector:
            _, server = stack.prometheus(folder, collector, SCALE)
            with server, Emulator() as api:
                everything(api, collector.otlp, minutes)
                time.sleep(2 * STEP)
                spans = [_facts(span) for span in sink.received.spans]
                source = draw.Source(server.url, minutes, STEP, spans)
                draw.draw(source)
    print(json.dumps({"spans": len(spans)}))


def everything(api: Emulator, otlp: str, minutes: float) -> None:
    """A web application, its jobs, rare calls, and what the demo has not."""
    where = {"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=production"}
    env = environment(api, otlp, OTEL_METRIC_EXPORT_INTERVAL="5000", **where)
    web = {**env, "OTEL_SERVICE_NAME": "web"}
    delta = {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta"}
    jobs = {**env, **delta, "OTEL_SERVICE_NAME": "jobs"}
    running = [
        launch(HERE / "busy.py", minutes, 1, env=web),
        launch(HERE / "busy.py", minutes, 2, env=jobs),
        launch(HERE / "feed.py", 60 * minutes, env={**web, "OTEL_METRICS_EXPORTER": "none"}),
    ]
    for _ in range(2):
        time.sleep(20 * minutes)
        running.append(launch(HERE / "rare.py", env=web))
    finish(running, patience=120 * minutes)


def _facts(span: Span) -> dict[str, Any]:
    seconds = span.seconds
    return {"duration": seconds, "status": span.status, "attributes": dict(span.attributes)}


if __name__ == "__main__":
    main()
