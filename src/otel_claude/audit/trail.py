"""Reads audit records back from where a collector stored them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otel_claude import semconv
from otel_claude._otlp_json import attributes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Record = dict[str, Any]


class TrailError(ValueError):
    """A file that holds no audit trail; the message says where and why."""


def read(paths: Iterable[str | Path]) -> Iterator[Record]:
    """The records in files, in the order in which they stand there.

    Args:
        paths: files of OTLP in JSON, one export request a line, as the file exporter of the
            OpenTelemetry Collector writes them; or of plain records, one JSON object a line.

    Raises:
        TrailError: a file cannot be read, or a line is neither.
    """
    for path in paths:
        try:
            with Path(path).open(encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    if line.strip():
                        yield from _records(line, f"line {number} of {path}")
        except (OSError, UnicodeDecodeError) as problem:
            raise TrailError(f"{path} cannot be read: {problem}") from None


def _records(line: str, where: str) -> Iterator[Record]:
    try:
        said = json.loads(line)
    except ValueError:
        raise TrailError(f"{where} is no JSON") from None
    if not isinstance(said, dict):
        raise TrailError(f"{where} is no JSON object")
    if semconv.AUDIT_CHAIN in said:
        yield said
        return
    if not any(key in said for key in ("resourceLogs", "resourceSpans", "resourceMetrics")):
        raise TrailError(f"{where} is neither OTLP nor an audit record")
    for group in said.get("resourceLogs") or ():
        for scoped in group.get("scopeLogs") or ():
            for record in scoped.get("logRecords") or ():
                found = attributes(record.get("attributes"))
                name = record.get("eventName") or found.get(semconv.EVENT_NAME)
                if name == semconv.EVENT_AUDIT or semconv.AUDIT_CHAIN in found:
                    yield found
