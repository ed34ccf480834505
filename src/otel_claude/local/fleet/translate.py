"""Questions in DuckDB's SQL over the tables of `schema.py`, in ClickHouse's over the exporter's.

sqlglot knows both dialects. What is done here besides: our tables become subqueries over the
exporter's, which read no column and no day that is not asked for; and a few functions are put into
words that mean exactly the same.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope

from otel_claude.local.engine import QueryError
from otel_claude.local.fleet.tables import TABLES, Table
from otel_claude.local.rows import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

_DUCKDB: Final = "duckdb"
_CLICKHOUSE: Final = "clickhouse"
_LONGEST: Final = 100_000  # characters of a query
_NO_QUESTIONS: Final = (exp.Insert, exp.Update, exp.Delete, exp.Create, exp.Command, exp.Into)
_MARKS: Final = re.compile(r"\x1b\[[0-9;]*m")
_KINDS: Final = {
    pa.string(): ("VARCHAR", "String"),
    pa.int64(): ("BIGINT", "Int64"),
    pa.float64(): ("DOUBLE", "Float64"),
    pa.bool_(): ("BOOLEAN", "Bool"),
}
_MAP: Final = ("MAP(VARCHAR, VARCHAR)", "Map(String, String)")
_TYPES: Final = {
    name: {column.name: _KINDS.get(column.type, _MAP) for column in schema}
    for name, schema in SCHEMAS.items()
}
_SCHEMA: Final[dict[str, object]] = {
    name: {column: kinds[0] for column, kinds in columns.items()}
    for name, columns in _TYPES.items()
}
_PARAMETERS: Final = {bool: "Bool", int: "Int64", float: "Float64", str: "String"}


def translate(
    sql: str,
    parameters: Mapping[str, Any],
    bases: Mapping[str, Collection[str]],
    *,
    limit: int | None = None,
) -> str:
    """A question in ClickHouse's SQL, with `{name: Type}` for its values.

    Args:
        sql: one SELECT, in DuckDB's SQL, over our tables, with `$name` for values.
        parameters: the values.
        bases: the tables of the exporter that there are -> their columns.
        limit: rows at most, if there is a bound.

    Raises:
        QueryError: it is something else, or has no meaning over these tables.
    """
    kinds = tuple((name, _kind(name, value)) for name, value in parameters.items())
    there = tuple((name, frozenset(columns)) for name, columns in bases.items())
    return _translated(sql, kinds, there, limit)


def _kind(name: str, value: Any) -> str | None:
    if value is None:
        return None
    kind = _PARAMETERS.get(type(value))
    if kind is None:
        raise QueryError(f"${name} must be a text, a number, true, false or null")
    return kind


@lru_cache(maxsize=512)
def _translated(
    sql: str,
    kinds: tuple[tuple[str, str | None], ...],
    bases: tuple[tuple[str, frozenset[str]], ...],
    limit: int | None,
) -> str:
    tree: Any = _parsed(sql)
    try:
        tree = qualify(
            tree,
            schema=_SCHEMA,
            dialect=_DUCKDB,
            identify=False,
            quote_identifiers=False,
        )
    except SqlglotError as error:
        raise QueryError(_why(error)) from error
    tree = _said_the_same(tree, dict(kinds))
    _read(tree, dict(bases))
    if limit is not None:
        tree = _limited(tree, limit)
    return str(tree.sql(_CLICKHOUSE))


def _parsed(sql: str) -> exp.Query:
    if len(sql) > _LONGEST:
        raise QueryError(f"the query is longer than {_LONGEST} characters")
    try:
        trees = [tree for tree in sqlglot.parse(sql, read=_DUCKDB) if tree is not None]
    except SqlglotError as error:
        raise QueryError(_why(error)) from error
    if len(trees) != 1:
        raise QueryError("give one statement")
    tree = trees[0]
    if not isinstance(tree, exp.Query) or not tree.selects or tree.find(*_NO_QUESTIONS):
        raise QueryError("only questions are answered here: SELECT, WITH, FROM")
    return tree


def _why(error: SqlglotError) -> str:
    """In one line, without the marks that are meant for a terminal."""
    return " ".join(_MARKS.sub("", str(error)).split())


def _limited(tree: Any, limit: int) -> Any:
    said = tree.args.get("limit")
    number = said.expression if isinstance(said, exp.Limit) else None
    if isinstance(number, exp.Literal) and not number.is_string and int(number.name) <= limit:
        return tree
    if said is not None:
        return exp.select("*").from_(tree.subquery("asked")).limit(limit)
    return tree.limit(limit)


# --- functions ---------------------------------------------------------------------------------


def _function(name: str, *arguments: Any) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _quantiles(node: Any) -> exp.Expression:
    """Interpolated as DuckDB does it: between the two values around it."""
    shares = node.expression
    if isinstance(shares, exp.Array):
        name, listed = "quantilesExactInclusive", shares.expressions
    else:
        name, listed = "quantileExactInclusive", [shares]
    return exp.ParameterizedAgg(this=name, expressions=listed, params=[node.this])


def _texts(node: Any) -> exp.Expression:
    """DuckDB joins anything, and passes over what is not there."""
    parts = [
        _function("ifNull", _function("toString", part), _empty()) for part in node.expressions
    ]
    return _function("concat", *parts)


def _empty() -> exp.Expression:
    return exp.Literal.string("")


def _entry(node: Any) -> exp.Expression:
    """An entry of a map; ClickHouse says an empty text, or 0, where there is none."""
    key = node.expressions[0]
    if not (isinstance(node.this, exp.Column) and node.this.name == "tags"):
        return node  # type: ignore[no-any-return] # it is one
    there = _function("mapContains", node.this.copy(), key.copy())
    return _function("if", there, node.copy(), exp.null())


_AFTER: Final = ("order", "limit", "offset")


def _ordered(node: Any) -> exp.Expression:
    """What comes after a UNION is about all of it; ClickHouse takes it for its last part's."""
    after = {name: node.args[name] for name in _AFTER if node.args.get(name) is not None}
    if not after:
        return node  # type: ignore[no-any-return] # it is one
    whole = node.copy()
    for name in _AFTER:
        whole.set(name, None)
    found = exp.select("*").from_(whole.subquery("united"))
    for name, said in after.items():
        found.set(name, said.copy())
    return found


