"""A service with one kind of trouble at a time, as a program under the launcher.

opentelemetry-instrument python trouble.py

Reads scenarios of the emulator, one per line, and makes calls of the newest until the next comes;
an empty line is good behaviour, `silence` makes no calls, the end of the input ends it.
"""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import anthropic

import otel_claude

_WORKERS = 16
_PAUSE = 0.8  # seconds between the calls of a worker
newest = [""]
over = threading.Event()


def work(client: anthropic.Anthropic) -> None:
    with otel_claude.attribution(feature="chat", endpoint="/chat"):
        while not over.wait(_PAUSE):
            scenario = newest[0]
            if scenario == "silence":
                continue
            headers = {"x-emulator-scenario": scenario} if scenario else {}
            try:
                with client.messages.stream(
                    model="claude-sonnet-5-5",
                    max_tokens=50,
                    messages=[{"role": "user", "content": "Hello"}],
                    extra_headers=headers,
                ) as stream:
                    stream.until_done()
            except anthropic.APIError:
                pass


def main() -> None:
    with anthropic.Anthropic(max_retries=1) as client, ThreadPoolExecutor(_WORKERS) as pool:
        for _ in range(_WORKERS):
            pool.submit(work, client)
        for line in sys.stdin:
            newest[0] = line.strip()
        over.set()


if __name__ == "__main__":
    main()
