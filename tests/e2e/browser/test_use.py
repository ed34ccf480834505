"""What one does with the page: narrow down, look closer, take away, leave it open."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path
from urllib.parse import parse_qs

import pyarrow.parquet as pq
import pytest

from otel_claude import semconv
from otel_claude.cli import history
from tests.e2e.browser import made_up
from tests.e2e.browser.looks import PAGES, settled, tile

WEEK = 168


def query_of(page):
    """The query in the page's address."""
    return {key: values[0] for key, values in parse_qs(page.url.partition("?")[2]).items()}


def rows_of(page, panel="calls"):
    return page.locator(f"#panel-{panel} tbody tr")


def until(page, script, argument=None):
    """Wait for a condition in the page; `wait_for_function` is refused by the page's policy."""
    end = time.monotonic() + 60
    while not page.evaluate(script, argument):
        assert time.monotonic() < end, script
        page.wait_for_timeout(50)


def calls_shown(page):
    """The number in the title of the table of calls."""
    return int(page.locator("#panel-calls h2").inner_text().split()[0].replace(",", ""))


# --- filters -----------------------------------------------------------------------------------


def test_filter_narrows_every_figure_and_stays_in_the_address(site, open_page):
    page = open_page(f"{site.url}/#/calls?hours={WEEK}")
    settled(page)
    page.locator("#filter-model").select_option("claude-opus-5-5")
    page.locator(".chip").wait_for()
    settled(page)
    assert query_of(page) == {"hours": str(WEEK), "model": "claude-opus-5-5"}
    expected = site.ask("calls", hours=WEEK, model="claude-opus-5-5")["total"]
    assert calls_shown(page) == expected < site.ask("calls", hours=WEEK)["total"]
    assert {row.locator("td").first.inner_text() for row in rows_of(page).all()} == {
        "claude-opus-5-5"
    }

    page.reload()
    settled(page)
    assert page.locator("#filter-model").input_value() == "claude-opus-5-5"
    page.get_by_role("link", name="Overview").click()
    settled(page)
    assert query_of(page)["model"] == "claude-opus-5-5"
    assert tile(page, "Calls").replace(",", "") == str(expected)

    page.get_by_role("button", name="Remove Model").click()
    page.locator(".chip").wait_for(state="detached")
    assert "model" not in query_of(page)


@pytest.mark.parametrize("kind", ["Slow", "Expensive", "Failed", "Truncated", "Retried"])
def test_kinds_of_calls(site, open_page, kind):
    page = open_page(f"{site.url}/#/calls?hours={WEEK}")
    settled(page)
    button = page.get_by_role("button", name=kind)
    button.click()
    page.locator(f"button[aria-pressed=true]:text-is('{kind}')").wait_for()
    expected = site.ask("calls", hours=WEEK, show=kind.lower())["total"]
    until(
        page,
        "n => document.querySelector('#panel-calls h2').textContent.startsWith(`${n} `)",
        f"{expected:,}",
    )
    assert 0 < expected < site.ask("calls", hours=WEEK)["total"]
    button.click()
    page.locator("button[aria-pressed=true]").wait_for(state="detached")


def test_calls_are_sorted_and_paged_by_the_server(site, open_page):
    page = open_page(f"{site.url}/#/calls?hours={WEEK}")
    settled(page)
    page.get_by_role("button", name="Duration").click()
    page.locator("th[aria-sort=descending]:has-text('Duration')").wait_for()
    slowest = site.ask("calls", hours=WEEK, sort="duration", limit=30)["calls"]
    first = rows_of(page).first.locator("a")
    assert slowest[0]["id"] in first.get_attribute("href")
    page.get_by_role("button", name="Next").click()
    page.get_by_text("Page 2 of").wait_for()
    assert slowest[25]["id"] in first.get_attribute("href")
    page.get_by_role("button", name="Duration").click()
    page.locator("th[aria-sort=ascending]").wait_for()
    assert "offset" not in query_of(page)  # another order begins at its first page


# --- time range --------------------------------------------------------------------------------


def test_time_range(site, open_page):
    page = open_page(f"{site.url}/#/overview")
    settled(page)
    assert page.locator("input[name=range]:checked").get_attribute("value") == "24"
    for hours, name in (("720", "30d"), ("6", "6h")):
        page.get_by_text(name, exact=True).click()
        page.locator(f"input[value='{hours}']:checked").wait_for()
        settled(page)
        assert query_of(page) == {"hours": hours}
    page.go_back()
    settled(page)
    assert query_of(page) == {"hours": "720"}
    calls = site.ask("summary", hours=720)["totals"]["calls"]
    assert tile(page, "Calls").replace(",", "") == str(calls)


