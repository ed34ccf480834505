"""Finds the server that has a file open: a small file beside it says where it listens."""

from __future__ import annotations

import contextlib
import json
import os
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otel_claude.local.engine import QueryError, is_clickhouse
from otel_claude.local.fleet.place import FleetError, place_of
from otel_claude.local.store import MEMORY, BusyError, Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_claude.local.engine import Engine, Row
    from otel_claude.local.fleet.engine import ClickHouse

_PATIENCE: Final = 2.0  # seconds that a server has to show that it is there
_QUESTION: Final = 60.0  # seconds that it has to answer a question
_ROWS: Final = 100_000

# The server is on this machine, which no proxy knows.
_opener: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Address:
    """Where a server listens.

    Attributes:
        url: without a slash at the end.
        pid: of its process.
        token: that it asks for, if any.
    """

    url: str
    pid: int
    token: str | None = None

    def ask(self, path: str, body: Mapping[str, Any] | None = None, *, wait: float) -> Any:
        """The JSON answer to a question.

        Raises:
            QueryError: the server refused it; the message is its own.
            OSError: there is no server.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data)  # noqa: S310 - http, from our file
        if data is not None:
            request.add_header("content-type", "application/json")
        if self.token:
            request.add_header("authorization", f"Bearer {self.token}")
        try:
            with _opener.open(request, timeout=wait) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            text = error.read(10_000).decode("utf-8", "replace")
            try:
                text = str(json.loads(text)["detail"])
            except (ValueError, KeyError, TypeError):
                text = text or str(error)
            raise QueryError(text) from error


class Remote:
    """An `Engine`: a server that has the file open."""

    def __init__(self, address: Address) -> None:
        self.address = address

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """The rows of an answer; see `Engine`."""
        found = self.query(sql, parameters, limit=_ROWS)
        if found["truncated"]:
            raise QueryError(f"the answer has more than {_ROWS:,} rows")
        return [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]

    def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, *, limit: int
    ) -> dict[str, Any]:
        """The answer to a question of anyone's own; see `Engine`."""
        body = {"sql": sql, "parameters": dict(parameters or {}), "limit": limit}
        try:
            found: dict[str, Any] = self.address.ask("/api/sql", body, wait=_QUESTION)
        except OSError as error:
            url = self.address.url
            raise QueryError(f"the server at {url} does not answer: {error}") from error
        return found


def _note(path: str) -> Path:
    return Path(f"{path}.server.json")


@contextlib.contextmanager
def announced(path: str, address: Address) -> Iterator[None]:
    """Say where a file's server listens, as long as it does. Readable for this user only."""
    if path == MEMORY:
        yield
        return
    note = _note(path)
    text = json.dumps({**asdict(address), "database": str(Path(path).resolve())})
    with contextlib.suppress(FileNotFoundError):
        note.unlink()
    with open(os.open(note, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 - of a descriptor
        file.write(text)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            note.unlink()


def find(path: str) -> Address | None:
    """The server that has a file open; None where there is none, whatever is said beside it."""
    try:
        said = json.loads(_note(path).read_text(encoding="utf-8"))
        address = Address(str(said["url"]), int(said["pid"]), said.get("token"))
        health = address.ask("/health", wait=_PATIENCE)
    except (OSError, ValueError, KeyError, TypeError, QueryError):
        return None
    return address if health.get("pid") == address.pid else None


def clickhouse(url: str) -> ClickHouse:
    """A ClickHouse server by its URL; closed by whoever asked for it.

    Raises:
        FleetError: it is no such URL, or cannot be asked.
    """
    place = place_of(url)
    try:
        from otel_claude.local.fleet.engine import ClickHouse
    except ImportError as error:
        raise FleetError(
            f'{error.name} is missing; pip install "otel-claude[clickhouse]"'
        ) from error
    return ClickHouse(place)


@contextlib.contextmanager
def engine_of(path: str) -> Iterator[Engine]:
    """Where questions are answered: a file, the server that has it open, or ClickHouse.

    Args:
        path: of the file, or `clickhouse://user:password@host:port/database`.

    Raises:
        FleetError: ClickHouse cannot be asked.
        BusyError: another process has it open, and is no server that answers.
        StoreError: there is no such file, or it cannot be used.
    """
    if is_clickhouse(path):
        with contextlib.closing(clickhouse(path)) as fleet:
            yield fleet
        return
    address = find(path)
    if address is None:
        try:
            store = Store(path, read_only=True)
        except BusyError:
            address = find(path)  # one that has just started
            if address is None:
                raise
    if address is not None:
        yield Remote(address)
        return
    try:
        yield store
    finally:
        store.close()