def _epoch(node: Any) -> exp.Expression:
    moment = _function("toDateTime64", node.expressions[0], exp.Literal.number(9))
    return _function("toUnixTimestamp64Nano", moment)


_NAMED: Final[Mapping[str, Callable[[Any], exp.Expression]]] = {
    "EPOCH_NS": _epoch,
    "LAG": lambda node: node,
    "LEAD": lambda node: node,
}
_NODES: Final[Mapping[type[exp.Expression], Callable[[Any], exp.Expression]]] = {
    exp.PercentileCont: _quantiles,
    exp.Concat: _texts,
    exp.Bracket: _entry,
    exp.IntDiv: lambda node: _function("intDiv", node.this, node.expression),
    exp.MapKeys: lambda node: _function("mapKeys", node.this),
    exp.Union: _ordered,
    exp.Except: _ordered,
    exp.Intersect: _ordered,
}


def _said_the_same(tree: Any, kinds: Mapping[str, str | None]) -> Any:
    """A tree in which what ClickHouse says in other words is replaced, the innermost first."""
    for node in reversed(list(tree.walk())):
        made = _same(node, kinds)
        if node is tree:
            return made
        if made is not node:
            node.replace(made)
    return tree


def _same(node: Any, kinds: Mapping[str, str | None]) -> exp.Expression:
    """What means the same to ClickHouse."""
    if isinstance(node, exp.Placeholder | exp.Parameter):
        return _value(node.name, kinds)
    made = _NODES.get(type(node))
    if made is not None:
        return made(node)
    if type(node) is exp.Anonymous:
        named = _NAMED.get(node.name.upper())
        # A function that neither dialect is known to have could be any of the server's own.
        if named is None:
            raise QueryError(f"there is no function {node.name} here")
        return named(node)
    return node  # type: ignore[no-any-return] # it is one


