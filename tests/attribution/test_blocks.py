"""Blocks, decorators and wrapped functions: what is in force where, and nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry import trace

from otel_claude import _attribution, attribution, semconv


def feature():
    found = _attribution.current()
    return found and found.feature


def tags():
    found = _attribution.current()
    return dict(found.tags) if found else {}


@pytest.fixture(autouse=True)
def nothing_left_behind(caplog):
    yield
    assert _attribution.current() is None
    said = [record.getMessage() for record in caplog.get_records("call")]
    assert not [line for line in said if "Failed to detach" in line]


def test_inner_blocks_add_and_none_changes_nothing():
    with attribution(feature="a", plan="pro", user=7):  # type: ignore[arg-type] # a number, as people do
        with attribution(feature=None, team="t", region="eu") as inner:
            assert inner.values(("user", "feature", "team", "plan", "region", "nope")) == (
                *("7", "a", "t", "pro", "eu"),
                None,
            )
        assert tags() == {"plan": "pro"}


def test_decorators_keep_what_functions_are():
    @attribution(feature="f")
    def plain(x: int) -> int:
        """Docs."""
        assert feature() == "f"
        return x

    @attribution(feature="f")
    async def coroutine():
        await asyncio.sleep(0)
        return feature()

    @attribution(feature="f")
    def generator():
        yield feature()

    @attribution(feature="f")
    async def async_generator():
        yield feature()

    assert plain(3) == 3
    assert plain.__doc__ == "Docs."
    assert asyncio.run(coroutine()) == "f"
    assert inspect.iscoroutinefunction(coroutine)
    assert inspect.isgeneratorfunction(generator)
    assert inspect.isasyncgenfunction(async_generator)


def test_a_generator_is_inside_and_its_consumer_outside():
    @attribution(feature="g")
    def numbers():
        got = []
        with attribution(part="first"):
            got.append((yield (feature(), tags())))
            got.append((yield (feature(), tags())))
        try:
            yield (feature(), tags())
        except KeyError:
            got.append(feature())
        yield "last"
        return got

    seen = []
    with attribution(feature="consumer"):
        made = numbers()
        seen.append(next(made))
        assert feature() == "consumer"
        with attribution(feature="elsewhere"):
            seen.append(made.send(1))
            assert feature() == "elsewhere"
        seen.append(made.send(2))
        assert made.throw(KeyError()) == "last"
        with pytest.raises(StopIteration) as end:
            next(made)
    assert seen == [("g", {"part": "first"}), ("g", {"part": "first"}), ("g", {})]
    assert end.value.value == [1, 2, "g"]


def test_a_generator_can_be_dropped_closed_and_fail():
    ended = []

    @attribution(feature="g")
    def numbers(error: Exception | None = None):
        try:
            if error:
                raise error
            yield 1
            yield 2
        finally:
            ended.append(feature())

    made = numbers()
    next(made)
    made.close()
    dropped = numbers()
    next(dropped)
    del dropped
    with pytest.raises(LookupError):
        next(numbers(LookupError()))
    assert ended == ["g", "g", "g"]


def test_a_generator_may_be_consumed_by_several_threads():
    @attribution(feature="g")
    def numbers():
        with attribution(part="p"):
            for _ in range(4):
                yield (feature(), tags())

    made, seen = numbers(), []
    for _ in range(4):
        thread = threading.Thread(target=lambda: seen.append(next(made)))
        thread.start()
        thread.join()
    made.close()
    assert seen == [("g", {"part": "p"})] * 4


def test_an_async_generator_is_inside_and_its_consumer_outside():
    @attribution(feature="g")
    async def numbers():
        with attribution(part="first"):
            await asyncio.sleep(0)
            got = yield (feature(), tags())
            await asyncio.sleep(0)
            yield (got, feature(), tags())
        try:
            yield (feature(), tags())
        except KeyError:
            yield feature()

    async def consume():
        with attribution(feature="consumer"):
            made = numbers()
            seen = [await anext(made)]
            with attribution(feature="elsewhere"):
                seen.append(await made.asend(5))
                assert feature() == "elsewhere"
            assert (feature(), tags()) == ("consumer", {})
            seen.append(await anext(made))
            seen.append(await made.athrow(KeyError()))
            with pytest.raises(StopAsyncIteration):
                await anext(made)
            assert feature() == "consumer"
        assert _attribution.current() is None
        return seen

    assert asyncio.run(consume()) == [
        ("g", {"part": "first"}),
        (5, "g", {"part": "first"}),
        ("g", {}),
        "g",
    ]


def test_an_async_generator_moves_between_tasks_and_can_be_dropped():
    ended = []

    @attribution(feature="g")
    async def numbers():
        try:
            with attribution(part="p"):
                yield tags()
                yield tags()
        finally:
            ended.append(feature())

    async def consume():
        made = numbers()
        first = await asyncio.create_task(anext(made))
        second = await asyncio.create_task(anext(made))
        with contextlib.suppress(StopAsyncIteration):
            await anext(made)
        dropped = numbers()
        await anext(dropped)
        del dropped
        return [first, second]

    assert asyncio.run(consume()) == [{"part": "p"}] * 2
    assert ended == ["g", "g"]


def test_an_inner_block_ends_where_another_task_takes_the_step():
    @attribution(feature="outer")
    async def work():
        with attribution(feature="inner"):
            yield feature()
            yield feature()
        yield feature()
        with attribution(feature="last"):
            yield feature()
        yield feature()

    async def run():
        items = work()
        return [await asyncio.create_task(anext_of(items)) for _ in range(5)], feature()

    async def anext_of(items):
        return await items.__anext__()

    assert asyncio.run(run()) == (["inner", "inner", "outer", "last", "outer"], None)


def test_a_plain_generator_suspended_in_a_block_does_not_break_its_consumer():
    def numbers():
        with attribution(feature="g"):
            yield 1
            yield 2

    with attribution(feature="consumer"):
        made = numbers()
        next(made)
    made.close()
    # Closed by another thread: there is nothing to undo there, and nothing is raised.
    made = numbers()
    thread_made = []
    thread = threading.Thread(target=lambda: thread_made.append(next(made)))
    thread.start()
    thread.join()
    made.close()


def test_threads_inherit_by_to_thread_and_by_wrap(watched, client, ask):
    tracer = watched.tracers.get_tracer("app")
    done = []

    def work(name: str) -> None:
        client.messages.create(**ask())
        done.append((name, threading.current_thread() is threading.main_thread()))

    async def serve() -> None:
        with attribution(feature="search"), tracer.start_as_current_span("request"):
            await asyncio.to_thread(work, "to_thread")
            with ThreadPoolExecutor(4) as pool:
                wrapped = attribution.wrap(work)
                list(pool.map(wrapped, ["wrap"] * 4))
                pool.submit(work, "bare").result()

    asyncio.run(serve())
    assert [name for name, main in done if not main] == ["to_thread", *["wrap"] * 4, "bare"]
    calls = [span for span in watched.spans if span.name.startswith("chat")]
    said = [(span.attributes or {}).get(semconv.FEATURE) for span in calls]
    assert said == ["search"] * 5 + [None], "the last one had no help"
    assert len({span.context.trace_id for span in calls[:5]}) == 1


def test_wrap_takes_coroutine_functions_and_leaves_the_callers_context():
    with attribution(feature="f"):

        @attribution.wrap
        async def work():
            await asyncio.sleep(0)
            return feature(), trace.get_current_span()

    async def run():
        with attribution(feature="other"):
            found, _ = await work()
            return found, feature()

    assert asyncio.run(run()) == ("f", "other")


def test_an_asynchronous_generator_that_is_left_half_way_ends_without_a_word():
    """The event loop closes it later, in a task of its own."""

    @attribution(feature="decorated")
    async def decorated():
        with attribution(user="u"):
            yield feature()

    async def plain():
        with attribution(feature="plain"):
            yield feature()

    async def consume(generator):
        return await anext(generator), feature()

    async def run():
        found = [await asyncio.create_task(consume(each())) for each in (decorated, plain)]
        await asyncio.sleep(0)
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
        return found

    assert asyncio.run(run()) == [("decorated", None), ("plain", "plain")]
