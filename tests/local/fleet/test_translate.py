"""Questions put into ClickHouse's words; that they mean the same, tests/e2e/fleet shows."""

from __future__ import annotations

import re

import pytest

from otel_claude.local.engine import QueryError
from otel_claude.local.fleet.tables import TABLES
from otel_claude.local.fleet.translate import translate
from otel_claude.local.rows import SCHEMAS

BASES = {table.base: frozenset({"EventName"}) for tables in TABLES.values() for table in tables}
DAY = 86_400 * 10**9


def said(sql, bases=None, limit=None, **parameters):
    return translate(sql, parameters, BASES if bases is None else bases, limit=limit)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_column_of_every_table_is_there(name):
    for table in TABLES[name]:
        assert set(table.columns) == set(SCHEMAS[name].names)
    text = said(f"SELECT * FROM {name}")
    for column in SCHEMAS[name].names:
        assert f" AS {column}" in text


def test_only_what_is_asked_for_is_read():
    text = said("SELECT sum(cost) AS usd FROM calls WHERE model = $m", m="x")
    assert "claude.cost.total" in text
    assert "gen_ai.request.model" in text
    assert "user.id" not in text
    assert "{m: String}" in text


@pytest.mark.parametrize(
    ("condition", "bounds"),
    [
        ("start_ns >= $a AND start_ns < $b", {">=": "{a: Int64}", "<=": "{b: Int64}"}),
        (
            "$a <= start_ns AND model = 'x' AND $b > start_ns",
            {">=": "{a: Int64}", "<=": "{b: Int64}"},
        ),
        ("(start_ns >= $a AND start_ns < $b) AND TRUE", {">=": "{a: Int64}", "<=": "{b: Int64}"}),
        ("start_ns BETWEEN $a AND $b", {}),
        ("start_ns >= $a OR start_ns < $b", {}),
        ("start_ns + 5 >= $a AND start_ns < max_tokens AND $b > 0", {}),
    ],
)
def test_days_are_bounded_where_that_is_sure(condition, bounds):
    text = said(f"SELECT count(*) AS n FROM calls WHERE {condition}", a=0, b=DAY)
    inner = text[text.index("otel_traces WHERE") :]
    found = re.findall(r"Timestamp (>=|<=) toDateTime\(intDiv\(least\(greatest\((.*?), 0\)", inner)
    assert dict(found) == bounds


def test_each_part_of_a_question_has_its_own_bounds():
    text = said(
        "SELECT count(*) AS n FROM calls AS a LEFT JOIN "
        "(SELECT span_id FROM calls WHERE start_ns < $b) AS c ON a.span_id = c.span_id "
        "WHERE a.start_ns >= $a", a=1, b=2,
    )  # fmt: skip
    assert len(re.findall(r"Timestamp >= \S+ ?.*?\{a: Int64\}", text)) == 1
    assert len(re.findall(r"Timestamp <= \S+ ?.*?\{b: Int64\}", text)) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM calls",
        "INSERT INTO calls SELECT * FROM calls",
        "CREATE TABLE x AS SELECT * FROM calls",
        "SET x = 1",
        "SELECT 1 AS a; SELECT 2 AS b",
        "",
        "SELECT",
        "SELECT * FROM system.tables",
        "SELECT * FROM system.calls",
        "SELECT * FROM secrets",
        "SELECT * FROM url('http://x', 'CSV')",
        "SELECT * FROM remote('x', 'y')",
        "SELECT count(*) AS n FROM calls, numbers(10)",
        "SELECT hostName() AS h",
        "SELECT dictGet('d', 'a', 1) AS h FROM calls",
        "SELECT nothing FROM calls",
        "SELECT $unknown AS x",
        "WITH calls2 AS (SELECT * FROM secrets) SELECT * FROM calls2",
        "SELECT (SELECT count(*) FROM secrets) AS n FROM calls",
        "SELECT model FROM calls WHERE model IN (SELECT name FROM system.users)",
        "SELECT x INTO OUTFILE 'f' FROM calls",
        "SELECT count(*) AS n FROM calls -- " + "x" * 100_000,
    ],
)
def test_anything_else_is_refused(sql):
    with pytest.raises(QueryError) as caught:
        said(sql)
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_values_are_never_part_of_the_text():
    text = said("SELECT count(*) AS n FROM calls WHERE user_id = $u", u="'; DROP TABLE x; --")
    assert "DROP" not in text
    assert "NULL IS NULL" in said("SELECT $u IS NULL AS n FROM calls", u=None)
    with pytest.raises(QueryError, match=r"\$u must be"):
        said("SELECT $u AS u FROM calls", u=["a"])


def test_texts_in_a_question_stay_texts():
    text = said(r"SELECT count(*) AS n FROM calls WHERE user_id = 'a''b\' OR user_id = ') OR 1=1'")
    assert r"'a''b\\' OR" in text


@pytest.mark.parametrize(
    ("sql", "end"),
    [
        ("SELECT model FROM calls", "LIMIT 10"),
        ("SELECT model FROM calls LIMIT 3", "LIMIT 3"),
        ("SELECT model FROM calls LIMIT 300", "LIMIT 10"),
        ("SELECT model FROM calls UNION ALL SELECT name FROM spans LIMIT 300", "LIMIT 10"),
    ],
)
def test_rows_are_bounded(sql, end):
    assert said(sql, limit=10).endswith(end)


def test_what_comes_after_a_union_is_about_all_of_it():
    text = said("SELECT model FROM calls UNION ALL SELECT name AS model FROM spans ORDER BY model")
    assert text.endswith(") AS united ORDER BY model")


def test_a_table_that_nobody_wrote_is_empty():
    text = said("SELECT name, score FROM evaluations", bases={"otel_traces": frozenset()})
    assert "FROM system.one WHERE 0" in text
    assert "otel_logs" not in text
