"""Questions of one's own: any query, read only, of bounded time and size."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import duckdb

from otel_claude.local.engine import QueryError
from otel_claude.local.store import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_claude.local.store import Store

SECONDS: Final = 20.0
_ALLOWED: Final = (
    duckdb.StatementType.SELECT,
    duckdb.StatementType.EXPLAIN,
)
_LONGEST: Final = 100_000  # characters of a query


def query(
    store: Store,
    sql: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    limit: int,
    seconds: float = SECONDS,
) -> dict[str, Any]:
    """Columns and rows of one SELECT (or EXPLAIN); nothing can be changed by it.

    Args:
        store: where to ask.
        sql: one statement, in DuckDB's SQL.
        parameters: values of `$name`.
        limit: rows at most.
        seconds: after which it is given up.

    Raises:
        QueryError: it is another statement, the database refused it, or it took too long.
    """
    with store.cursor() as cursor:
        statement = _only(cursor, sql)
        timer = threading.Timer(seconds, cursor.interrupt)
        timer.daemon = True
        try:
            # The kind of statement is checked above; this holds whatever it does.
            cursor.execute("BEGIN TRANSACTION READ ONLY")
            timer.start()
            cursor.execute(statement, dict(parameters) if parameters else None)
            names = [column[0] for column in cursor.description or ()]
            found = cursor.fetchmany(limit + 1)
        except duckdb.InterruptException as error:
            raise QueryError(f"given up after {seconds:g} seconds") from error
        except duckdb.Error as error:
            raise QueryError(str(error)) from error
        finally:
            timer.cancel()
    return {
        "columns": names,
        "rows": [[plain(value) for value in row] for row in found[:limit]],
        "truncated": len(found) > limit,
    }


def _only(cursor: duckdb.DuckDBPyConnection, sql: str) -> Any:
    if len(sql) > _LONGEST:
        raise QueryError(f"the query is longer than {_LONGEST} characters")
    try:
        statements = cursor.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryError(str(error)) from error
    if len(statements) != 1:
        raise QueryError("give one statement")
    if statements[0].type not in _ALLOWED:
        raise QueryError("only questions are answered here: SELECT, WITH, FROM, EXPLAIN")
    return statements[0]
