"""Calls that overlap: every one recorded, under the right parent, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anthropic
import pytest
from opentelemetry import trace

from otel_claude import semconv
from otel_claude.testing import Emulator
from tests.conftest import Telemetry
from tests.matrix import sdks

Ask = Any
_ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No `Failed to detach context`, no fault of ours, nothing."""
    caplog.set_level(logging.WARNING)
    yield
    ours = ("otel_claude", "opentelemetry", "asyncio")
    assert [r.getMessage() for r in caplog.records if r.name.split(".")[0] in ours] == []


def _tokens_are_those_billed(watched: Telemetry, api: Emulator) -> None:
    billed = [entry.usage for entry in api.ledger.billed()]
    for kind, field in (("input", "input_tokens"), ("output", "output_tokens")):
        assert watched.total(semconv.M_TOKENS, claude__token__type=kind) == sum(
            usage[field] for usage in billed
        )


def _nothing_is_left(watched: Telemetry, calls: int) -> None:
    assert len(watched.spans) == calls
    assert watched.total(semconv.M_REQUESTS) == calls
    assert watched.total(semconv.M_ACTIVE) == 0
    assert trace.get_current_span() is trace.INVALID_SPAN


def _parents(watched: Telemetry) -> Counter[str | None]:
    """Name of the parent -> number of our spans under it."""
    names = {s.context.span_id: s.name for s in watched.spans if s.context}
    return Counter(
        None if s.parent is None else names.get(s.parent.span_id)
        for s in watched.spans
        if s.name.startswith("chat")
    )


def test_calls_inside_the_loop_of_a_stream(
    watched: Telemetry, api: Emulator, client: Any, ask: Ask
) -> None:
    """The official package loses each of these, from spans and metrics alike."""
    inner = 0
    tracer = watched.tracers.get_tracer("app")
    with tracer.start_as_current_span("app"):
        for event in client.messages.create(**ask(), stream=True):
            if event.type == "content_block_delta":
                client.messages.create(**ask())
                with client.messages.stream(**ask()) as stream:
                    stream.get_final_message()
                inner += 2
    assert inner > 2
    assert _parents(watched) == {"app": inner + 1}
    watched.exporter.clear()
    assert watched.total(semconv.M_REQUESTS) == inner + 1
    _tokens_are_those_billed(watched, api)


def test_calls_after_a_stream_was_left(watched: Telemetry, client: Any, ask: Ask) -> None:
    streams = []
    for _ in range(3):
        stream = client.messages.create(**ask(), stream=True)
        for _event in stream:
            break
        streams.append(stream)
        client.messages.create(**ask())
    del stream, streams
    gc.collect()
    _nothing_is_left(watched, 6)
    assert _parents(watched) == {None: 6}, "a stream is nobody's parent"


def test_interleaved_streams(watched: Telemetry, api: Emulator, client: Any, ask: Ask) -> None:
    streams = [client.messages.create(**ask(max_tokens=20 + n), stream=True) for n in range(4)]
    open_ones = list(streams)
    while open_ones:
        open_ones = [stream for stream in open_ones if next(stream, None) is not None]
    _nothing_is_left(watched, 4)
    assert {dict(s.attributes or {})[semconv.OUTCOME] for s in watched.spans} == {"completed"}
    _tokens_are_those_billed(watched, api)


def test_streams_nested_in_order_and_out_of_order(
    watched: Telemetry, client: Any, ask: Ask
) -> None:
    first = client.messages.create(**ask(), stream=True)
    second = client.messages.create(**ask(), stream=True)
    next(first)
    next(second)
    first.close()
    client.messages.create(**ask())
    second.close()
    client.messages.create(**ask())
    _nothing_is_left(watched, 4)


