"""Redis stopped, paused, full and restarted empty: each does what the policy says, and no more."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from decimal import Decimal

import anthropic
import pytest
import redis

from otel_claude import BudgetExceeded, ClaudeInstrumentor, _faults
from otel_claude.budgets import Budget, Budgets
from otel_claude.pricing import ceiling

TIMEOUT = 2.0


@pytest.fixture
def budgeted(telemetry, server):
    """Two programs' worth of policies: `open` and `closed`."""
    _faults.drain()

    def instrument(unreachable, **options):
        budget = Budget("b", limit=1, window="day", unreachable=unreachable)
        options = {"timeout": TIMEOUT, "retry_seconds": 0.2, **options}
        telemetry.instrument(budgets=Budgets([budget], store=server.url, **options))
        return ClaudeInstrumentor()._guard.store

    yield instrument
    server.go_on()
    assert _faults.drain() == {}


def fill(server):
    """As full as it gets: nothing more may be written."""
    client = server.client()
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", "1")


def empty(server):
    server.client().config_set("maxmemory", "0")


def occupy(server):
    """Somebody else's script runs for long: all others are answered with BUSY."""
    client = server.client()
    client.config_set("lua-time-limit", 50)

    def run():
        with contextlib.suppress(redis.RedisError):  # it is killed
            server.client().eval("while true do end", 0)

    threading.Thread(target=run, daemon=True).start()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            client.ping()
        except redis.ResponseError:
            return
        time.sleep(0.02)


def forbid(server):
    """Answered with NOPERM."""
    server.client().acl_setuser("default", enabled=True, nopass=True, commands=["-evalsha"])


def allow(server):
    server.client().acl_setuser("default", enabled=True, nopass=True, commands=["+evalsha"])


OUTAGES = {
    "busy": (occupy, lambda server: server.client().script_kill()),
    "forbidden": (forbid, allow),
    "stopped": (lambda server: server.stop(), lambda server: server.start()),
    "paused": (lambda server: server.pause(), lambda server: server.go_on()),
    "full": (fill, empty),
}


def back(store, client, ask):
    """Wait until Redis is used again: the background finds out by itself."""
    deadline = time.monotonic() + 30
    while not store.flush(1):
        assert time.monotonic() < deadline


def account(store):
    return next(iter(store.accounts("b:").values()))


@pytest.mark.parametrize("outage", OUTAGES)
def test_closed_refuses_and_open_lets_pass_and_all_is_booked(
    budgeted, server, telemetry, api, client, ask, outage, caplog
):
    store = budgeted("open")
    begin, end = OUTAGES[outage]
    client.messages.create(**ask())
    store.flush(5)
    begin(server)
    for _ in range(5):
        assert client.messages.create(**ask()).content
    with client.messages.stream(**ask()) as stream:
        stream.until_done()
    end(server)
    back(store, client, ask)
    client.messages.create(**ask())
    store.flush(5)
    totals = [Decimal(repr(span.attributes["claude.cost.total"])) for span in telemetry.spans]
    booked = Decimal(account(store).spent).scaleb(-15)
    # A server that was stopped has forgotten what was before; nothing that came after is lost.
    assert booked == sum(totals[1:] if outage == "stopped" else totals)
    assert account(store).reserved == 0
    warnings = [r for r in caplog.records if "cannot be used" in r.getMessage()]
    assert len([r for r in warnings if r.levelname == "WARNING"]) == 1
    assert "127.0.0.1" in warnings[0].getMessage()


@pytest.mark.parametrize("outage", OUTAGES)
def test_closed_refuses_until_redis_is_back(budgeted, server, api, client, ask, outage):
    store = budgeted("closed")
    begin, end = OUTAGES[outage]
    client.messages.create(**ask())
    begin(server)
    sent = len(api.requests)
    for _ in range(5):
        with pytest.raises(BudgetExceeded) as raised:
            client.messages.create(**ask())
        assert raised.value.reason == "unreachable"
    assert len(api.requests) == sent
    end(server)
    back(store, client, ask)
    # The first reservation after an outage may still find the breaker open for a moment.
    deadline = time.monotonic() + 20
    while True:
        with contextlib.suppress(BudgetExceeded):
            client.messages.create(**ask())
            break
        assert time.monotonic() < deadline
    store.flush(5)
    assert account(store).reserved == 0


def test_an_outage_costs_its_time_once_not_once_a_call(budgeted, server, client, ask):
    """Counted, not timed: after the first, no call waits for an answer at all."""
    store = budgeted("open", timeout=2.0, retry_seconds=60)
    client.messages.create(**ask())
    server.pause()
    waited = []
    ask_store = store._courier.ask

    def counting(*args):
        future = ask_store(*args)
        waited.append(future)
        return future

    store._courier.ask = counting
    for _ in range(10):
        client.messages.create(**ask())
    assert len(waited) == 1


def test_calls_that_wait_together_are_freed_together(budgeted, server, api, ask):
    store = budgeted("open", timeout=2.0, retry_seconds=60)

    async def run():
        async with anthropic.AsyncAnthropic(api_key="k", base_url=api.url) as client:
            await client.messages.create(**ask())
            await asyncio.to_thread(store.flush, 5)
            server.pause()
            began = time.monotonic()
            await asyncio.gather(*(client.messages.create(**ask()) for _ in range(20)))
            return time.monotonic() - began

    # 20 calls one after the other would wait for 40 seconds.
    assert asyncio.run(run()) < 30


def test_a_slow_redis_within_its_time_is_just_slow(budgeted, server, api, client, ask):
    store = budgeted("closed", timeout=5.0)
    stop = threading.Event()

    def stutter():
        while not stop.is_set():
            server.pause()
            time.sleep(0.05)
            server.go_on()
            time.sleep(0.01)

    thread = threading.Thread(target=stutter)
    thread.start()
    try:
        for _ in range(10):
            client.messages.create(**ask())
    finally:
        stop.set()
        thread.join()
    store.flush(10)
    assert len(api.ledger) == 10
    assert account(store).reserved == 0


def test_a_redis_that_was_restarted_empty_starts_at_zero_and_loses_no_call(
    budgeted, server, telemetry, api, client, ask
):
    """Also calls that were reserved in the old one and end in the new one are booked."""
    store = budgeted("closed")
    client.messages.create(**ask())
    with client.messages.stream(**ask()) as stream:
        store.flush(5)
        server.stop()
        server.start()
        assert client.messages.create(**ask()).content, "a new connection, and no refusal"
        stream.until_done()
    store.flush(5)
    totals = [Decimal(repr(span.attributes["claude.cost.total"])) for span in telemetry.spans]
    assert Decimal(account(store).spent).scaleb(-15) == sum(totals[1:])
    assert account(store).reserved == 0


def test_a_reservation_that_was_made_although_nobody_waited_is_given_back(
    budgeted, server, client, ask
):
    store = budgeted("closed", timeout=2.0)
    client.messages.create(**ask())
    store.flush(5)
    server.pause()
    with pytest.raises(BudgetExceeded):
        client.messages.create(**ask())
    server.go_on()
    back(store, client, ask)
    assert account(store).reserved == 0


def test_an_address_where_nobody_listens(telemetry, client, ask):
    _faults.drain()
    budget = Budget("b", limit=1, unreachable="closed")
    telemetry.instrument(budgets=Budgets([budget], store="redis://127.0.0.1:1/0", timeout=TIMEOUT))
    with pytest.raises(BudgetExceeded, match="cannot be reached"):
        client.messages.create(**ask())
    assert ceiling(ask()).tokens
    assert _faults.drain() == {}
