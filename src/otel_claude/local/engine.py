"""Where questions are answered: the file, a running server, or ClickHouse.

Queries are written once, in DuckDB's SQL, over the tables of `schema.py` (`calls`, `spans`,
`events`, `evaluations`, `budget_points`), with `$name` for values. An engine of another dialect
translates them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, TypedDict, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_claude.local.queries.period import Period

Row = dict[str, Any]

CLICKHOUSE: Final = "clickhouse"


def is_clickhouse(source: str) -> bool:
    """Whether it is meant as the address of a ClickHouse server, and not as a file."""
    return source.startswith(f"{CLICKHOUSE}:")


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

    def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, *, limit: int
    ) -> dict[str, Any]:
        """The answer to a question of anyone's own: `columns`, `rows`, whether it is `truncated`.

        Args:
            sql: one SELECT, in DuckDB's SQL.
            parameters: values of `$name`.
            limit: rows at most.

        Raises:
            QueryError: it is no question, the database refused it, or it took too long.
        """
        ...


class Coverage(TypedDict):
    """How much of everything the stored calls of a period are.

    Attributes:
        calls: model calls that are stored; None where it was not counted.
        counted: how many there were in all; None where that is not known.
        share: 0 to 1; None where that is not known.
        basis: what says so: `metrics` (which do not depend on sampling), or `threshold` (of
            sampling, in the spans' trace state).
        note: one sentence for people; None where there is nothing to say.
    """

    calls: int | None
    counted: float | None
    share: float | None
    basis: str | None
    note: str | None


@runtime_checkable
class Sampled(Protocol):
    """An engine whose spans may be a sample."""

    def coverage(self, period: Period) -> Coverage:
        """How much of everything its calls are.

        Raises:
            QueryError: the database refused it.
        """
        ...


def coverage(engine: Engine, period: Period) -> Coverage:
    """How much of everything the calls of a period are; of an engine that was sent everything, all.

    Raises:
        QueryError: the database refused it.
    """
    if isinstance(engine, Sampled):
        return engine.coverage(period)
    return Coverage(calls=None, counted=None, share=None, basis=None, note=None)
