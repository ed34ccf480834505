"""Every page, light, dark and on a phone, looks right; with pictures to see it by."""

from __future__ import annotations

import pytest

from tests.e2e.browser import made_up
from tests.e2e.browser.looks import PAGES, flaws, settled

MODES = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", PAGES)
def test_page_looks_right(site, open_page, pictures, name, mode):
    page = open_page(f"{site.url}/#/{name}?hours=168", **MODES[mode])
    settled(page)
    page.screenshot(path=pictures / f"{name}-{mode}.png", full_page=True)
    assert flaws(page) == []


@pytest.mark.parametrize("mode", MODES)
def test_call_looks_right(site, open_page, pictures, mode):
    (call,) = [span for span in made_up.conversation(10**18) if span.name.startswith("chat")]
    page = open_page(f"{site.url}/#/call/{call.span_id}", **MODES[mode])
    settled(page)
    page.screenshot(path=pictures / f"call-{mode}.png", full_page=True)
    assert page.locator(".tree-row").count() == 3
    roles = page.locator(".said").evaluate_all("all => all.map((one) => one.dataset.role)")
    assert roles == ["system", "user", "assistant", "user", "assistant"]
    assert flaws(page) == []


@pytest.mark.parametrize("name", ["overview", "usage", "budgets", "insights", "calls"])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_anybody_can_use_it(site, open_page, name, mode):
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(f"{site.url}/#/{name}?hours=168", color_scheme=mode)
    settled(page)
    found = Axe().run(page)
    told = [
        f"{rule['id']}: {rule['nodes'][0]['html'][:120]}" for rule in found.response["violations"]
    ]
    assert told == []


def test_theme_is_chosen_and_kept(site, open_page):
    page = open_page(f"{site.url}/#/calls", color_scheme="light")
    settled(page)
    theme = page.locator("html")
    assert theme.get_attribute("data-theme") == "light"
    while theme.get_attribute("data-chosen") != "dark":
        page.locator("#theme").click()
    assert theme.get_attribute("data-theme") == "dark"
    page.reload()
    assert theme.get_attribute("data-theme") == "dark"
