"""The dashboard over ClickHouse, in a real browser."""

from __future__ import annotations

import requests

from otel_claude.local.fleet.view import View
from otel_claude.local.server import Server, listen
from tests.e2e.browser.looks import settled, tile


def served(backend) -> Server:
    return Server(backend, listen("127.0.0.1", 0, token=None))


def test_the_page_says_that_these_may_not_be_all_calls(both, clickhouse, open_page):
    with served(View(clickhouse)) as fleet, served(both.duckdb) as here:
        shown = []
        for server in (fleet, here):
            page = open_page(f"{server.url}/#/overview?hours=336")
            settled(page)
            notice = page.locator("#coverage")
            shown.append(
                (tile(page, "Calls"), notice.inner_text() if notice.is_visible() else None)
            )
            page.close()  # before its server ends
        asked = requests.get(f"{fleet.url}/api/coverage", params={"hours": 336}, timeout=60).json()
    assert "not known" in asked["note"]
    calls = shown[0][0]
    assert shown == [(calls, asked["note"]), (calls, None)]