def test_dragging_over_a_chart_looks_closer(site, open_page):
    page = open_page(f"{site.url}/#/overview?hours={WEEK}")
    settled(page)
    box = page.locator("#panel-calls .chart .nsewdrag").first.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.4, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, y, steps=8)
    page.mouse.up()
    page.locator(".chip").wait_for()
    settled(page)
    asked = query_of(page)
    found = site.ask("summary", **{"from": asked["from"], "to": asked["to"]})
    assert 0 < found["totals"]["calls"] < site.ask("summary", hours=WEEK)["totals"]["calls"]
    assert tile(page, "Calls").replace(",", "") == str(found["totals"]["calls"])
    assert page.locator("input[name=range]:checked").count() == 0


# --- from a chart to a call --------------------------------------------------------------------


def test_from_a_chart_to_a_call(site, open_page):
    page = open_page(f"{site.url}/#/cost?hours={WEEK}")
    settled(page)
    # The highest bar is the easiest to hit, as it is for a hand.
    bars = page.locator("#panel-over-time .points path")
    sizes = [(bar.bounding_box() or {"height": 0})["height"] for bar in bars.all()]
    hit = bars.nth(sizes.index(max(sizes))).bounding_box()
    page.mouse.click(hit["x"] + hit["width"] / 2, hit["y"] + hit["height"] / 2)
    page.locator("#panel-calls tbody tr").first.wait_for()
    asked = query_of(page)
    assert {"from", "to", "model"} <= asked.keys()
    expected = site.ask("calls", **asked)
    assert calls_shown(page) == expected["total"] > 0

    rows_of(page).first.click()
    page.locator("#panel-attributes").wait_for()
    call = expected["calls"][0]
    assert call["id"] in page.url
    assert call["trace_id"] in page.locator("#panel-attributes .panel-note").inner_text()
    page.get_by_role("link", name="Calls", exact=True).wait_for()
    page.go_back()
    page.locator("#panel-calls tbody tr").first.wait_for()
    assert query_of(page) == asked


def test_ranking_leads_to_its_calls(site, open_page):
    page = open_page(f"{site.url}/#/cost?hours={WEEK}")
    settled(page)
    page.locator("#by").select_option("feature")
    page.locator("#panel-ranking h2:has-text('feature')").wait_for()
    settled(page)
    dearest = site.ask("costs", hours=WEEK, by="feature")["rows"][0]["key"]
    page.locator("#panel-table tbody tr").first.click()
    page.locator("#panel-calls").wait_for()
    assert query_of(page)["feature"] == dearest


def test_trace_leads_to_its_other_calls(site, open_page):
    found = site.ask("calls", hours=WEEK, feature="support-agent", sort="input_tokens")
    page = open_page(f"{site.url}/#/call/{found['calls'][0]['id']}")
    settled(page)
    page.locator(".tree-row a").first.click()
    page.locator(".tree-row[aria-current=true]").wait_for()
    until(page, "id => !location.hash.includes(id)", found["calls"][0]["id"])


# --- export ------------------------------------------------------------------------------------


def taken(page, act):
    with page.expect_download() as download:
        act()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


@pytest.mark.parametrize("kind", ["CSV", "JSON", "Parquet"])
def test_export_has_what_is_shown(site, open_page, kind):
    page = open_page(f"{site.url}/#/calls?hours={WEEK}&feature=search&show=failed")
    settled(page)
    page.locator("#export summary").click()
    name, found = taken(page, page.locator("#export").get_by_role("link", name=kind).click)
    assert name.endswith(f".{kind.lower()}")
    if kind == "CSV":
        rows = list(csv.DictReader(io.StringIO(found.decode())))
    elif kind == "JSON":
        rows = json.loads(found)
    else:
        rows = pq.read_table(io.BytesIO(found)).to_pylist()
    assert len(rows) == calls_shown(page) > 0
    assert {row["feature"] for row in rows} == {"search"}
    assert all(row["error_type"] for row in rows)


