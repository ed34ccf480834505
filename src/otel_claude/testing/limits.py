"""Rate limits: counters per model and minute, shown in headers and, on request, enforced."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from otel_claude.testing.clock import Clock, rfc3339
from otel_claude.testing.errors import ApiError

WINDOW = 60.0
REQUESTS = 4_000
INPUT = 2_000_000
OUTPUT = 400_000


@dataclass
class _Count:
    window: int
    requests: int = 0
    input: int = 0
    output: int = 0


@dataclass
class RateLimits:
    """The limits of one organization.

    Args:
        clock: the emulator's clock; a window is a minute of it.
        requests: requests per minute and model. None: 4,000 are shown and none is enforced.
    """

    clock: Clock
    requests: int | None = None
    _counts: dict[str, _Count] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def clear(self) -> None:
        """Start all windows anew."""
        with self._lock:
            self._counts.clear()

    def take(self, model: str) -> None:
        """Count one request.

        Raises:
            ApiError: 429 with `retry-after`, where limits are enforced and this minute's are used.
        """
        with self._lock:
            count = self._current(model)
            if self.requests is not None and count.requests >= self.requests:
                wait = (count.window + 1) * WINDOW - self.clock.now()
                headers = {**self._headers(count), "retry-after": str(max(1, -int(-wait // 1)))}
                raise ApiError(
                    429,
                    f"This request would exceed your organization's rate limit of {self.requests} "
                    "requests per minute.",
                    headers=headers,
                )
            count.requests += 1

    def charge(self, model: str, input_tokens: int, output_tokens: int) -> dict[str, str]:
        """Count tokens (cache reads are free) and return the headers that show what is left."""
        with self._lock:
            count = self._current(model)
            count.input += input_tokens
            count.output += output_tokens
            return self._headers(count)

    def _current(self, model: str) -> _Count:
        window = int(self.clock.now() // WINDOW)
        count = self._counts.get(model)
        if count is None or count.window != window:
            count = self._counts[model] = _Count(window)
        return count

    def _headers(self, count: _Count) -> dict[str, str]:
        reset = rfc3339((count.window + 1) * WINDOW)
        limit = REQUESTS if self.requests is None else self.requests
        rows = (
            ("requests", limit, limit - count.requests),
            ("input-tokens", INPUT, _thousands(INPUT - count.input)),
            ("output-tokens", OUTPUT, _thousands(OUTPUT - count.output)),
            ("tokens", INPUT + OUTPUT, _thousands(INPUT + OUTPUT - count.input - count.output)),
        )
        headers = {}
        for name, most, left in rows:
            headers[f"anthropic-ratelimit-{name}-limit"] = str(most)
            headers[f"anthropic-ratelimit-{name}-remaining"] = str(max(0, left))
            headers[f"anthropic-ratelimit-{name}-reset"] = reset
        return headers


def _thousands(tokens: int) -> int:
    """The API rounds the tokens that remain to the nearest thousand."""
    return round(tokens, -3)