def test_a_stream_made_in_one_thread_and_read_in_another(
    watched: Telemetry, api: Emulator, client: Any, ask: Ask
) -> None:
    """The official package poisons the first thread for ever."""
    with ThreadPoolExecutor(1) as maker, ThreadPoolExecutor(1) as reader:
        stream = maker.submit(lambda: client.messages.create(**ask(), stream=True)).result()
        assert len(reader.submit(lambda: list(stream)).result()) > 5
        for _ in range(3):
            maker.submit(lambda: client.messages.create(**ask())).result()
            reader.submit(lambda: client.messages.create(**ask())).result()
    _nothing_is_left(watched, 7)
    assert _parents(watched) == {None: 7}
    _tokens_are_those_billed(watched, api)


def test_a_stream_closed_in_one_thread_while_another_reads(
    watched: Telemetry, client: Any, ask: Ask
) -> None:
    stream = client.messages.create(**ask("slow=0.01"), stream=True)
    reading = threading.Event()

    def read() -> None:
        try:
            for _event in stream:
                reading.set()
        except Exception:
            reading.set()

    thread = threading.Thread(target=read)
    thread.start()
    assert reading.wait(5)
    stream.close()
    thread.join(5)
    _nothing_is_left(watched, 1)


def test_threads(watched: Telemetry, api: Emulator, client: Any, ask: Ask) -> None:
    def work(number: int) -> None:
        for turn in range(10):
            arguments = ask(metadata={"user_id": f"{number}-{turn}"})
            if turn % 2:
                client.messages.create(**arguments)
            else:
                with client.messages.stream(**arguments) as stream:
                    stream.until_done()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16)))
    _nothing_is_left(watched, 160)
    _tokens_are_those_billed(watched, api)


def _run(api: Emulator, program: Any) -> None:
    async def main() -> None:
        async with anthropic.AsyncAnthropic(api_key="k", base_url=api.url) as client:
            await program(client)

    asyncio.run(main())


def test_gathered_sub_agents_have_their_own_parents(
    watched: Telemetry, api: Emulator, ask: Ask
) -> None:
    tracer = watched.tracers.get_tracer("app")

    async def agent(client: Any, name: str) -> None:
        with tracer.start_as_current_span(name):
            for _ in range(3):
                stream = await client.messages.create(**ask(), stream=True)
                async for event in stream:
                    if event.type == "content_block_start":
                        await client.messages.create(**ask())

    async def program(client: Any) -> None:
        # Spawned from within the loop of a stream, as orchestrators do.
        async with client.messages.stream(**ask()) as stream:
            async for _event in stream:
                await asyncio.gather(*(agent(client, f"agent {n}") for n in range(4)))
                break

    _run(api, program)
    parents: dict[str | None, int] = {f"agent {n}": 6 for n in range(4)}
    assert _parents(watched) == {None: 1, **parents}
    assert watched.total(semconv.M_REQUESTS) == 25
    assert watched.total(semconv.M_ACTIVE) == 0


def test_a_stream_made_in_one_task_and_read_in_another(
    watched: Telemetry, api: Emulator, ask: Ask
) -> None:
    async def program(client: Any) -> None:
        stream = await asyncio.create_task(client.messages.create(**ask(), stream=True))

        async def read() -> int:
            return len([event async for event in stream])

        assert await asyncio.create_task(read()) > 5
        await asyncio.gather(*(client.messages.create(**ask()) for _ in range(3)))

    _run(api, program)
    _nothing_is_left(watched, 4)
    assert _parents(watched) == {None: 4}


def test_500_concurrent_streams(watched: Telemetry, api: Emulator, ask: Ask) -> None:
    outcomes: Counter[str] = Counter()

    async def one(client: Any, number: int) -> None:
        arguments = ask("slow=0.001", metadata={"user_id": str(number)}, max_tokens=8)
        stream = await client.messages.create(**arguments, stream=True)
        async for _event in stream:
            if number % 5 == 0:
                await stream.close()
                outcomes["abandoned"] += 1
                return
        outcomes["completed"] += 1

    async def program(client: Any) -> None:
        await asyncio.gather(*(one(client, number) for number in range(500)))

    _run(api, program)
    assert outcomes == {"abandoned": 100, "completed": 400}
    _nothing_is_left(watched, 500)
    for outcome, number in outcomes.items():
        assert watched.total(semconv.M_REQUESTS, claude__outcome=outcome) == number


