"""Exports: what is shown, as CSV, JSON or Parquet, page by page so that memory stays bounded."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from otel_claude.local.columns import CALLS, CONTENT
from otel_claude.local.queries import calls, errors, latency, summary, usage

if TYPE_CHECKING:
    from otel_claude.local.ask import AskExport
    from otel_claude.local.engine import Engine, Row

_CHUNK: Final = 1 << 20  # bytes

MEDIA: Final = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}

_COLUMNS: Final = tuple(column for column in CALLS if column.name not in CONTENT)
_KINDS: Final = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
}
_CALL_SCHEMA: Final = pa.schema(
    [(column.name, _KINDS.get(column.kind, pa.float64())) for column in _COLUMNS]
    + [("tags", pa.string()), ("attributes", pa.string())]
)


def export(engine: Engine, ask: AskExport) -> Iterator[bytes]:
    """The bytes of an export.

    Content of calls is never in it: it is on their pages.
    """
    if ask.what == "calls":
        pages, schema = _calls(engine, ask), _CALL_SCHEMA
    else:
        rows = [_flat(row) for row in _TABLES[ask.what](engine, ask)]
        pages, schema = iter([rows]), _schema_of(rows)
    return _WRITERS[ask.format](pages, schema)


def _calls(engine: Engine, ask: AskExport) -> Iterator[list[Row]]:
    for rows in calls.pages(engine, ask.period, ask.filters, limit=ask.limit):
        for row in rows:
            row["tags"] = json.dumps(row["tags"]) if row["tags"] else None
        yield rows


_Table = Callable[["Engine", "AskExport"], list[dict[str, Any]]]
_TABLES: Final[Mapping[str, _Table]] = {
    "costs": lambda e, a: summary.costs(e, a.period, a.filters, by=a.by, limit=a.limit)["rows"],
    "timeseries": lambda e, a: summary.timeseries(e, a.period, a.filters)["points"],
    "daily": lambda e, a: usage.tokens_daily(e, a.period, a.filters),
    "latency": lambda e, a: latency.latency(e, a.period, a.filters, by=a.by)["groups"],
    "errors": lambda e, a: errors.errors(e, a.period, a.filters)["by_category"],
    "usage": lambda e, a: usage.usage(e, a.period, a.filters, limit=a.limit)["by_user"],
}


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values as columns: `duration.p50` becomes `duration_p50`."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat.update((f"{name}_{inner}", found) for inner, found in _flat(value).items())
        else:
            flat[name] = value
    return flat


def _schema_of(rows: list[dict[str, Any]]) -> pa.Schema:
    return pa.Table.from_pylist(rows).schema if rows else pa.schema([])


def _as_csv(pages: Iterator[list[Row]], schema: pa.Schema) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(schema.names)
    for page in pages:
        for row in page:
            writer.writerow([_harmless(row.get(name)) for name in schema.names])
        yield text.getvalue().encode("utf-8", "replace")
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()


def _harmless(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula, as a text."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value


def _as_json(pages: Iterator[list[Row]], _schema: pa.Schema) -> Iterator[bytes]:
    before = "["
    for page in pages:
        lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in page)
        if lines:
            yield (before + lines).encode("utf-8", "replace")
            before = ",\n"
    yield b"[]\n" if before == "[" else b"]\n"


def _as_parquet(pages: Iterator[list[Row]], schema: pa.Schema) -> Iterator[bytes]:
    with TemporaryFile() as file:
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for page in pages:
                writer.write_table(pa.Table.from_pylist(page, schema))
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk


_WRITERS: Final = {"csv": _as_csv, "json": _as_json, "parquet": _as_parquet}
