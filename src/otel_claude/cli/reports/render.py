"""Sections as tables on the terminal, Markdown and HTML. Names come from calls: all is escaped."""

from __future__ import annotations

import re
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Final

from rich import box
from rich.console import Console
from rich.table import Table

from otel_claude.cli.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_claude.cli.reports.section import Bars, Section

_MARKS: Final = re.compile(r"([\\`*_{}\[\]<>#|~$])")
# On light and on dark.
_COLOR, _GREY, _LINES = "#3b7dd8", "#808080", "#80808055"
_HEIGHT: Final = 220  # pixels
_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin: 2rem 0 .5rem; } p { margin: .3rem 0; }
div { overflow-x: auto; } table { border-collapse: collapse; margin: .7rem 0; }
th, td { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8885; text-align: right; }
th, td { vertical-align: top; font-variant-numeric: tabular-nums; }
.text { text-align: left; }
"""


def text(title: str, sections: Sequence[Section], *, width: int | None, color: bool) -> str:
    """Tables as on the terminal.

    Args:
        title: of the whole.
        sections: what to show.
        width: columns; None for those of the terminal.
        color: whether headings stand out by escape sequences.
    """
    out = StringIO()
    console = Console(file=out, width=width, force_terminal=color, highlight=False)
    console.print(plain(title), style="bold underline")
    for section in sections:
        console.print()
        console.print(plain(section.title), style="bold")
        for line in section.told:
            console.print(plain(line))
        if section.columns:
            console.print(_table(section))
    return out.getvalue()


def _table(section: Section) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for place, name in enumerate(section.columns):
        justify = "left" if section.is_text(place) else "right"
        table.add_column(plain(name), justify=justify, overflow="fold")  # type: ignore[arg-type] # two of its words
    for row in section.rows:
        table.add_row(*(plain(cell) for cell in row))
    return table


def markdown(title: str, sections: Sequence[Section]) -> str:
    """GitHub's Markdown."""
    lines = [f"# {_plain(title)}"]
    for section in sections:
        lines += ["", f"## {_plain(section.title)}"]
        if section.told:
            lines += ["", "  \n".join(map(_plain, section.told))]
        if section.columns:
            rule = (
                ":---" if section.is_text(place) else "---:"
                for place in range(len(section.columns))
            )
            lines += ["", _line(map(_plain, section.columns)), _line(rule)]
            lines += [_line(map(_plain, row)) for row in section.rows]
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(value: str) -> str:
    """A text that means nothing to Markdown, on one line."""
    return _MARKS.sub(r"\\\1", " ".join(value.split()))


def html(title: str, sections: Sequence[Section]) -> str:
    """A page of its own, with nothing from elsewhere: the library that draws is in it."""
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>{_library(sections)}</head>"
        f"<body>\n<h1>{escape(title)}</h1>"
    ]
    for section in sections:
        parts.append(f"<h2>{escape(section.title)}</h2>")
        parts += [f"<p>{escape(line)}</p>" for line in section.lines]
        if section.bars is not None:
            parts.append(_chart(section.bars))
        if section.columns:
            rows = [
                _row(section, section.columns, "th"),
                *(_row(section, r, "td") for r in section.rows),
            ]
            parts.append("<div><table>\n" + "\n".join(rows) + "\n</table></div>")
    return "\n".join((*parts, "</body></html>\n"))


def _library(sections: Sequence[Section]) -> str:
    if all(section.bars is None for section in sections):
        return ""
    from plotly.offline import get_plotlyjs

    return f"<script>{get_plotlyjs()}</script>"


def _chart(bars: Bars) -> str:
    from plotly.graph_objects import Bar, Figure

    figure = Figure(Bar(x=bars.labels, y=bars.values, marker_color=_COLOR))
    figure.update_layout(
        title={"text": bars.title, "font": {"size": 13}},
        height=_HEIGHT,
        margin={"l": 60, "r": 25, "t": 40, "b": 30},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": _GREY, "family": "system-ui, sans-serif"},
        yaxis={"tickprefix": "$", "rangemode": "tozero", "gridcolor": _LINES},
    )
    config = {"displayModeBar": False, "responsive": True}
    chart: str = figure.to_html(full_html=False, include_plotlyjs=False, config=config)
    return chart


def _row(section: Section, cells: Sequence[str], tag: str) -> str:
    told = (
        f'<{tag} class="text">{escape(cell)}</{tag}>'
        if section.is_text(place)
        else f"<{tag}>{escape(cell)}</{tag}>"
        for place, cell in enumerate(cells)
    )
    return f"<tr>{''.join(told)}</tr>"