def test_cancelling_a_group_ends_every_call(watched: Telemetry, api: Emulator, ask: Ask) -> None:
    async def program(client: Any) -> None:
        tasks = [
            asyncio.create_task(client.messages.create(**ask("late_headers=5"))) for _ in range(20)
        ]
        while len(api.requests) < 20:  # noqa: ASYNC110 - in other threads
            await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ended)

    _run(api, program)
    _nothing_is_left(watched, 20)
    assert watched.total(semconv.M_REQUESTS, claude__outcome="cancelled") == 20


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_anyio(watched: Telemetry, api: Emulator, ask: Ask, backend: str) -> None:
    anyio = pytest.importorskip("anyio")
    pytest.importorskip(backend)

    async def main() -> None:
        async with anthropic.AsyncAnthropic(api_key="k", base_url=api.url) as client:
            with anyio.move_on_after(0.1):
                await client.messages.create(**ask("late_headers=2"))
            async with client.messages.stream(**ask()) as stream:
                await stream.get_final_message()
            async with anyio.create_task_group() as group:
                for _ in range(5):
                    group.start_soon(lambda: client.messages.create(**ask()))

    anyio.run(main, backend=backend)
    _nothing_is_left(watched, 7)
    assert watched.total(semconv.M_REQUESTS, claude__outcome="cancelled") == 1
    assert watched.total(semconv.M_REQUESTS, claude__outcome="completed") == 6


def test_streams_that_are_dropped_while_collections_are_off(
    watched: Telemetry, client: Any, ask: Ask
) -> None:
    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            next(client.messages.create(**ask(), stream=True))
        _nothing_is_left(watched, 5)
    finally:
        gc.enable()


def _python(version: str) -> str:
    try:
        return sdks.python_of(version)
    except sdks.NoEnvironmentError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))


def _said_by(python: str, module: str, *arguments: str) -> Any:
    done = subprocess.run(
        [python, "-m", module, *arguments],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": f"{_ROOT / 'src'}{os.pathsep}{_ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("sdk", ["this", "0.125.0"])
def test_fork_after_instrument(sdk: str) -> None:
    said = _said_by(sys.executable if sdk == "this" else _python(sdk), "tests.matrix.forked")
    # What the parent had not collected yet, and its open stream, are the parent's to report.
    assert said["child"]["spans"] == ["completed"] * 2
    assert said["child"]["requests"] == 2
    # Histograms are in the OpenTelemetry SDK at once, and a fork copies what it has.
    assert said["child"]["durations"] == 3 + 2
    assert said["parent"]["spans"] == ["completed"] * 5
    assert said["parent"]["requests"] == said["parent"]["durations"] == 5
    assert said["parent"]["active"] == said["child"]["active"] == 0
    assert said["parent"]["faults"] == said["child"]["faults"] == 0
    assert said["child"]["tokens"] / 2 == pytest.approx(said["parent"]["tokens"] / 5, rel=0.5)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("sdk", ["this", "0.125.0"])
def test_memory_stays_flat(sdk: str) -> None:
    """OTEL_CLAUDE_LONG=1: 100,000 calls and 10,000 abandoned streams."""
    long = os.environ.get("OTEL_CLAUDE_LONG") == "1"
    calls, abandoned = (100_000, 10_000) if long else (5_000, 1_000)
    python = sys.executable if sdk == "this" else _python(sdk)
    said = _said_by(python, "tests.matrix.load", str(calls), str(abandoned))
    assert said["started"] == said["ended"] == said["requests"] == said["made"]
    assert said["active"] == said["faults"] == 0
    # Blocks of memory that are in use: one small object left per call would be 5,000 and more.
    assert said["blocks"] < 2_000
    assert said["resident"] < 24_000_000
