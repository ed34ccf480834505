"""A program that makes calls until its standard input ends, and prints how long each took.

A line: when the call began, seconds since the epoch, and how many seconds it took.
"""

from __future__ import annotations

import sys
import threading
import time

import anthropic

ended = threading.Event()


def wait() -> None:
    sys.stdin.read()
    ended.set()


threading.Thread(target=wait, daemon=True).start()
with anthropic.Anthropic() as client:
    while not ended.is_set():
        began, start = time.time(), time.perf_counter()
        client.messages.create(
            model="claude-haiku-4-5",
            max_tokens=32,
            messages=[{"role": "user", "content": "What time is it?"}],
        )
        print(began, time.perf_counter() - start, flush=True)
        time.sleep(0.02)
