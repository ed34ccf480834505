"""Calls of an embedded backend's file or of ClickHouse, as the lines that `reconcile` reads."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from otel_claude.cli.extras import LOCAL, need
from otel_claude.local.engine import is_clickhouse
from otel_claude.reconcile import CannotCompareError
from otel_claude.reconcile.otlp import fields_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from otel_claude.local.queries import Period

_MAGIC = slice(8, 12)


def is_store(source: str) -> bool:
    """Whether it is an address of ClickHouse, or a file of DuckDB: its header says so.

    Raises:
        OSError: it cannot be read.
    """
    if is_clickhouse(source):
        return True
    with Path(source).open("rb") as file:
        return file.read(_MAGIC.stop)[_MAGIC] == b"DUCK"


def lines_of(source: str, days: tuple[date, date] | None = None) -> Iterator[str]:
    """One JSON line for each call, whoever has the file open.

    Args:
        source: a file, or an address of ClickHouse.
        days: first and last day, UTC, of what is needed; what is around them may come too.

    Raises:
        CannotCompareError: it cannot be used, or its server does not answer.
    """
    need("reconcile", LOCAL)
    from otel_claude.local.address import engine_of
    from otel_claude.local.engine import QueryError
    from otel_claude.local.queries import Filters
    from otel_claude.local.queries.calls import attributes_of, pages
    from otel_claude.local.store import StoreError

    try:
        with engine_of(source) as engine:
            for page in pages(engine, _period(days), Filters()):
                for row in page:
                    id_ = f"{row['trace_id']}/{row['span_id']}"
                    fields = fields_of(row["start_ns"], id_, attributes_of(row))
                    yield json.dumps(fields, default=str)
    except (QueryError, StoreError) as error:
        raise CannotCompareError(str(error)) from error


def _period(days: tuple[date, date] | None) -> Period:
    """Those days with one on either side, or everything: which days count is said elsewhere."""
    from otel_claude.local.queries import Period
    from otel_claude.local.queries.period import DAY

    if days is None:
        return Period(0, 2**63 - 1)
    start, end = (datetime.combine(day, datetime.min.time(), timezone.utc) for day in days)
    return Period(
        _nanoseconds(start - timedelta(days=1)), _nanoseconds(end + timedelta(days=1)) + DAY
    )


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 10**9
