"""A job that lives for seconds: some calls for a tenant seen once, one of which fails.

opentelemetry-instrument python job.py CALLS   (JOB says which job it is)
"""

from __future__ import annotations

import contextlib
import os
import sys

import anthropic

import otel_claude


def main() -> None:
    job = os.environ["JOB"]
    with anthropic.Anthropic(max_retries=0) as client:
        for number in range(int(sys.argv[1])):
            scenario = "status=500" if number == 1 else f"output_tokens={100 + number}"
            with (
                otel_claude.attribution(tenant=f"t{job}", feature="job"),
                contextlib.suppress(anthropic.APIStatusError),
            ):
                client.messages.create(
                    model="claude-sonnet-5-5",
                    max_tokens=500,
                    messages=[{"role": "user", "content": "Hello"}],
                    extra_headers={"x-emulator-scenario": scenario},
                )


if __name__ == "__main__":
    main()
