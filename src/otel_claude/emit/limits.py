"""Rate limits: the newest reading per model and workspace, shown as gauges."""

from __future__ import annotations

import time
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.metrics import CallbackOptions, Observation

from otel_claude import semconv
from otel_claude.call.fork import new_lock
from otel_claude.pricing import retirement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from otel_claude.call.call import Call
    from otel_claude.emit.words import Words

_PREFIXES: Final = ("anthropic-ratelimit-", "anthropic-")
_KEPT: Final = 512  # label sets; the oldest reading goes first

Key = tuple[tuple[str, str], ...]


class Limits:
    """Keeps the headers in which responses speak of rate limits; they are read at collection."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._lock = new_lock()
        self._readings: dict[Key, Mapping[bytes, bytes]] = {}
        self._models: dict[str, date | None] = {}

    def read(self, call: Call) -> None:
        """Keep the rate-limit headers of the last attempt of a call, and the model in use."""
        headers = call.response_headers
        labels = [
            (name, self._words.of(name, value))
            for name, value in (
                (semconv.REQUEST_MODEL, call.model),
                (semconv.ORGANIZATION_ID, headers.get("anthropic-organization-id")),
                (semconv.WORKSPACE_ID, headers.get("anthropic-workspace-id")),
            )
            if value is not None
        ]
        with self._lock:
            if call.raw_headers:
                key = tuple(labels)
                self._readings.pop(key, None)
                self._readings[key] = call.raw_headers
                if len(self._readings) > _KEPT:
                    del self._readings[next(iter(self._readings))]
            model = call.resolved_model
            if model is not None and model not in self._models and len(self._models) < _KEPT:
                self._models[model] = retirement(model)

    def limit(self, _options: CallbackOptions) -> Iterable[Observation]:
        """Limits in force."""
        return [Observation(n, a) for n, a in self._numbers("-limit")]

    def remaining(self, _options: CallbackOptions) -> Iterable[Observation]:
        """What is left of them."""
        return [Observation(n, a) for n, a in self._numbers("-remaining")]

    def utilization(self, _options: CallbackOptions) -> Iterable[Observation]:
        """Used share, 0 to 1, of the limits that say only that."""
        return [Observation(n, a) for n, a in self._numbers("-utilization")]

    def reset(self, _options: CallbackOptions) -> Iterable[Observation]:
        """Seconds left until each limit is whole again; gone once that has passed."""
        return [
            Observation(left, attributes)
            for header, text, attributes in self._fresh()
            if header.endswith("-reset") and (left := _seconds_left(text)) is not None
        ]

    def retirement(self, _options: CallbackOptions) -> Iterable[Observation]:
        """Days left of the models in use that are deprecated."""
        today = datetime.now(timezone.utc).date()
        with self._lock:
            models = list(self._models.items())
        return [
            Observation((day - today).days, {semconv.REQUEST_MODEL: model})
            for model, day in models
            if day is not None
        ]

    def _numbers(self, suffix: str) -> Iterator[tuple[float, dict[str, Any]]]:
        for header, text, attributes in self._fresh():
            if header.endswith(suffix):
                try:
                    number = float(text)
                except ValueError:
                    continue
                yield number, attributes

    def _fresh(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Every kept rate-limit header whose reset has not passed."""
        with self._lock:
            readings = list(self._readings.items())
        for key, raw in readings:
            headers = {name.decode("latin-1"): text.decode("latin-1") for name, text in raw.items()}
            for header, text in headers.items():
                kind, _, suffix = _stem(header).rpartition("-")
                if not kind or suffix not in ("limit", "remaining", "utilization", "reset"):
                    continue
                reset = headers.get(header[: -len(suffix)] + "reset")
                if reset is not None and _seconds_left(reset) is None:
                    continue
                label = kind.replace("-", "_")
                yield header, text, {**dict(key), semconv.RATELIMIT_KIND: label}


def _stem(header: str) -> str:
    return next((header[len(p) :] for p in _PREFIXES if header.startswith(p)), "")


def _seconds_left(reset: str) -> float | None:
    """Seconds until a reset (RFC 3339, or POSIX seconds), None where it has passed or is unclear."""
    try:
        if reset.replace(".", "", 1).isdigit():
            at = float(reset)
        else:
            # Python 3.10 reads no "Z".
            at = datetime.fromisoformat(reset.replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError):
        return None
    left = at - time.time()
    return left if left > 0 else None
