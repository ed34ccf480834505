"""Asks ClickHouse, over its HTTP interface."""

from __future__ import annotations

import logging
import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from otel_claude.local.engine import QueryError
from otel_claude.local.fleet import sampling
from otel_claude.local.fleet.place import PASSWORD, USER, FleetError
from otel_claude.local.fleet.tables import TABLES, TRACES
from otel_claude.local.fleet.translate import translate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clickhouse_connect.driver.client import Client

    from otel_claude.local.engine import Coverage, Row
    from otel_claude.local.fleet.place import Place
    from otel_claude.local.queries.period import Period

_CONNECT: Final = 5  # seconds that a server has to show that it is there
_QUESTION: Final = 60  # seconds that it has to answer a question
_LONG: Final = 32 * 1024  # characters of values from which they do not travel in the URL
_LONGEST: Final = 500  # characters of what a server says
_UNKNOWN_DATABASE: Final = 81
_WRONG_PASSWORD: Final = (192, 193, 194, 516)
_CODE: Final = re.compile(r"\bcode:? (\d+)", re.IGNORECASE)
_NEEDED: Final = (
    "the collector's clickhouse exporter makes it (deploy/collector/overlays/clickhouse.yaml)"
)


# What it has to say comes as exceptions.
logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())


class ClickHouse:
    """An `Engine`: a database that the collector's ClickHouse exporter fills. Any thread may ask.

    Attributes:
        place: where it is.
        bases: the exporter's tables that there are -> their columns.

    Args:
        place: where it is.

    Raises:
        FleetError: it does not answer, refuses who asks, or has no traces.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self._client = self._connected()
        self._large: Client | None = None
        try:
            self.bases = self._bases()
        except BaseException:
            self._client.close()
            raise

    def __str__(self) -> str:
        return str(self.place)

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """The rows of an answer; see `Engine`."""
        names, rows = self._asked(sql, parameters or {})
        return [dict(zip(names, row, strict=True)) for row in rows]

    def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, *, limit: int
    ) -> dict[str, Any]:
        """The answer to a question of anyone's own; see `Engine`."""
        names, rows = self._asked(sql, parameters or {}, limit + 1)
        return {"columns": names, "rows": rows[:limit], "truncated": len(rows) > limit}

    def native(self, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
        """The rows of a question in ClickHouse's own SQL, with `{name:Type}` for values.

        Raises:
            QueryError: the server refused it.
        """
        names, rows = self._answer(sql, parameters)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def coverage(self, period: Period) -> Coverage:
        """How much of everything its calls are; see `Sampled`."""
        return sampling.coverage(self, period)

    def close(self) -> None:
        """Let go of the server."""
        self._client.close()
        if self._large is not None:
            self._large.close()

    def _asked(
        self, sql: str, parameters: Mapping[str, Any], limit: int | None = None
    ) -> tuple[list[str], list[list[Any]]]:
        return self._answer(translate(sql, parameters, self.bases, limit=limit), parameters)

    def _answer(self, sql: str, parameters: Mapping[str, Any]) -> tuple[list[str], list[list[Any]]]:
        values = dict(parameters)
        try:
            found = self._client_for(values).query(sql, values or None)
        except (ClickHouseError, OSError) as error:
            raise QueryError(_said(error)) from error
        rows = [[_plain(value) for value in row] for row in found.result_rows]
        return list(found.column_names), rows

    def _client_for(self, values: Mapping[str, Any]) -> Client:
        if sum(len(str(value)) for value in values.values()) < _LONG:
            return self._client
        if self._large is None:
            self._large = self._connected(form_encode_query_params=True)
        return self._large

    def _connected(self, **more: Any) -> Client:
        place = self.place
        try:
            return clickhouse_connect.get_client(
                host=place.host,
                port=place.port,
                username=place.user,
                password=place.password,
                database=place.database,
                interface="https" if place.secure else "http",
                connect_timeout=_CONNECT,
                send_receive_timeout=_QUESTION,
                autogenerate_session_id=False,  # questions are asked at the same time
                **more,
            )
        except (ClickHouseError, OSError) as error:
            raise FleetError(self._refusal(error)) from error

    def _refusal(self, error: Exception) -> str:
        found = _CODE.search(str(error))
        code = int(found.group(1)) if found else None
        if code in _WRONG_PASSWORD:
            return (
                f"{self.place} refuses user {self.place.user}: wrong user or password "
                f"(in the URL, or {USER} and {PASSWORD})"
            )
        if code == _UNKNOWN_DATABASE:
            return f"{self.place}: there is no database {self.place.database}"
        return f"{self.place} does not answer as ClickHouse does: {_said(error)}"

    def _bases(self) -> dict[str, frozenset[str]]:
        names = sorted({table.base for tables in TABLES.values() for table in tables})
        try:
            _, rows = self._answer(
                "SELECT table, name FROM system.columns "
                "WHERE database = {database: String} AND table IN {names: Array(String)}",
                {"database": self.place.database, "names": names},
            )
        except QueryError as error:
            raise FleetError(f"{self.place}: {error}") from error
        found: dict[str, set[str]] = {}
        for table, name in rows:
            found.setdefault(table, set()).add(name)
        if TRACES not in found:
            raise FleetError(f"{self.place} has no table {TRACES}; {_NEEDED}")
        return {table: frozenset(columns) for table, columns in found.items()}


def _said(error: Exception) -> str:
    """What went wrong, in one line: below the library's words, the network's own."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
        cause = getattr(cause, "reason", None) or cause.__cause__ or cause.__context__
        if not isinstance(cause, BaseException):
            break
    return " ".join(str(error).split())[:_LONGEST]


def _plain(value: Any) -> Any:
    """A value as JSON has it; a number that is none (a quantile of nothing) as nothing."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        plain = [_plain(one) for one in value]
        return plain if any(one is not None for one in plain) else None
    return value
