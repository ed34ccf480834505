"""The chain: seals over records, made and checked. Pure functions over plain data.

A seal is HMAC-SHA-256 with a key, where there is one, else SHA-256. Without a key, whoever can
change the records can also seal them anew; then only accidents are detected, and the unskilled.
What a seal covers is exact: OTLP keeps strings, whole numbers, booleans and doubles as they are,
over protobuf and JSON alike, and nothing else is written.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otel_claude import semconv

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_UNSEALED: Final = semconv.AUDIT_SEAL
_PURPOSE: Final = b"otel-claude audit "


def algorithm(key: bytes | None) -> str:
    """How seals are made; for a key, with a mark by which the right one is known."""
    if key is None:
        return "sha256"
    return "hmac-sha256:" + hmac.digest(key, _PURPOSE + b"key", "sha256").hex()[:8]


def first_seal(chain: str) -> str:
    """What the first record of a chain holds as the seal before it."""
    return hashlib.sha256(_PURPOSE + chain.encode()).hexdigest()


def seal(record: Mapping[str, Any], key: bytes | None) -> str:
    """The seal of a record, which holds the one before it as `claude.audit.previous`.

    Args:
        record: attributes of the event. Those that are not of an audit record are left out: a
            collector may add some.
        key: of the HMAC; None for none.
    """
    said = [
        [name, *_typed(record[name])]
        for name in sorted(semconv.AUDIT_RECORD)
        if name in record and name != _UNSEALED
    ]
    text = json.dumps(said, ensure_ascii=True, separators=(",", ":")).encode()
    if key is None:
        return hashlib.sha256(_PURPOSE + text).hexdigest()
    return hmac.digest(key, _PURPOSE + text, "sha256").hex()


def _typed(value: Any) -> tuple[str, Any]:
    """A value with its type: 1, 1.0, "1" and true are four different things."""
    if isinstance(value, list | tuple):
        return "list", [_typed(item) for item in value]
    return type(value).__name__, repr(value) if isinstance(value, float) else value


class Flaw(NamedTuple):
    """Something that is wrong with a chain.

    Attributes:
        chain: whose.
        sequence: number of the record, from 0; -1 where it has none.
        says: what is wrong.
    """

    chain: str
    sequence: int
    says: str


class Verdict(NamedTuple):
    """What a check found.

    Attributes:
        records: how many records there are.
        chains: how many chains they belong to.
        closed: of these, how many say themselves that they ended, so that none is missing at the end.
        unkeyed: how many were sealed without a key.
        flaws: all that is wrong.
    """

    records: int
    chains: int
    closed: int
    unkeyed: int
    flaws: tuple[Flaw, ...]


def verify(records: Iterable[Mapping[str, Any]], key: bytes | None = None) -> Verdict:
    """Check chains in the order in which they are stored.

    Exact copies of a record, as retries of an exporter leave them, are counted once. Chains of
    different processes may be mixed.

    Args:
        records: attributes of audit events.
        key: with which they were sealed; None where without.
    """
    chains: dict[str, _Reading] = {}
    for record in records:
        chain = str(record.get(semconv.AUDIT_CHAIN))
        reading = chains.get(chain)
        if reading is None:
            reading = chains[chain] = _Reading(chain, key)
        reading.read(record)
    found = chains.values()
    return Verdict(
        records=sum(reading.count for reading in found),
        chains=len(chains),
        closed=sum(reading.closed for reading in found),
        unkeyed=sum(reading.unkeyed for reading in found),
        flaws=tuple(flaw for reading in found for flaw in reading.flaws),
    )


class _Reading:
    """One chain, as it is read."""

    def __init__(self, chain: str, key: bytes | None) -> None:
        self.chain = chain
        self.flaws: list[Flaw] = []
        self.count = 0
        self.closed = False
        self.unkeyed = False
        self._key = key
        self._algorithm = algorithm(key)
        self._next = 0
        self._last = first_seal(chain)
        self._seen: dict[int, str] = {}  # those with a seal that is theirs
        self._taken: set[int] = set()

    def read(self, record: Mapping[str, Any]) -> None:
        """Check the next record."""
        number = record.get(semconv.AUDIT_SEQUENCE)
        sealed = record.get(semconv.AUDIT_SEAL)
        if type(number) is not int or not isinstance(sealed, str):
            self._flaw(-1, "a record without number or seal")
            return
        own = self._own_seal(record, number)
        if self._seen.get(number) == sealed == own:
            return  # sent twice
        self.count += 1
        if own is not None and own != sealed:
            self._flaw(number, "changed: its seal is not of what it says")
        elif number in self._taken:
            self._flaw(number, "inserted: another record has this number")
        self._check_place(number, record)
        self._taken.add(number)
        if own == sealed:
            self._seen[number] = sealed
        self._last = sealed
        self._next = max(self._next, number + 1)
        self.closed = self.closed or bool(record.get(semconv.AUDIT_LAST))

    def _own_seal(self, record: Mapping[str, Any], number: int) -> str | None:
        """What the seal should be; None where this key cannot tell."""
        said = record.get(semconv.AUDIT_ALGORITHM)
        self.unkeyed = self.unkeyed or said == "sha256"
        if said == self._algorithm:
            return seal(record, self._key)
        if said == "sha256":
            self._flaw(number, "sealed without a key, where one is expected")
        else:
            other = "another key" if self._key else "a key, and none was given"
            self._flaw(number, f"sealed with {other} ({said})")
        return None

    def _check_place(self, number: int, record: Mapping[str, Any]) -> None:
        if number > self._next:
            missing = f"{self._next} to {number - 1}" if number - self._next > 1 else self._next
            self._flaw(number, f"removed or moved: {missing} should stand before it")
        elif number < self._next:
            self._flaw(number, "moved: it stands after later ones")
        elif record.get(semconv.AUDIT_PREVIOUS) != self._last:
            self._flaw(number, "does not follow from the record before it")
        elif self.closed:
            self._flaw(number, "inserted: the chain had ended")

    def _flaw(self, number: int, says: str) -> None:
        self.flaws.append(Flaw(self.chain, number, says))