def _value(name: str, kinds: Mapping[str, str | None]) -> exp.Expression:
    if name not in kinds:
        raise QueryError(f"there is no value for ${name}")
    kind = kinds[name]
    return exp.null() if kind is None else exp.Placeholder(this=name, kind=exp.var(kind))


# --- tables ------------------------------------------------------------------------------------


def _read(tree: Any, bases: Mapping[str, Collection[str]]) -> None:
    """Put subqueries over the exporter's tables in the places of ours."""
    ours: list[tuple[exp.Table, str]] = []
    for scope in traverse_scope(tree):
        for alias, source in scope.sources.items():
            if isinstance(source, exp.Table):
                ours.append((source, _subquery(scope, alias, source, bases)))
    for table, read in ours:
        table.set("this", exp.var(f"({read})"))
        table.set("db", None)
    read_from = {id(table) for table, _ in ours}
    named = {cte.alias for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if id(table) not in read_from and table.name not in named:
            raise _no_table(table)


def _no_table(table: exp.Table) -> QueryError:
    return QueryError(
        f"there is no table {table.name or table.sql(_DUCKDB)}; there are {', '.join(TABLES)}"
    )


def _subquery(
    scope: Scope, alias: str, source: exp.Table, bases: Mapping[str, Collection[str]]
) -> str:
    name = source.name
    if name not in TABLES or source.args.get("db") or source.args.get("joins"):
        raise _no_table(source)
    used = {column.name for column in scope.columns if column.table == alias}
    types = _TYPES[name]
    columns = [column for column in types if column in used] or [next(iter(types))]
    conditions = list(_conditions(scope, alias))
    found = []
    for table in TABLES[name]:
        if table.base not in bases:
            continue
        bounds = {table.where(*condition) for condition in conditions} - {None}
        found.append(_select(table, columns, sorted(map(str, bounds)), bases[table.base]))
    return " UNION ALL ".join(found) or _none(columns, types)


def _select(table: Table, columns: list[str], bounds: list[str], there: Collection[str]) -> str:
    listed = ", ".join(f"{table.columns[column]} AS {column}" for column in columns)
    base = table.base
    if table.lacks(there):
        base = f"(SELECT *, {table.lacks(there)} FROM {base})"
    where = " AND ".join((*bounds, table.condition))
    return f"SELECT {listed} FROM {base} WHERE {where} LIMIT 1 BY {table.once}"


def _none(columns: list[str], types: Mapping[str, tuple[str, str]]) -> str:
    """No rows, where the exporter has never written any."""
    listed = ", ".join(
        f"CAST(NULL AS Nullable({types[column][1]})) AS {column}" for column in columns
    )
    return f"SELECT {listed} FROM system.one WHERE 0"


def _parts(condition: Any) -> Iterator[Any]:
    """What all has to hold for a condition to hold."""
    whole = condition.unnest()
    if isinstance(whole, exp.And):
        yield from _parts(whole.left)
        yield from _parts(whole.right)
    else:
        yield whole


_COMPARISONS: Final[Mapping[type[exp.Expression], tuple[str, str]]] = {
    exp.EQ: ("=", "="),
    exp.GT: (">", "<"),
    exp.GTE: (">=", "<="),
    exp.LT: ("<", ">"),
    exp.LTE: ("<=", ">="),
}
"""Comparison -> its sign, and the one with its sides exchanged."""


def _conditions(scope: Scope, alias: str) -> list[tuple[str, str, str]]:
    """What has to hold of a table's rows: column, comparison, and what is the same for all rows."""
    where = scope.expression.args.get("where")
    if where is None:
        return []
    found = []
    for part in _parts(where.this):
        signs = _COMPARISONS.get(type(part))
        if signs is None:
            continue
        for column, value, sign in (
            (part.this, part.expression, signs[0]),
            (part.expression, part.this, signs[1]),
        ):
            own = isinstance(column, exp.Column) and column.table == alias
            if own and not value.find(exp.Column, exp.Query, exp.AggFunc, exp.Window):
                found.append((column.name, sign, value.sql(_CLICKHOUSE)))
    return found
