"""`python -m otel_claude.testing`: serve the emulator until interrupted."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from typing import TYPE_CHECKING

from otel_claude.testing.server import Emulator

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the emulator's URL, then serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m otel_claude.testing",
        description="A Claude API emulator. Its URL is the first line printed.",
    )
    parser.add_argument("--port", type=int, default=0, help="port (default: any that is free)")
    parser.add_argument("--seed", type=int, default=0, help="seed of ids and texts (default: 0)")
    parser.add_argument(
        "--rate-limit", type=int, default=None, help="requests per minute and model (default: none)"
    )
    parser.add_argument(
        "--batch-polls", type=int, default=1, help="polls until a batch has ended (default: 1)"
    )
    given = parser.parse_args(arguments)
    done = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: done.set())
    api = Emulator(
        given.seed, given.port, rate_limit=given.rate_limit, batch_polls=given.batch_polls
    )
    try:
        api.start()
    except (OSError, OverflowError) as error:
        parser.exit(1, f"port {given.port} cannot be listened at: {error}\n")
    try:
        sys.stdout.write(f"{api.url}\n")
        sys.stdout.flush()
        while not done.wait(0.5):
            pass
    finally:
        api.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
