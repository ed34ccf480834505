"""Tells open event streams that something has arrived."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from typing import Any

MOST_STREAMS: Final = 64
_REMEMBERED: Final = 100  # messages that a slow stream may still get
_EVERY: Final = 0.5  # seconds between two messages, at least
_BEAT: Final = 15.0  # seconds until a stream without news shows that it lives


class Hub:
    """Open event streams. Lives in one event loop; `publish` may be called from any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._streams: set[asyncio.Event] = set()
        self._closed = False
        self.added: Counter[str] = Counter()
        self._messages: deque[str] = deque(maxlen=_REMEMBERED)
        self._told = 0

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

    def tell(self, event: str, data: Mapping[str, Any]) -> None:
        """Something else has happened. From any thread; never blocks."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            message = f"event: {event}\ndata: {json.dumps(data)}\n\n"
            loop.call_soon_threadsafe(self._tell, message)

    def _tell(self, message: str) -> None:
        self._messages.append(message)
        self._told += 1
        self._wake()

    def _add(self, added: Mapping[str, int]) -> None:
        self.added.update(added)
        self._wake()

    def _wake(self) -> None:
        for stream in self._streams:
            stream.set()

    async def listen(self) -> AsyncIterator[str]:
        """Server-sent events: what was added since the message before, by table; what was told."""
        news = asyncio.Event()
        self._streams.add(news)
        known, told = Counter(self.added), self._told
        try:
            yield "retry: 2000\n\n"
            while not self._closed:
                try:
                    await asyncio.wait_for(news.wait(), _BEAT)
                except asyncio.TimeoutError:
                    yield ": still here\n\n"
                    continue
                news.clear()
                missed = min(self._told - told, len(self._messages))
                told = self._told
                for message in list(islice(self._messages, len(self._messages) - missed, None)):
                    yield message
                if added := self.added - known:
                    known = Counter(self.added)
                    yield f"event: added\ndata: {json.dumps(added)}\n\n"
                    await asyncio.sleep(_EVERY)
        finally:
            self._streams.discard(news)
