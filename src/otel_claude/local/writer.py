"""Writes what arrives: many requests in one transaction, each answered when that is on disk."""

from __future__ import annotations

import logging
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from otel_claude.local.columns import CALLS, MONEY

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from otel_claude.local.rows import Batch
    from otel_claude.local.store import Store

logger = logging.getLogger("otel_claude.local")

_MOST_BYTES: Final = 128 * 1024 * 1024  # waiting, of unpacked requests
_MOST_ROWS: Final = 50_000  # in one transaction

# Table -> its time, and what names a row.
_KEYS: Final = {
    "calls": ("start_ns", ("trace_id", "span_id")),
    "spans": ("start_ns", ("trace_id", "span_id")),
    "events": ("time_ns", ("event_id",)),
    "evaluations": ("time_ns", ("event_id",)),
    "budget_points": ("time_ns", ("point_id",)),
}
_DECIMALS: Final = ", ".join(
    f"TRY_CAST({column.name} AS {MONEY}) AS {column.name}"
    for column in CALLS
    if column.kind == MONEY
)


class OverloadedError(Exception):
    """More is waiting than memory is given to; the sender should come again."""


@dataclass(slots=True)
class Counts:
    """What the writer has done."""

    stored: int = 0
    duplicates: int = 0
    commits: int = 0
    last_error: str | None = None


class Writer:
    """One thread that writes for all.

    Args:
        store: where to.
        on_commit: told after each commit how many rows were added, by table. Must not block.
    """

    def __init__(
        self, store: Store, on_commit: Callable[[dict[str, int]], None] | None = None
    ) -> None:
        self.counts = Counts()
        self._store = store
        self._on_commit = on_commit
        self._waiting: deque[tuple[Batch, Future[None]]] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="otel-claude-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> tuple[int, int]:
        """Requests and bytes that are not written yet."""
        with self._changed:
            return len(self._waiting), self._bytes

    def submit(self, batch: Batch) -> Future[None]:
        """Have a batch written; the future is done when it is on disk.

        Raises:
            OverloadedError: too much is waiting already.
        """
        future: Future[None] = Future()
        if not batch.tables:
            future.set_result(None)
            return future
        with self._changed:
            if self._closing:
                raise OverloadedError("the server is stopping")
            if self._bytes and self._bytes + batch.size > _MOST_BYTES:
                raise OverloadedError("too much is waiting to be written")
            self._waiting.append((batch, future))
            self._bytes += batch.size
            self._changed.notify()
        return future

    def close(self) -> None:
        """Write what waits, then stop."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (group := self._next()) is not None:
            try:
                added = self._write([batch for batch, _ in group])
            except Exception as error:
                self._fail(group, error)
            else:
                for _, future in group:
                    future.set_result(None)
                if self._on_commit is not None:
                    self._on_commit(added)
            with self._changed:
                self._bytes -= sum(batch.size for batch, _ in group)

    def _next(self) -> list[tuple[Batch, Future[None]]] | None:
        """Everything that waits, up to a bound; None at the end."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            group: list[tuple[Batch, Future[None]]] = []
            rows = 0
            while self._waiting and rows < _MOST_ROWS:
                group.append(self._waiting.popleft())
                rows += group[-1][0].items
            return group or None

    def _fail(self, group: list[tuple[Batch, Future[None]]], error: Exception) -> None:
        """One at a time, so that a batch which cannot be written takes no other with it."""
        if len(group) == 1:
            self.counts.last_error = f"{type(error).__name__}: {error}"[:500]
            logger.warning("otel-claude: could not be stored: %s", self.counts.last_error)
            group[0][1].set_exception(error)
            return
        for batch, future in group:
            try:
                self._write([batch])
            except Exception as own:
                self._fail([(batch, future)], own)
            else:
                future.set_result(None)

    def _write(self, batches: list[Batch]) -> dict[str, int]:
        merged: dict[str, list[pa.RecordBatch]] = {}
        for batch in batches:
            for name, rows in batch.tables.items():
                merged.setdefault(name, []).append(rows)
        added: dict[str, int] = {}
        with self._store.writing() as cursor:
            for name, parts in merged.items():
                added[name] = _insert(cursor, name, pa.Table.from_batches(parts))
        self.counts.commits += 1
        self.counts.stored += sum(added.values())
        offered = sum(part.num_rows for parts in merged.values() for part in parts)
        self.counts.duplicates += offered - sum(added.values())
        return added


def _insert(cursor: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> int:
    """Add those rows that are not there yet; return how many.

    An exporter that heard no answer sends again: the same span has the same start, so only that
    stretch of the table is looked at, which is why this needs no index.
    """
    clock, names = _KEYS[name]
    times = rows.column(clock)
    bounds: dict[str, Any] = {"low": _least(times), "high": _most(times)}
    key = ", ".join(names)
    same = " AND ".join(f"there.{part} = incoming.{part}" for part in names)
    decimals = f" REPLACE ({_DECIMALS})" if name == "calls" else ""
    cursor.register("incoming", rows)
    try:
        cursor.execute(
            f"""INSERT INTO {name} BY NAME SELECT *{decimals} FROM incoming
            WHERE NOT EXISTS (SELECT 1 FROM {name} AS there
                WHERE there.{clock} BETWEEN $low AND $high AND {same})
            QUALIFY row_number() OVER (PARTITION BY {key}) = 1""",
            bounds,
        )
        row = cursor.fetchone()
    finally:
        cursor.unregister("incoming")
    return int(row[0]) if row else 0


def _least(times: Any) -> int:
    return int(pc.min(times).as_py())


def _most(times: Any) -> int:
    return int(pc.max(times).as_py())
