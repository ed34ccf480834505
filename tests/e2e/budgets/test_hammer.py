"""One budget, eight processes with 32 tasks each, some of which are killed on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path

from otel_claude.budgets import Budget
from otel_claude.budgets.ledger import Claim
from otel_claude.budgets.redis import RedisStore, _number
from otel_claude.pricing import Cost, cost
from otel_claude.testing import Emulator

PROCESSES, TASKS, TURNS, KILLED = 8, 32, 8, 3
LIMIT = Decimal(10)
WORKER = Path(__file__).with_name("worker.py")
ONE = 10**15


def price(entry) -> int:
    """What the emulator's own ledger says that a call is billed, in the ledger's units."""
    found = cost(entry.usage, entry.model)
    assert isinstance(found, Cost)
    return found.units(15)


class Watcher(threading.Thread):
    """Reads the account over and over: what is taken must never exceed the limit."""

    def __init__(self, client, account: str) -> None:
        super().__init__(daemon=True)
        self._client, self._account = client, account
        self.most, self.looks, self.done = 0, 0, threading.Event()

    def run(self) -> None:
        while not self.done.is_set():
            # One command, so that both numbers are of one moment.
            spent, reserved = self._client.hmget(f"{{otel-claude}}:a:{self._account}", "s", "r")
            self.most = max(self.most, _number(spent) + _number(reserved))
            self.looks += 1
            time.sleep(0.002)


def test_settled_and_reserved_never_exceed_the_limit_and_the_books_balance(server, tmp_path):
    shared = Budget("shared", limit=LIMIT, window="month")
    account = f"{shared.account}:{shared.span.at(time.time()).mark}:"
    watcher = Watcher(server.client(), account)
    watcher.start()
    log = tmp_path / "calls.log"
    with Emulator() as api:
        command = [sys.executable, str(WORKER), server.url, api.url]
        workers = [
            subprocess.Popen(
                # Those that will be killed would never end by themselves.
                [*command, str(10**6 if n < KILLED else TURNS), str(TASKS), str(LIMIT), str(log)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
                text=True,
            )
            for n in range(PROCESSES)
        ]
        try:
            _kill_some(workers[:KILLED], log)
            said = [worker.communicate(timeout=250) for worker in workers]
        finally:
            for worker in workers:
                worker.kill()
        ledger = list(api.ledger)
    watcher.done.set()
    watcher.join()

    survivors = [json.loads(out) for out, _ in said[KILLED:]]
    print(survivors, f"{watcher.looks} looks, at most {watcher.most / ONE} of {LIMIT} USD")
    for (_, errors), worker in zip(said[KILLED:], workers[KILLED:], strict=True):
        assert worker.returncode == 0, errors
    for kind in ("completed", "streamed", "abandoned", "refused"):
        assert sum(s["ended"].get(kind, 0) for s in survivors) > 0, f"none was {kind}"
    assert [s["wrongly"] for s in survivors] == [[]] * len(survivors)
    assert all(s["settled"] for s in survivors)
    assert watcher.looks > 100
    assert watcher.most <= LIMIT * ONE
    _balance(server, account, ledger, log)


def _kill_some(workers, log):
    """SIGKILL, in the middle: once each has calls under way and others behind it."""
    _wait(lambda: _count(log, '["ready"') == PROCESSES)
    log.with_name(f"{log.name}.go").touch()
    for worker in workers:
        _wait(lambda pid=worker.pid: _count(log, f"-{pid}-") >= 2 * TASKS)
        worker.send_signal(signal.SIGKILL)


def _count(log, text):
    return log.read_text().count(text) if log.exists() else 0


def _wait(happened):
    deadline = time.monotonic() + 240
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _balance(server, account, ledger, log):
    """Settled is the sum of all bills, less those of calls whose process died before settling."""
    client = server.client()
    fields = client.hgetall(f"{{otel-claude}}:a:{account}")
    held = {
        name[1:].decode(): _number(value) for name, value in fields.items() if name.startswith(b"h")
    }
    spent, reserved = _number(fields[b"s"]), _number(fields[b"r"])
    assert held, "nobody was killed in the middle"
    assert reserved == sum(held.values()), "what is reserved is what is held"

    notes = [json.loads(line) for line in log.read_text().splitlines()]
    sent = {tag: hold for what, hold, tag in notes if what == "sent"}
    charged = {hold: amount for what, hold, amount in notes if what == "charged"}
    settled = {tag: hold for tag, hold in sent.items() if hold not in held}
    bills = {entry.tag: price(entry) for entry in ledger}
    for tag, hold in settled.items():
        # A stream that was left costs what is known of it; anything else what it is billed.
        assert tag.startswith("abandon") or charged[hold] == bills[tag], tag
    assert spent == sum(charged[hold] for hold in settled.values()), "to the digit"
    print(f"{len(sent)} calls sent, {len(held)} of them still held by processes that were killed")

    # What they hold is over with time, and then all of the rest can be spent.
    later = RedisStore(server.url, timeout=20, clock=lambda: time.time() + 901)
    left = int(LIMIT) * ONE - spent
    claim = Claim(account, int(LIMIT) * ONE, left, True, 0.0, time.time() + 3600)
    assert later.reserve("all", [claim]).refused is None
    assert later.reserve("more", [claim._replace(amount=1)]).refused == 0
    later.close()
