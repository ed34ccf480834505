"""`otel-claude report --format html` as a file that somebody opens."""

from __future__ import annotations

import time

import pytest

from otel_claude.cli.reports import answers, render, sections
from otel_claude.local.queries import Filters, Period


@pytest.fixture(params=["report", "weekly"])
def report(request, site, tmp_path):
    """The file, and what was answered."""
    now = time.time_ns()
    if request.param == "report":
        found = answers.report(site.backend.store, Period.last(hours=168, now=now), Filters())
        made = sections.report(found)
    else:
        found = answers.weekly(site.backend.store, now, Filters())
        made = sections.weekly(found)
    file = tmp_path / "report.html"
    file.write_text(render.html("Claude calls", made), encoding="utf-8")
    return file, made


@pytest.mark.parametrize(("width", "scheme"), [(1100, "light"), (390, "dark")])
def test_it_looks_right(report, open_page, pictures, width, scheme):
    file, made = report
    viewport = {"width": width, "height": 900}
    page = open_page(file.as_uri(), viewport=viewport, color_scheme=scheme)
    charts = [section.bars for section in made if section.bars]
    assert charts
    drawn = page.locator(".js-plotly-plot")
    drawn.nth(len(charts) - 1).locator(".bars path").first.wait_for()
    for number, bars in enumerate(charts):
        assert drawn.nth(number).locator(".bars path").count() == len(bars.values)
        box = drawn.nth(number).bounding_box()
        assert box["x"] + box["width"] <= width
    # Tables that are too wide for a phone scroll; the page does not.
    inside = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert page.evaluate(inside)
    assert page.locator("h2").all_inner_texts() == [section.title for section in made]
    assert page.locator("td", has_text="$").count() > 10
    page.screenshot(path=pictures / f"report-{len(made)}-{scheme}.png", full_page=True)
