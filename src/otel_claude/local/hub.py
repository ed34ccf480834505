"""Tells open event streams that something has arrived."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

MOST_STREAMS: Final = 64
_EVERY: Final = 0.5  # seconds between two messages, at least
_BEAT: Final = 15.0  # seconds until a stream without news shows that it lives


class Hub:
    """Open event streams. Lives in one event loop; `publish` may be called from any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._streams: set[asyncio.Event] = set()
        self._closed = False
        self.added: Counter[str] = Counter()

    @property
    def streams(self) -> int:
        """How many are open."""
        return len(self._streams)

    def open(self) -> None:
        """Belong to the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._closed = False

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        self._wake()

    def publish(self, added: Mapping[str, int]) -> None:
        """Rows were added, by table. From any thread; never blocks."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._add, dict(added))

    def _add(self, added: Mapping[str, int]) -> None:
        self.added.update(added)
        self._wake()

    def _wake(self) -> None:
        for stream in self._streams:
            stream.set()

    async def listen(self) -> AsyncIterator[str]:
        """Server-sent events: what was added since the message before, by table."""
        news = asyncio.Event()
        self._streams.add(news)
        known = Counter(self.added)
        try:
            yield "retry: 2000\n\n"
            while not self._closed:
                try:
                    await asyncio.wait_for(news.wait(), _BEAT)
                except asyncio.TimeoutError:
                    yield ": still here\n\n"
                    continue
                news.clear()
                if added := self.added - known:
                    known = Counter(self.added)
                    yield f"event: added\ndata: {json.dumps(added)}\n\n"
                    await asyncio.sleep(_EVERY)
        finally:
            self._streams.discard(news)
