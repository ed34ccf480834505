"""The page Insights: what it foretells, finds and recommends, and where its links lead."""

from __future__ import annotations

import time

from otel_claude import semconv
from tests.e2e.browser import made_up
from tests.e2e.browser.conftest import watch
from tests.e2e.browser.looks import settled, tile
from tests.e2e.browser.test_use import query_of, rows_of, until

HOUR = 3600 * 10**9


def usd(page, value):
    """As the page writes it."""
    return page.evaluate("async (value) => (await import('./js/format.js')).usd(value)", value)


def opened(open_page, url, query="hours=168"):
    page = open_page(f"{url}/#/insights?{query}")
    settled(page)
    return page


def panel(page, name):
    return page.locator(f"#panel-{name}")


def test_forecast_with_its_interval(site, open_page):
    page = opened(open_page, site.url)
    with page.expect_response(lambda answer: "/api/forecast" in answer.url) as answer:
        page.reload()
    found = answer.value.json()
    settled(page)
    assert found["reason"] is None
    for name, title in (("day", "Today"), ("month", "This month")):
        projection = found[name]
        assert tile(page, f"{title}, expected") == usd(page, projection["expected_usd"])
        note = panel(page, {"day": "today", "month": "month"}[name]).locator(".panel-note")
        for key in ("expected_usd", "low_usd", "high_usd"):
            assert usd(page, projection[key]) in note.inner_text()
    # The interval is drawn: a filled area, and bars at its end.
    for name in ("today", "month"):
        assert panel(page, name).locator(".fills path").count() == 1
        assert panel(page, name).locator(".errorbars path").count() >= 1
    panel(page, "today").get_by_role("button", name="Table").click()
    last = rows_of(page, "today").last.locator("td")
    expected = [found["day"][key] for key in ("expected_usd", "low_usd", "high_usd")]
    assert last.all_inner_texts() == [usd(page, value) for value in expected]


def test_anomalies_lead_to_the_calls_that_explain_them(own_site, open_page):
    hour = time.time_ns() // HOUR * HOUR
    quiet = [made_up.call(n, hour - n * HOUR) for n in range(2, 40)]
    dear = [made_up.call(100 + n, hour - HOUR + n * 10**9) for n in range(20)]
    own = {semconv.COST_TOTAL: 0.75, "model": "claude-opus-5-5"}
    dear.append(made_up.call(777, hour - HOUR + 60 * 10**9, **own))
    own_site.send(quiet + dear)
    page = opened(open_page, own_site.url, "hours=24")
    row = rows_of(page, "anomalies").filter(has_text="Cost of the hour")
    assert row.count() == 1
    each = quiet[0].attributes[semconv.COST_TOTAL]
    costs = [usd(page, 0.75 + 20 * each), usd(page, each)]
    assert costs == row.locator("td").all_inner_texts()[1:3]
    row.get_by_role("link", name="$0.750, claude-opus-5-5").click()
    page.locator(".tree-row, #panel-facts, .facts").first.wait_for()
    assert f"#/call/{777:016x}" in page.url

    page.go_back()
    settled(page)
    rows_of(page, "anomalies").filter(has_text="Cost of the hour").locator("th a").click()
    page.locator("#panel-calls").wait_for()
    settled(page)
    assert page.locator("#panel-calls h2").inner_text().startswith("21 ")


def test_savings_show_their_arithmetic(site, open_page):
    page = opened(open_page, site.url)
    found = site.ask("savings", hours=168)["savings"]
    shown = panel(page, "savings").locator(".arith").all_inner_texts()
    assert sorted(shown) == sorted(one["arithmetic"] for one in found)
    first = max(found, key=lambda one: one["usd"])
    card = panel(page, "savings").locator("li").first
    assert usd(page, first["usd"]) in card.locator("h3").inner_text()
    assert first["advice"] in card.inner_text()
    card.get_by_role("link").click()
    page.locator("#panel-calls").wait_for()
    assert query_of(page)["model"] == first["key"].split(", ")[-1]


def test_loops_misses_and_the_last_quarter_of_an_hour(site, open_page):
    page = opened(open_page, site.url)
    loop = rows_of(page, "sessions").first
    assert "assistant-7" in loop.inner_text()
    assert loop.locator(".badge").inner_text() == "loop"
    (miss,) = site.ask("cache-misses", hours=168)["misses"]
    assert usd(page, miss["usd"]) in panel(page, "misses").inner_text()
    now = panel(page, "reliability").inner_text()
    assert "degraded" in now or "well" in now  # the demo's last calls are in it, too
    assert "Failed in a row, up to now\t3 calls" in now
    week = site.ask("weekly")
    calls = rows_of(page, "week-before").first.locator("td").all_inner_texts()
    assert calls[:2] == [f"{week[key]['calls']:,}" for key in ("before", "totals")]


def test_values_side_by_side(site, open_page):
    page = opened(open_page, site.url)
    panel(page, "compare").get_by_label("Compare by").select_option("feature")
    page.get_by_role("heading", name="Side by side: feature").wait_for()
    settled(page)
    assert query_of(page)["by"] == "feature"
    found = site.ask("compare", hours=168, by="feature")["groups"]
    names = rows_of(page, "compare").locator("th").all_inner_texts()
    assert names == [group["key"] for group in found[:12]]
    interval = rows_of(page, "compare").first.locator(".interval").first
    assert " to " in interval.inner_text()


def test_too_little_is_said_plainly(own_site, open_page):
    own_site.send([made_up.call(1, time.time_ns() - HOUR)])
    page = opened(open_page, own_site.url, "hours=24")
    for name in ("today", "month", "anomalies", "savings", "misses", "sessions", "changes"):
        assert panel(page, name).locator(".empty").inner_text().startswith("not enough data"), name
        assert panel(page, name).locator(".chart").count() == 0
    assert "days are known, of 14" in panel(page, "week-before").inner_text()
    assert "otel-claude up --alerts FILE" in panel(page, "alerts").inner_text()
    assert tile(page, "Today, expected") == tile(page, "Anomalies") == "\u2013"


def test_alerts_are_shown_as_they_fire_and_end(own_site, open_page):
    failed = {semconv.ERROR_TYPE: "overloaded_error", semconv.OUTCOME: "failed"}
    at = time.time_ns() - 60 * 10**9
    own_site.send([made_up.call(1, at - 10**9)])
    watch(own_site.backend)
    page = opened(open_page, own_site.url, "hours=24")
    outage = rows_of(page, "alerts").filter(has_text="outage")
    assert outage.locator(".badge").first.inner_text() == "quiet"
    assert tile(page, "Alerts firing") == "0"
    own_site.send([made_up.call(2 + n, at + n * 10**9, **failed) for n in range(3)])
    own_site.backend.alerter.look()
    own_site.send([made_up.call(9, at - 10**9)])  # which is when the page looks again
    until(page, "() => document.querySelector('#panel-alerts .badge')?.textContent === 'firing'")
    assert tile(page, "Alerts firing") == "1"
    assert "3 calls failed in a row; the limit is 3" in outage.inner_text()
    assert "NO_SUCH_VARIABLE holds no address" in panel(page, "alerts").inner_text()
    panel(page, "alert-history").locator("tbody th a").first.click()
    page.locator("#panel-calls").wait_for()
    settled(page)
    assert query_of(page)["show"] == "failed"
    assert page.locator("#panel-calls h2").inner_text().startswith("3 ")


def test_rules_are_shown_where_no_call_is(own_site, open_page):
    watch(own_site.backend)
    page = opened(open_page, own_site.url, "hours=1")
    assert rows_of(page, "alerts").count() == 4
