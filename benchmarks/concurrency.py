"""Many streams on one event loop: how late each event reaches the application.

Time here is the CPU time of the process, and waiting takes none: when the loop has nothing to do,
its clock jumps to the next thing that is due. So other programs on the machine make nothing late.
"""

from __future__ import annotations

import asyncio
import gc
import selectors
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def latencies(streams: int, events: int, period: float, seconds: float) -> dict[str, Any]:
    """Percentiles of the time from the moment an event was due until the application had it.

    Every stream gets an event each `period` seconds, whether or not the loop keeps up, and the
    streams are spread evenly over the period: what the loop cannot do in time shows as latency.
    A stream that ends is followed by a new one, so that calls begin and end all the while; the
    first ones are of all lengths, as if they had begun long ago.

    Args:
        streams: how many at once.
        events: of each stream, between its first two and its last three.
        period: seconds between two events of a stream.
        seconds: how long it is measured, after as long again of warming up.
    """
    loop = _Loop()
    try:
        return loop.run_until_complete(_run(streams, events, period, seconds))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


class _Selector(selectors.DefaultSelector):  # type: ignore[misc, valid-type, unused-ignore]
    """Waits by moving the clock on."""

    jumped = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is not None and timeout > 0:
            self.jumped += timeout
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    """A loop whose clock is the process's CPU time, without the waiting."""

    def __init__(self) -> None:
        self._waits = _Selector()
        super().__init__(self._waits)

    def time(self) -> float:
        return time.process_time() + self._waits.jumped


async def _run(streams: int, events: int, period: float, seconds: float) -> dict[str, Any]:
    from benchmarks import workloads
    from benchmarks.workloads import CHUNKS, MODEL, SHORT

    clock = asyncio.get_running_loop().time
    late: list[float] = []
    bodies: list[Paced] = []

    class Paced(workloads.AsyncBody):  # type: ignore[misc] # of httpx or of httpx2
        def __init__(self, events: int) -> None:
            self.due = clock()
            self._chunks = (*CHUNKS[: events + 2], *CHUNKS[-3:])

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for chunk in self._chunks:
                self.due += period
                if (left := self.due - clock()) > 0:
                    await asyncio.sleep(left)
                yield chunk

    async def answer(_request: Any) -> Any:
        bodies.append(Paced(lengths.pop() if lengths else events))
        return workloads.Response(200, headers=workloads.SSE_HEADERS, stream=bodies[-1])

    client = workloads.make_async_client(answer)
    start = clock()
    measured_from, measured_to = start + seconds, start + 2 * seconds
    until = measured_to + 1.0  # 500 streams that are closed at once are late for that alone
    lengths = [events * (number + 1) // streams for number in range(streams)]

    async def consume(number: int) -> None:
        await asyncio.sleep(period * number / streams)
        while clock() < until:
            stream = await client.messages.create(
                model=MODEL, max_tokens=1024, messages=SHORT, stream=True
            )
            body = bodies.pop()  # nothing is awaited between the answer and this
            async for _event in stream:
                now = clock()
                if measured_from <= body.due < measured_to:
                    late.append(now - body.due)
                if now >= until:
                    await stream.close()
                    break

    # A full collection stops everything for as long as hundreds of calls take, and comes once in
    # several seconds: whether one falls into the window would be all that the percentile says.
    gc.collect()
    gc.disable()
    try:
        await asyncio.gather(*(consume(number) for number in range(streams)))
    finally:
        gc.enable()
    late.sort()
    return {
        "events": len(late),
        "p50": late[len(late) // 2],
        "p99": late[int(len(late) * 0.99)],
        "mean": sum(late) / len(late),
    }
