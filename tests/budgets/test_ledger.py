"""The ledger in memory keeps its promises, whatever the order of things."""

from __future__ import annotations

import itertools
import os
import threading
from types import SimpleNamespace

import pytest
from hypothesis import settings

from otel_claude.budgets import books
from otel_claude.budgets.ledger import Charge, Claim
from otel_claude.budgets.memory import MemoryStore
from tests.budgets.machine import HOLD_SECONDS, Ledger


class InMemory(Ledger):
    def open_store(self):
        self.store = MemoryStore(HOLD_SECONDS, clock=lambda: self.model.now)


TestInMemory = InMemory.TestCase
TestInMemory.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def claim(amount=1, account="a", limit=100):
    return Claim(account, limit, amount, True, 0.0, 2e9)


def test_threads_that_race_for_the_last_cent_never_get_more_than_there_is():
    store = MemoryStore()
    won: list[str] = []
    start = threading.Barrier(8)

    def race(number):
        start.wait()
        names = [f"{number}-{turn}" for turn in range(200)]
        won.extend(name for name in names if store.reserve(name, [claim()]).refused is None)

    threads = [threading.Thread(target=race, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 100
    for hold in won:
        store.settle(hold, [Charge(claim(), 1)])
    assert store.accounts("a")["a"] == (100, 0, 0, None)


def test_the_first_calls_of_two_threads_never_share_a_reservation(monkeypatch):
    """The same hold counts once: with one name for both, a call would be neither judged nor booked."""
    names, begun, go_on = books.Names(), threading.Event(), threading.Event()
    found = []

    def slow_once():
        if not begun.is_set():
            begun.set()
            go_on.wait(10)
        return itertools.count()

    monkeypatch.setattr(books, "itertools", SimpleNamespace(count=slow_once))
    other = threading.Thread(target=lambda: found.append(names.next()))
    other.start()
    begun.wait(10)
    found.append(names.next())
    go_on.set()
    other.join()
    assert len(set(found)) == 2


def test_accounts_of_windows_that_are_over_are_forgotten():
    now = [0.0]
    store = MemoryStore(clock=lambda: now[0])
    for day in range(50):
        now[0] = day * 86400.0
        for user in range(200):
            mine = Claim(f"u:{day}:{user}", 10, 1, True, 0.0, now[0] + 86400)
            store.reserve(f"{day}-{user}", [mine])
            store.settle(f"{day}-{user}", [Charge(mine, 1)])
    assert len(store.accounts("")) < 3 * 1024


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_leaves_its_parents_calls_alone():
    store = MemoryStore()
    store.reserve("settled", [claim(30)])
    store.settle("settled", [Charge(claim(30), 30)])
    store.reserve("under way", [claim(60)])
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        try:
            spent, reserved, *_ = store.accounts("a")["a"]
            verdict = store.reserve("mine", [claim(70)])
            os.write(write, f"{spent} {reserved} {verdict.refused}".encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 100) == b"30 0 None"
    os.close(read)
    os.close(write)
    assert store.accounts("a")["a"][:2] == (30, 60)
