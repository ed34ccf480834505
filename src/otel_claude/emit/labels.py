"""Which labels the points of a call carry. Each set is made once and kept, within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from otel_claude import semconv
from otel_claude.call.fork import new_lock
from otel_claude.emit.sums import LabelSet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_claude.call.call import Call
    from otel_claude.emit.bill import Bill
    from otel_claude.emit.words import Words

_KEPT: Final = 4096
_SETS: Final = 1000
"""Label sets with values of their own. As many again may say `other` for all attribution; beyond
that, models and servers are `other`, too."""

Key = tuple[Any, ...]
Value = TypeVar("Value")


class Kept(dict[Key, Value]):
    """A dict that starts anew when it is full: what it holds can be made again."""

    def get_or_make(self, key: Key, make: Callable[..., Value], *args: Any) -> Value:
        """What is kept for `key`, else what `make(*args)` makes of it."""
        found = self.get(key)
        if found is None:
            if len(self) >= _KEPT:
                self.clear()
            found = self[key] = make(*args)
        return found


class Labels:
    """Makes label sets, and no more than a fixed number of them.

    Args:
        keys: attribution keys that become labels.
        words: the values that labels may take.
        strict: only labels that the conventions declare.
    """

    def __init__(self, keys: tuple[str, ...], words: Words, *, strict: bool) -> None:
        self._keys = () if strict else keys
        self._words = words
        self._strict = strict
        self._lock = new_lock()
        self._sets: dict[Key, LabelSet] = {}
        self._active: Kept[LabelSet] = Kept()
        self._histogram: Kept[Mapping[str, Any]] = Kept()

    def of(self, call: Call, response_model: str | None) -> LabelSet:
        """The labels of every point of a call, or of an inference of it on another model."""
        attribution = call.attribution
        said = () if attribution is None else attribution.values(self._keys)
        endpoint = call.endpoint
        where = (endpoint.provider, endpoint.address, endpoint.port)
        key = (call.operation, where, call.model, response_model, said)
        found = self._sets.get(key)
        return self._within_bounds(*key) if found is None else found

    def _within_bounds(
        self, operation: str, where: Key, model: str | None, response: str | None, said: Key
    ) -> LabelSet:
        """The set for values that have none under just these: theirs, if there is room for it."""
        words = self._words
        provider, address, port = where
        server = words.of_any(semconv.SERVER_ADDRESS, address and f"{address}:{port}")
        where = (provider, *((address, port) if server != semconv.OTHER else (server, None)))
        asked = words.of_any(semconv.REQUEST_MODEL, model)
        answered = words.of_any(semconv.RESPONSE_MODEL, response)
        own = tuple(map(words.of_any, self._keys, said))
        rest = tuple(value and semconv.OTHER for value in own)
        with self._lock:
            key: Key = (operation, where, asked, answered, own)
            if key not in self._sets and len(self._sets) >= _SETS:
                key = (operation, where, asked, answered, rest)
            if key not in self._sets and len(self._sets) >= 2 * _SETS:
                nowhere = (provider, address and semconv.OTHER, None)
                key = (operation, nowhere, *(m and semconv.OTHER for m in (asked, answered)), rest)
            found = self._sets.get(key)
            if found is None:
                found = self._sets[key] = self._make(*key)
            return found

    def _make(
        self, operation: str, where: Key, model: str | None, response: str | None, said: Key
    ) -> LabelSet:
        pairs = [
            (semconv.OPERATION_NAME, operation),
            (semconv.PROVIDER_NAME, where[0]),
            (semconv.REQUEST_MODEL, model),
            (semconv.RESPONSE_MODEL, response),
            (semconv.SERVER_ADDRESS, where[1]),
            (semconv.SERVER_PORT, where[2]),
        ]
        for name, value in zip(self._keys, said, strict=False):
            pairs.append((semconv.attribution_name(name), value))
        return LabelSet({name: value for name, value in pairs if value is not None})

    def of_active(self, call: Call) -> LabelSet:
        """The labels of the count of calls under way."""
        model = self._words.of_any(semconv.REQUEST_MODEL, call.model)
        key = (model, call.endpoint.provider)
        return self._active.get_or_make(key, _active, *key)

    def of_histogram(
        self, labels: LabelSet, call: Call, bill: Bill, *, error: bool
    ) -> Mapping[str, Any]:
        """Labels of a latency: outside strict mode, with what splits latencies."""
        failure = call.failure if error else None
        if self._strict and failure is None:
            return labels.attributes
        kind = failure and self._words.of(semconv.ERROR_TYPE, failure.type)
        key = (labels, kind, call.stream, bill.context_bucket)
        return self._histogram.get_or_make(key, self._make_histogram, *key)

    def _make_histogram(
        self, labels: LabelSet, error: str | None, stream: bool, bucket: str | None
    ) -> Mapping[str, Any]:
        found = dict(labels.attributes)
        if error is not None:
            found[semconv.ERROR_TYPE] = error
        if not self._strict:
            if stream:
                found[semconv.REQUEST_STREAM] = True
            if bucket is not None:
                found[semconv.CONTEXT_BUCKET] = bucket
        return found


def _active(model: str | None, provider: str) -> LabelSet:
    pairs = ((semconv.REQUEST_MODEL, model), (semconv.PROVIDER_NAME, provider))
    return LabelSet({name: value for name, value in pairs if value is not None})