def test_every_panel_gives_its_figures(site, open_page):
    page = open_page(f"{site.url}/#/cost?hours={WEEK}")
    settled(page)
    expected = {row["key"]: row["calls"] for row in site.ask("costs", hours=WEEK)["rows"]}
    panel = page.locator("#panel-table")

    def save(kind):
        panel.locator("summary").click()
        return taken(page, panel.get_by_text(kind, exact=True).click)[1]

    rows = csv.DictReader(io.StringIO(save("CSV").decode()))
    assert {row["key"]: int(row["calls"]) for row in rows} == expected
    assert {row["key"]: row["calls"] for row in json.loads(save("JSON"))} == expected
    parquet = pq.read_table(io.BytesIO(save("Parquet"))).to_pylist()
    assert {row["key"]: row["calls"] for row in parquet} == expected


def test_a_chart_is_a_table_too(site, open_page):
    page = open_page(f"{site.url}/#/overview?hours={WEEK}")
    settled(page)
    panel = page.locator("#panel-cost")
    panel.get_by_role("button", name="Table").click()
    panel.locator("tbody tr").first.wait_for()
    assert panel.locator("th[scope=col]").count() == 1 + len(
        site.ask("timeseries", hours=WEEK, by="model")["keys"]
    )
    panel.get_by_role("button", name="Table").click()
    panel.locator(".chart").wait_for()


# --- leaving it open ---------------------------------------------------------------------------


def paused(open_page, url):
    """A page whose clock stands still from when it is loaded; the server's goes on."""
    page = open_page("about:blank", forgiving=True)
    page.clock.install()
    page.goto(url)
    page.locator(".panel").first.wait_for()
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 1)
    return page


def test_new_calls_appear_by_themselves(own_site, open_page):
    own_site.send([made_up.call(1, time.time_ns() - 10**10)])
    page = paused(open_page, f"{own_site.url}/#/calls")
    page.locator(".live[data-state=live]").wait_for()
    assert calls_shown(page) == 1
    own_site.send([made_up.call(2, time.time_ns() - 2 * 10**9, model="claude-opus-5-5")])
    end = time.monotonic() + 60
    waited = 0
    while calls_shown(page) == 1 and time.monotonic() < end:
        if waited < 5_000:  # far less than the 30 seconds after which it would look anyhow
            page.clock.run_for(250)
            waited += 250
        page.wait_for_timeout(100)
    assert calls_shown(page) == 2
    assert rows_of(page).first.locator("td").first.inner_text() == "claude-opus-5-5"
    assert page.locator("#filter-model option").count() == 3  # what is new can be filtered by


def test_without_the_stream_it_looks_every_30_seconds(own_site, open_page):
    own_site.send([made_up.call(1, time.time_ns() - 10**10)])

    def without_stream(url, **options):
        page = open_page(url, **options)
        page.route("**/api/stream", lambda route: route.abort())
        return page

    page = paused(without_stream, f"{own_site.url}/#/calls")
    own_site.send([made_up.call(2, time.time_ns() - 2 * 10**9)])
    page.clock.run_for(28_000)
    page.wait_for_timeout(1_000)  # nothing to wait for: it must not have asked
    assert calls_shown(page) == 1
    page.clock.run_for(4_000)
    page.get_by_role("heading", name="2 calls").wait_for()


def test_refresh_leaves_the_reader_alone(own_site, open_page):
    own_site.send([made_up.call(1, time.time_ns() - 10**10)])
    page = open_page(f"{own_site.url}/#/calls")
    page.locator(".live[data-state=live]").wait_for()
    page.locator("input[type=search]").fill("half an id")
    page.locator("#panel-calls summary").click()
    page.locator("input[type=search]").focus()
    own_site.send([made_up.call(2, time.time_ns() - 2 * 10**9)])
    page.get_by_role("heading", name="2 calls").wait_for()
    assert page.locator("input[type=search]").input_value() == "half an id"
    assert page.evaluate("document.activeElement.type") == "search"


def test_server_goes_away_and_comes_back(own_site, open_page):
    own_site.send([made_up.call(1, time.time_ns() - 10**10)])
    page = open_page(f"{own_site.url}/#/calls", forgiving=True)
    page.locator(".live[data-state=live]").wait_for()
    own_site.stop()
    page.get_by_role("link", name="Overview").click()
    banner = page.get_by_role("alert")
    banner.get_by_text("The server does not answer").wait_for()
    assert page.locator(".live").get_attribute("data-state") == "down"
    own_site.start()
    banner.wait_for(state="hidden")
    settled(page)
    assert tile(page, "Calls") == "1"
    page.locator(".live[data-state=live]").wait_for()


