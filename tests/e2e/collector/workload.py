"""The demo's workload as a program without a line about OpenTelemetry; the launcher does the rest.

    opentelemetry-instrument python workload.py CALLS SEED

The API's address comes from the environment, as any program's does.
"""

from __future__ import annotations

import os
import sys

from opentelemetry import trace

from otel_claude.cli import workload
from otel_claude.cli.runner import Runner


def main() -> None:
    calls, seed = (int(argument) for argument in sys.argv[1:])
    runner = Runner(trace.get_tracer(__name__), lambda: None, os.environ["ANTHROPIC_BASE_URL"])
    runner.run(workload.plan(calls, seed))


if __name__ == "__main__":
    main()
