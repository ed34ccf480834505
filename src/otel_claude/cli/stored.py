"""Calls of an embedded backend's file, as the lines that `reconcile` reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from otel_claude.cli.extras import LOCAL, need
from otel_claude.reconcile import CannotCompareError
from otel_claude.reconcile.otlp import fields_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAGIC = slice(8, 12)


def is_store(path: Path) -> bool:
    """Whether a file is one of DuckDB: its header says so.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return file.read(_MAGIC.stop)[_MAGIC] == b"DUCK"


def lines_of(path: Path) -> Iterator[str]:
    """One JSON line for each call, whoever has the file open.

    Raises:
        CannotCompareError: it cannot be used, or its server does not answer.
    """
    need("reconcile", LOCAL)
    from otel_claude.local.address import engine_of
    from otel_claude.local.engine import QueryError
    from otel_claude.local.queries import Filters, Period
    from otel_claude.local.queries.calls import attributes_of, pages
    from otel_claude.local.store import StoreError

    try:
        with engine_of(str(path)) as engine:
            # Everything: the bill's days are chosen by who reads the lines.
            for page in pages(engine, Period(0, 2**63 - 1), Filters()):
                for row in page:
                    id_ = f"{row['trace_id']}/{row['span_id']}"
                    fields = fields_of(row["start_ns"], id_, attributes_of(row))
                    yield json.dumps(fields, default=str)
    except (QueryError, StoreError) as error:
        raise CannotCompareError(str(error)) from error
