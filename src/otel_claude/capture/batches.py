"""Message Batches: a span per creation and per reading, tokens and cost once per result.

Results can be fetched any number of times, so each is counted by batch and `custom_id`.
"""

from __future__ import annotations

import contextlib
import re
import weakref
from collections import OrderedDict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from otel_claude import _faults
from otel_claude.call.batch import Seen, Tally
from otel_claude.call.usage import fields, text
from otel_claude.capture.failure import ended_by
from otel_claude.capture.request import RESULTS
from otel_claude.capture.response import read_message

if TYPE_CHECKING:
    from otel_claude.call.call import Call

_KEPT: Final = 10_000

_seen = Seen()
_created: OrderedDict[str, float] = OrderedDict()


def read_batch(call: Call, batch: object) -> None:
    """Read a batch object: the answer to a creation or a retrieval."""
    said = fields(batch)
    call.batch_id = text(said.get("id"))
    created = said.get("created_at")
    if isinstance(created, str):
        # Python 3.10 reads no "Z".
        with contextlib.suppress(ValueError):
            created = datetime.fromisoformat(created.replace("Z", "+00:00"))
    if call.batch_id and isinstance(created, datetime):
        _created[call.batch_id] = created.timestamp()
        if len(_created) > _KEPT:
            _created.popitem(last=False)


def watch_results(call: Call, decoder: Any) -> None:
    """Follow the decoder of a batch's results to its end, whichever that is."""
    found = re.search(RESULTS, str(decoder.http_response.request.url))
    call.batch_id = found.group(1) if found else None
    call.tally = Tally()
    kind = _AsyncResults if hasattr(type(decoder), "__anext__") else _Results
    decoder._iterator = kind(call, decoder._iterator)
    weakref.finalize(decoder, call.finish, "abandoned")


def _count(call: Call, item: object) -> None:
    """Count one result, if it is new. Never raises."""
    try:
        tally = call.tally
        if tally is None:
            return
        tally.results += 1
        said = fields(item)
        result = fields(said.get("result"))
        batch_id, custom_id = call.batch_id or "", text(said.get("custom_id"))
        if result.get("type") != "succeeded" or custom_id is None:
            return
        if not _seen.is_new(batch_id, custom_id):
            return
        tally.counted += 1
        part = call.part()
        part.custom_id = custom_id
        read_message(part, result.get("message"))
        part.batch_created = _created.get(batch_id)
        tally.input_tokens += part.usage.prompt_tokens or 0
        tally.output_tokens += part.usage.output_tokens or 0
        part.finish("completed")
    except Exception:
        _faults.report("batch.result")


class _Reader:
    __slots__ = ("_call", "_inner")

    def __init__(self, call: Call, inner: Any) -> None:
        self._call = call
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Results(_Reader):
    """Passes the results of a batch on."""

    __slots__ = ()

    def __iter__(self) -> _Results:
        return self

    def __next__(self) -> Any:
        try:
            item = next(self._inner)
        except StopIteration:
            self._call.finish("completed")
            raise
        except BaseException as error:
            ended_by(self._call, error)
            raise
        _count(self._call, item)
        return item


class _AsyncResults(_Reader):
    """Passes the results of a batch on."""

    __slots__ = ()

    def __aiter__(self) -> _AsyncResults:
        return self

    async def __anext__(self) -> Any:
        try:
            item = await self._inner.__anext__()
        except StopAsyncIteration:
            self._call.finish("completed")
            raise
        except BaseException as error:
            ended_by(self._call, error)
            raise
        _count(self._call, item)
        return item
