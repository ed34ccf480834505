"""The ledger in Redis keeps the same promises as the one in memory, and those of a shared one."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any

import hypothesis.strategies as st
import pytest
import trio
from hypothesis import given, settings

from otel_claude.budgets.ledger import Charge, Claim
from otel_claude.budgets.redis import RedisStore, _number, _text
from tests.budgets.machine import HOLD_SECONDS, Ledger

FOREVER = 4e9


def claim(amount=1, account="a", limit: int | None = 100, part=0.0):
    return Claim(account, limit, amount, True, part, FOREVER)


@pytest.fixture
def store(server):
    made = RedisStore(server.url, timeout=20, retry_seconds=0.05)
    yield made
    made.close()


def test_random_interleavings_agree_with_the_model(server):
    class InRedis(Ledger):
        def open_store(self):
            server.client().flushall()
            self.store = RedisStore(
                server.url, timeout=20, hold_seconds=HOLD_SECONDS, clock=lambda: self.model.now
            )

        def teardown(self):
            self.store.close()

    case: Any = InRedis.TestCase()
    case.settings = settings(max_examples=6, stateful_step_count=20, deadline=None)
    case.runTest()


@given(st.integers(0, 10**24))
def test_amounts_survive_their_two_halves(number):
    assert _number(_text(number).encode()) == number


def test_sums_of_nine_billion_dollars_are_exact_to_the_digit(store):
    limit = 9 * 10**24
    amounts = [8_999_999_999_999_999_999_999_999, 1, 0]
    for number, amount in enumerate(amounts):
        assert store.reserve(f"h{number}", [claim(amount, limit=limit)]).refused is None
    assert store.reserve("more", [claim(1, limit=limit)]).refused == 0
    for number, amount in enumerate(amounts):
        store.settle(f"h{number}", [Charge(claim(0), amount)])
    assert store.flush(5)
    assert store.accounts("a")["a"][:2] == (limit, 0)
    assert store.reserve("none", [claim(0, limit=limit)]).refused is None
    assert store.reserve("more", [claim(1, limit=limit)]).refused == 0


@pytest.mark.parametrize("later", [0, 3600], ids=["at once", "after an hour"])
def test_a_settlement_that_is_sent_twice_counts_once(server, store, later):
    """Its answer was lost, and the network stays away for some time: others go on meanwhile."""
    now = [1_700_000_000.0]
    mine = RedisStore(server.url, timeout=20, retry_seconds=0.05, clock=lambda: now[0])
    others = RedisStore(server.url, timeout=20, clock=lambda: now[0])
    mine.reserve("h", [claim(40)])
    courier = mine._courier
    run, connect, lost = courier._line.run, courier._connect, threading.Event()  # type: ignore[union-attr] # it is there

    def run_and_lose(errands):
        run(errands)
        lost.set()
        raise ConnectionError

    def stay_away():
        raise ConnectionError

    courier._line.run = run_and_lose  # type: ignore[union-attr, method-assign] # it is there
    courier._connect = stay_away
    for number in range(3):
        mine.settle(f"h{number or ''}", [Charge(claim(40), 10)])
    assert lost.wait(20)
    now[0] += later
    others.reserve("i", [claim(1)])
    others.settle("i", [Charge(claim(1), 1)])
    assert others.flush(5)
    courier._connect = connect
    assert mine.flush(20)
    assert store.accounts("a")["a"][:2] == (31, 0)
    mine.close()
    others.close()


def test_many_settlements_leave_no_trace_of_their_own(server, store):
    """Results of a batch are settled without being reserved: nothing would clear it away."""
    for number in range(1000):
        store.settle(f"h{number}", [Charge(claim(), 1)])
    assert store.flush(20)
    assert server.client().hlen("{otel-claude}:a:a") < 5
    assert server.client().keys("*") == [b"{otel-claude}:a:a"]


def test_a_reservation_is_judged_with_all_earlier_settlements_of_the_process(store):
    """Else a call might be refused for want of what the one before has just given back."""
    for turn in range(300):
        assert store.reserve(f"h{turn}", [claim(100)]).refused is None, turn
        store.settle(f"h{turn}", [Charge(claim(), 0)])


def test_threads_and_event_loops_share_one_connection_and_never_pass_the_limit(server, store):
    limit = 150

    async def race(name):
        names = [f"{name}-{turn}" for turn in range(40)]
        verdicts = await asyncio.gather(
            *(store.reserve_async(n, [claim(limit=limit)]) for n in names)
        )
        won.extend(n for n, verdict in zip(names, verdicts, strict=True) if verdict.refused is None)

    won: list[str] = []
    threads = [threading.Thread(target=lambda n=n: asyncio.run(race(f"t{n}"))) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == limit
    assert len(server.client().client_list()) <= 2, "the store's, and this one"


def test_trio(store):
    async def run():
        verdict = await store.reserve_async("h", [claim(60)])
        refused = await store.reserve_async("i", [claim(60)])
        return verdict.refused, refused.refused

    assert trio.run(run) == (None, 0)


def test_a_waiting_reservation_does_not_block_the_loop(server):
    store = RedisStore(server.url, timeout=20)
    ticks = []

    async def run():
        server.pause()
        waiting = asyncio.create_task(store.reserve_async("h", [claim()]))
        for _ in range(50):
            await asyncio.sleep(0)
            ticks.append(waiting.done())
        server.go_on()
        return await waiting

    assert asyncio.run(run()).refused is None
    assert ticks == [False] * 50
    store.close()


def test_a_cancelled_wait_is_a_cancellation_and_holds_nothing(server):
    store = RedisStore(server.url, timeout=20)
    store.reserve("warm", [claim(1)])

    async def run():
        server.pause()
        waiting = asyncio.create_task(store.reserve_async("h", [claim(50)]))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        server.go_on()

    asyncio.run(run())
    assert store.flush(10)
    assert store.accounts("a")["a"].reserved == 1
    store.close()


def test_scripts_that_were_flushed_are_sent_again_in_order(server, store):
    for turn in range(20):
        if turn % 3 == 0:
            server.client().script_flush()
        assert store.reserve(f"h{turn}", [claim(100)]).refused is None
        store.settle(f"h{turn}", [Charge(claim(), 0)])


def test_two_round_trips_and_nothing_else(server, store):
    """One to reserve and one to settle, over all the budgets of a call."""
    claims = [claim(account=name, part=part) for name, part in (("a", 0), ("b", 60.0), ("c", 0))]
    store.reserve("warm", claims)
    assert store.flush(5)
    before = server.commands()
    monitor = server.client().monitor()
    with monitor as seen:
        for turn in range(5):
            store.reserve(f"h{turn}", claims)
            store.settle(f"h{turn}", [Charge(c, 1) for c in claims])
            assert store.flush(5)
        server.client().echo("end")
        commands = []
        for said in seen.listen():
            if said["client_type"] != "lua":
                commands.append(said["command"].split()[0].upper())
            if commands[-1:] == ["ECHO"]:
                break
    setup = {"CLIENT", "ECHO", "SELECT", "HELLO"}
    assert [c for c in commands if c not in setup] == ["EVALSHA"] * 10
    assert server.commands()["evalsha"] - before["evalsha"] == 10


def test_every_key_expires_and_has_the_namespace(server):
    store = RedisStore(server.url, timeout=20, namespace="billing", hold_seconds=60)
    mine = Claim("day:1:user {x}", 10, 1, True, 0.0, FOREVER)
    rolling = Claim("r:rolling:", 10, 1, True, 60.0, FOREVER)
    store.reserve("h", [mine, rolling])
    store.settle("h", [Charge(mine, 1), Charge(rolling, 1)])
    store.reserve("i", [mine])
    store.keep("i", "batch_1", [mine])
    assert store.flush(5)
    client = server.client()
    keys = client.keys("*")
    assert len(keys) == 4
    for key in keys:
        assert key.startswith(b"{billing}:")
        assert client.pttl(key) > 0, key
    store.close()


def test_a_cluster_finds_all_keys_of_a_call_in_one_slot(cluster):
    store = RedisStore(cluster.url, timeout=20, cluster=True)
    claims = [claim(account=f"{{x}}{name}") for name in ("everything", "user:a", "user:b")]
    assert store.reserve("h", claims).refused is None
    store.keep("h", "batch", claims)
    store.release("batch")
    assert store.reserve("i", claims).refused is None
    store.settle("i", [Charge(c, 7) for c in claims])
    assert store.flush(5)
    assert [s[:2] for s in store.accounts("{x}").values()] == [(7, 0)] * 3
    store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_a_connection_of_its_own(store):
    store.reserve("parent", [claim(30)])
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        try:
            verdict = store.reserve("child", [claim(30)])
            store.settle("child", [Charge(claim(), 20)])
            os.write(write, f"{verdict.refused} {store.flush(5)}".encode())
        finally:
            os._exit(0)
    for turn in range(50):
        store.reserve(f"p{turn}", [claim(0)])
    os.waitpid(child, 0)
    assert os.read(read, 100) == b"None True"
    os.close(read)
    os.close(write)
    assert store.accounts("a")["a"][:2] == (20, 30)


def test_a_batch_kept_by_one_process_is_released_by_another(server, store):
    store.reserve("h", [claim(40)])
    store.keep("h", "batch_1", [claim(40)])
    assert store.flush(5)
    other = RedisStore(server.url, timeout=20)
    assert other.accounts("a")["a"].reserved == 40
    other.release("batch_1")
    assert other.flush(5)
    assert other.accounts("a")["a"].reserved == 0
    other.close()


def test_a_name_that_redis_cannot_be_told_stops_nothing(store):
    """Half a character, out of the JSON of a web client: it would be tried again for ever."""
    odd = claim(account="user:\ud83d")
    store.reserve("h", [odd])
    store.settle("h", [Charge(odd, 7)])
    store.settle("i", [Charge(claim(), 1)])
    assert store.flush(5)
    assert {name: found.spent for name, found in store.accounts("").items()} == {
        "a": 1,
        "user:?": 7,
    }


def test_names_are_not_patterns(store):
    store.reserve("h", [claim(account="a*b:"), claim(account="axb:")])
    assert list(store.accounts("a*b")) == ["a*b:"]
