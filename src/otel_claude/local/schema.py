"""Tables of the store, and how an older file becomes a newer one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_claude.local.columns import CALLS, Column

if TYPE_CHECKING:
    import duckdb

_COLUMNS: Final = ",\n    ".join(f"{column.name} {column.kind}" for column in CALLS)

_FIRST: Final = f"""
CREATE TABLE calls (
    {_COLUMNS},
    tags MAP(VARCHAR, VARCHAR),
    attributes VARCHAR,
    resource VARCHAR
);
CREATE TABLE spans (
    start_ns BIGINT, received_ns BIGINT, duration DOUBLE,
    trace_id VARCHAR, span_id VARCHAR, parent_id VARCHAR,
    name VARCHAR, kind VARCHAR, status VARCHAR, scope VARCHAR, service VARCHAR,
    attributes VARCHAR, resource VARCHAR
);
CREATE TABLE events (
    time_ns BIGINT, received_ns BIGINT, event_id VARCHAR,
    name VARCHAR, severity VARCHAR, trace_id VARCHAR, span_id VARCHAR,
    scope VARCHAR, service VARCHAR, body VARCHAR, attributes VARCHAR
);
CREATE TABLE budget_points (
    time_ns BIGINT, start_ns BIGINT, received_ns BIGINT,
    point_id VARCHAR, metric VARCHAR, kind VARCHAR, delta BOOLEAN, value DOUBLE,
    budget VARCHAR, budget_scope VARCHAR, budget_window VARCHAR, unit VARCHAR,
    series VARCHAR, service VARCHAR, attributes VARCHAR
);
CREATE TABLE evaluations (
    time_ns BIGINT, received_ns BIGINT, event_id VARCHAR,
    name VARCHAR, score DOUBLE, label VARCHAR, explanation VARCHAR, error_type VARCHAR,
    trace_id VARCHAR, span_id VARCHAR, response_id VARCHAR, service VARCHAR, attributes VARCHAR
);
"""

MIGRATIONS: Final[tuple[str, ...]] = (_FIRST,)
"""Step n takes a file of version n - 1 to version n. Steps are never changed once released."""


class NewerSchemaError(Exception):
    """The file was written by a newer otel-claude."""


def migrate(connection: duckdb.DuckDBPyConnection) -> None:
    """Bring a file to the newest version, each step in a transaction of its own.

    Raises:
        NewerSchemaError: a newer otel-claude wrote it.
    """
    connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER)")
    version = _version(connection)
    for number, step in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.execute("BEGIN")
        try:
            connection.execute(step)
            connection.execute("INSERT INTO schema_version VALUES (?)", [number])
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    _add_columns(connection)


def is_older(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a file has to be brought to the newest version before it can be asked.

    Raises:
        NewerSchemaError: a newer otel-claude wrote it.
    """
    names = {row[0] for row in connection.execute("SHOW TABLES").fetchall()}
    return "schema_version" not in names or (
        _version(connection) < len(MIGRATIONS) or bool(_missing(connection))
    )


def _version(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    version = 0 if row is None or row[0] is None else int(row[0])
    if version > len(MIGRATIONS):
        raise NewerSchemaError(
            f"the file has schema version {version}, this otel-claude knows {len(MIGRATIONS)}: "
            "upgrade otel-claude"
        )
    return version


def _missing(connection: duckdb.DuckDBPyConnection) -> list[Column]:
    there = {row[0] for row in connection.execute("DESCRIBE calls").fetchall()}
    return [column for column in CALLS if column.name not in there]


def _add_columns(connection: duckdb.DuckDBPyConnection) -> None:
    """A column that `CALLS` gained since the file was made is added; older calls have it empty."""
    for column in _missing(connection):
        connection.execute(f"ALTER TABLE calls ADD COLUMN {column.name} {column.kind}")
