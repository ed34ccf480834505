"""The ledger: what the emulated API served, and would bill, attempt by attempt."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, overload


@dataclass
class LedgerEntry:
    """One inference attempt.

    Attributes:
        seq: number of the entry, from 1.
        time: when it was written, seconds since the epoch by the emulator's clock.
        path: path of the request, without query and scenario prefix.
        request_id: value of the `request-id` header.
        message_id: id of the message; None for failures.
        model: the model that served (after aliases and fallbacks); for failures the one asked for.
        stream: whether events were asked for.
        complete: whether the whole answer, to its last byte, was handed to the network.
        status: HTTP status; 0 where the connection was dropped before the headers.
        error_type: type of the error, also of one in the middle of a stream; else None.
        usage: what the API would bill, a dict under the API's names; None for failures. For an
            answer that was cut, the output is what had been sent when it was.
        stop_reason: stop reason of the whole message; None where it was not sent.
        user_id: the request's `metadata.user_id`.
        tag: the request's `x-emulator-tag` header.
        custom_id: for an item of a batch, its id there.
        refusal_category: of an answer that was refused.
        declined: refusal categories of the fallback hops that declined.
    """

    seq: int
    time: float
    path: str
    request_id: str
    message_id: str | None = None
    model: str | None = None
    stream: bool = False
    complete: bool = False
    status: int = 200
    error_type: str | None = None
    usage: Any = None
    stop_reason: str | None = None
    user_id: str | None = None
    tag: str | None = None
    custom_id: str | None = None
    refusal_category: str | None = None
    declined: list[str | None] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The entry as `GET /_emulator/ledger` gives it."""
        return asdict(self)


def refusals(message: dict[str, Any]) -> dict[str, Any]:
    """What an entry says about the refusals in a message."""
    details = message.get("stop_details") or {}
    hops = [block for block in message["content"] if block.get("type") == "fallback"]
    return {
        "refusal_category": details.get("category"),
        "declined": [hop["trigger"]["category"] for hop in hops],
    }


@dataclass(frozen=True)
class RecordedRequest:
    """One HTTP request as it came in. Header names are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    scenario: str
    time: float

    @property
    def json(self) -> Any:
        """The body, parsed; None where there is none or it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def to_dict(self) -> dict[str, Any]:
        """The request as `GET /_emulator/requests` gives it; credentials are left out."""
        secret = ("authorization", "x-api-key")
        return {
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": {k: ("***" if k in secret else v) for k, v in self.headers.items()},
            "body": self.body.decode(errors="replace"),
            "scenario": self.scenario,
            "time": self.time,
        }


@dataclass
class Ledger(Sequence[LedgerEntry]):
    """All entries, in the order in which they were begun. Reads like a list."""

    _entries: list[LedgerEntry] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _next: int = 1

    def open(self, time: float, path: str, request_id: str, **facts: Any) -> LedgerEntry:
        """Write a new entry and return it; later facts are set on it."""
        with self._lock:
            entry = LedgerEntry(self._next, time, path, request_id, **facts)
            self._next += 1
            self._entries.append(entry)
        return entry

    def clear(self) -> None:
        """Forget all entries and count from 1 again."""
        with self._lock:
            self._entries = []
            self._next = 1

    def billed(self) -> list[LedgerEntry]:
        """The entries that carry usage, i.e. without failed attempts."""
        return [entry for entry in self if entry.usage is not None]

    @overload
    def __getitem__(self, index: int) -> LedgerEntry: ...
    @overload
    def __getitem__(self, index: slice) -> list[LedgerEntry]: ...
    def __getitem__(self, index: int | slice) -> LedgerEntry | list[LedgerEntry]:
        """Entry by position."""
        return self._entries[index]

    def __len__(self) -> int:
        """How many attempts were served."""
        return len(self._entries)

    def __iter__(self) -> Iterator[LedgerEntry]:
        """The entries so far; others may be written meanwhile."""
        return iter(list(self._entries))
