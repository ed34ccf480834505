"""The demo's workload again and again, a little at a time, as a program under the launcher.

opentelemetry-instrument python busy.py MINUTES SEED
"""

from __future__ import annotations

import os
import sys
import time
from random import Random

from opentelemetry import trace

from otel_claude.cli import workload
from otel_claude.cli.runner import Runner

_FAULTS = 0.15  # of those that the demo has: it shows them all, and this a good day


def main() -> None:
    minutes, seed = float(sys.argv[1]), int(sys.argv[2])
    rng = Random(seed)
    runner = Runner(trace.get_tracer(__name__), lambda: None, os.environ["ANTHROPIC_BASE_URL"])
    until = time.monotonic() + 60 * minutes
    while time.monotonic() < until:
        plan = [
            about
            for about in workload.plan(60, rng.getrandbits(32))
            if about.kind not in workload.FAULTS or rng.random() < _FAULTS
        ]
        runner.run(rng.sample(plan, rng.randint(2, 8)))
        time.sleep(rng.uniform(1, 8))


if __name__ == "__main__":
    main()
