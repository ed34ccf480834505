"""Where questions are answered: the file, a running server, or ClickHouse.

Queries are written once, in DuckDB's SQL, over the tables of `schema.py` (`calls`, `spans`,
`events`, `evaluations`, `budget_points`), with `$name` for values. An engine of another dialect
translates them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

Row = dict[str, Any]


class QueryError(Exception):
    """The database refused a query; the message is its own."""


class Engine(Protocol):
    """Answers queries."""

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """The rows of an answer, each by column name.

        Numbers come as int or float (money too: float nearest to the decimal), instants as int.

        Raises:
            QueryError: the database refused it.
        """
        ...