def test_figures_stay_while_the_server_is_away(own_site, open_page):
    own_site.send([made_up.call(1, time.time_ns() - 10**10)])
    page = paused(open_page, f"{own_site.url}/#/overview")
    own_site.stop()
    page.clock.run_for(31_000)
    page.get_by_role("alert").get_by_text("These figures are of").wait_for()
    assert tile(page, "Calls") == "1"


# --- nothing, nonsense, malice -----------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_without_calls_it_says_how_to_send_some(own_site, open_page, name):
    page = open_page(f"{own_site.url}/#/{name}")
    settled(page)
    told = page.locator("#board").inner_text()
    if name == "budgets":
        assert "OTEL_CLAUDE_BUDGETS" in told
    else:
        assert "otel-claude run -- python app.py" in told
        assert own_site.url in told


def test_filters_without_a_call_say_so(site, open_page):
    page = open_page(f"{site.url}/#/overview?model=claude-opus-5-5&feature=search")
    page.get_by_text("No call in this time range matches the filters").wait_for()
    page.get_by_role("link", name="Remove the filters").click()
    settled(page)
    assert query_of(page) == {}


def test_nonsense_in_the_address_is_explained(site, open_page):
    page = open_page(f"{site.url}/#/overview?hours=-5", forgiving=True)
    banner = page.get_by_role("alert")
    banner.get_by_text("hours").wait_for()
    banner.get_by_role("link").click()
    settled(page)
    assert banner.is_hidden()
    page.goto(f"{site.url}/#/no-such-page")
    page.get_by_role("heading", name="Overview").wait_for()
    page.goto(f"{site.url}/#/call/ffffffffffffffff")
    banner.get_by_text("no such call").wait_for()


HOSTILE = '<img src=x onerror="document.title=1"><b>bold</b><a href="https://evil.example">x</a>'


def test_hostile_telemetry_is_only_text(own_site, open_page):
    talk = made_up.content(f"Hello {HOSTILE}", f"</script>{HOSTILE}")
    attributes = {semconv.FEATURE: HOSTILE, semconv.USER_ID: HOSTILE, semconv.OUTPUT_MESSAGES: talk}
    now = time.time_ns()
    for number in range(1, 4):
        at = now - number * 60 * 10**9
        own_site.send([made_up.call(number, at, model=HOSTILE, **attributes)])
    for name in (*PAGES, f"call/{1:016x}"):
        page = open_page(f"{own_site.url}/#/{name}")
        settled(page)
        assert page.locator("#board img, #board b, #board a[href^=https]").count() == 0, name
        assert "otel-claude" in page.title()
        assert page.locator("#board svg a").count() == 0, name
        if name == "cost":  # on an axis, too
            assert HOSTILE[:25] in page.locator("#panel-ranking .chart").text_content()
        if name in ("overview", "cost", "calls"):
            assert HOSTILE in page.locator("#board").inner_text()
    assert f"Hello {HOSTILE}" in page.locator(".talk").inner_text()


def test_token_opens_the_page(guarded_site, open_page):
    guarded_site.send([made_up.call(1, time.time_ns() - 10**10)])
    page = open_page(guarded_site.url, forgiving=True)
    page.get_by_label("Token").fill(guarded_site.token)
    page.get_by_role("button", name="Open").click()
    settled(page)
    assert tile(page, "Calls") == "1"
    page.locator(".live[data-state=live]").wait_for()


def test_keyboard_alone(site, open_page):
    page = open_page(f"{site.url}/#/calls?hours={WEEK}")
    settled(page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    rows_of(page).first.locator("a").focus()
    page.keyboard.press("Enter")
    page.locator("#panel-attributes").wait_for()
    assert page.evaluate("document.activeElement.id") == "title"


# --- the made-up past --------------------------------------------------------------------------


def test_the_past_is_what_was_called(month, site):
    assert len({span.span_id for span in month}) == len(month)
    calls = made_up.only_calls([*month, *made_up.more(time.time_ns())])
    found = site.ask("summary", days=31)["totals"]
    assert found["calls"] == len(calls)
    spent = sum(span.attributes.get(semconv.COST_TOTAL, 0) for span in calls)
    assert found["cost_usd"] == pytest.approx(spent, abs=1e-9)
    again = list(history.replay(month[:50], days=2, a_day=20, until=10**18, seed=3))
    assert again == list(history.replay(month[:50], days=2, a_day=20, until=10**18, seed=3))
    assert again
