"""The file: DuckDB, opened by one process, which writes and answers."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import duckdb

from otel_claude.local.engine import QueryError
from otel_claude.local.schema import NewerSchemaError, is_older, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_claude.local.engine import Row

MEMORY: Final = ":memory:"
_MEMORY_LIMIT: Final = "1GB"
_CHECKPOINT: Final = "64MB"  # size of the log from which it is written into the file


class StoreError(Exception):
    """The file cannot be used; the message says why and what to do.

    Attributes:
        exit_code: of a program that ends because of it.
    """

    exit_code: ClassVar = 1


class BusyError(StoreError):
    """Another process has the file open."""


class Store:
    """A file of calls, spans, events and budgets. An `Engine`.

    Args:
        path: the file, made where there is none; `:memory:` for none at all.
        read_only: only ask; several processes may do so at the same time.

    Raises:
        BusyError: another process has it open.
        StoreError: it is no such file, or of a newer otel-claude.
    """

    def __init__(self, path: str = MEMORY, *, read_only: bool = False) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        if "://" in path:  # it may hold a password: it is not shown
            raise StoreError("an address is no file, and a file is needed here")
        if read_only:
            _refuse_missing(path)
        self._connection = _connect(path, read_only=read_only)
        try:
            if read_only and is_older(self._connection):
                self._connection.close()
                Store(path).close()
                self._connection = _connect(path, read_only=True)
            elif not read_only:
                migrate(self._connection)
        except NewerSchemaError as error:
            self._connection.close()
            raise StoreError(f"{path}: {error}") from error
        except BaseException:
            self._connection.close()
            raise
        # Our own queries need nothing else, and users' queries must not reach further.
        self._connection.execute("SET lock_configuration = true")

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """The rows of an answer; see `Engine`."""
        with self.cursor() as cursor:
            try:
                cursor.execute(sql, dict(parameters) if parameters else None)
                names = [column[0] for column in cursor.description or ()]
                return [
                    {name: plain(value) for name, value in zip(names, row, strict=True)}
                    for row in cursor.fetchall()
                ]
            except duckdb.Error as error:
                raise QueryError(str(error)) from error

    def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, *, limit: int
    ) -> dict[str, Any]:
        """The answer to a question of anyone's own; see `Engine`."""
        from otel_claude.local.sql import query  # which needs this module

        return query(self, sql, parameters, limit=limit)

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of its own for the thread that asks."""
        with self._lock:
            cursor = self._connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    @contextmanager
    def writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A transaction; one at a time, so that none is refused because of another."""
        with self._turn, self.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                yield cursor
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")

    def checkpoint(self) -> None:
        """Write the log into the file and give back the room of what was deleted."""
        with self._turn, self.cursor() as cursor:
            cursor.execute("CHECKPOINT")

    def size(self) -> int:
        """Bytes on disk, or of memory where there is no file."""
        if self.path == MEMORY:
            row = self.rows("SELECT sum(memory_usage_bytes) AS size FROM duckdb_memory()")[0]
            return int(row["size"] or 0)
        files = (Path(self.path), Path(f"{self.path}.wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def used(self) -> int:
        """Bytes of it that hold something; the rest is filled before the file grows."""
        row = self.rows("SELECT used_blocks * block_size AS size FROM pragma_database_size()")[0]
        return int(row["size"])

    def close(self) -> None:
        """Write everything into the file and let go of it."""
        self._connection.close()


def plain(value: Any) -> Any:
    """A value as JSON has it: a decimal as the nearest double, bytes in hexadecimal."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def _busy(path: str, error: str) -> str:
    holder = re.search(r"PID (\d+)", error)
    by = f"process {holder.group(1)}" if holder else "another process"
    return (
        f"{path} is in use by {by}; one process at a time can write to it. "
        "Stop that one, or use another file: --db FILE"
    )


def _refuse_missing(path: str) -> None:
    if not Path(path).exists():
        raise StoreError(f"there is no {path} yet; `otel-claude up` makes it")


def _connect(path: str, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    if path != MEMORY and not read_only:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    config = {
        "enable_external_access": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "memory_limit": _MEMORY_LIMIT,
        "checkpoint_threshold": _CHECKPOINT,
    }
    try:
        return duckdb.connect(path, read_only=read_only, config=config)  # type: ignore[arg-type] # booleans are taken
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise BusyError(_busy(path, str(error))) from error
        raise StoreError(f"{path} cannot be opened: {error}") from error
    except duckdb.Error as error:
        raise StoreError(f"{path} is no file of otel-claude: {error}") from error
