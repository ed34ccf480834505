"""Writes the README's tables of spans, metrics and settings from the code that defines them.

python tools/readme_tables.py          # rewrite README.md
python tools/readme_tables.py --check  # exit 1 where it differs
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from otel_claude import semconv
from otel_claude.local.columns import CALLS
from otel_claude.settings import OPTIONS, PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

README = Path(__file__).parents[1] / "README.md"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def span_table() -> str:
    """One row per attribute of the span of a call."""
    return _table(
        ("attribute", "type", "what it is", "strict"),
        (
            (f"`{a.name}`", a.type, a.note, "yes" if a.registry else "")
            for a in semconv.SPAN_ATTRIBUTES
        ),
    )


def metric_table() -> str:
    """One row per metric."""
    own = {semconv.OPERATION_NAME, semconv.PROVIDER_NAME, semconv.REQUEST_MODEL}
    own |= {semconv.RESPONSE_MODEL, semconv.SERVER_ADDRESS, semconv.SERVER_PORT}

    def labels(metric: semconv.Metric) -> str:
        if own <= set(metric.attributes):
            return ", ".join(["M", *(f"`{a}`" for a in metric.attributes if a not in own)])
        return ", ".join(f"`{a}`" for a in metric.attributes)

    return _table(
        ("metric", "kind", "unit", "what it is", "labels", "set"),
        (
            (f"`{m.name}`", m.instrument, f"`{m.unit}`", m.note, labels(m), m.generation or "ours")
            for m in semconv.METRICS.values()
        ),
    )


def settings_table() -> str:
    """One row per setting."""
    return _table(
        ("setting", "environment", "takes", "default", "what it does"),
        (
            (
                f"`{name}`",
                f"`{PREFIX}{name.upper()}`",
                option.takes,
                "" if option.default in (None, ()) else f"`{_shown(option.default)}`",
                option.note,
            )
            for name, option in OPTIONS.items()
        ),
    )


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def columns_table() -> str:
    """One row per column of the embedded backend's table of calls."""
    more = (
        ("`tags`", "MAP(VARCHAR, VARCHAR)", "tags: `tags['plan']`", f"`{semconv.TAG_PREFIX}<key>`"),
        ("`attributes`", "VARCHAR", "JSON: attributes of the span without a column", ""),
        ("`resource`", "VARCHAR", "JSON: attributes of the process", ""),
    )
    rows = (
        (f"`{c.name}`", c.kind, c.note, f"`{c.attribute}`" if c.attribute else "") for c in CALLS
    )
    return _table(("column", "type", "what it is", "attribute"), (*rows, *more))


TABLES = {"spans": span_table, "metrics": metric_table, "settings": settings_table}
PAGES = {README: TABLES, README.parent / "docs" / "local.md": {"columns": columns_table}}


def with_tables(text: str, tables: Mapping[str, Callable[[], str]] = TABLES) -> str:
    """A text with every table between its markers made anew."""
    for name, make in tables.items():
        start, end = f"<!-- {name}: made by tools/readme_tables.py -->", f"<!-- end of {name} -->"
        before, _, rest = text.partition(start)
        _, found, after = rest.partition(end)
        if not found:
            raise SystemExit(f"there are no markers for the table of {name}")
        text = f"{before}{start}\n{make()}\n{end}{after}"
    return text


def main() -> None:
    """Rewrite the pages, or check them."""
    wrong = False
    for page, tables in PAGES.items():
        old = page.read_text(encoding="utf-8")
        new = with_tables(old, tables)
        wrong |= old != new
        if "--check" not in sys.argv:
            page.write_text(new, encoding="utf-8")
    raise SystemExit(int(wrong and "--check" in sys.argv))


if __name__ == "__main__":
    main()
