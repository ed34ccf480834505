from __future__ import annotations

import json
import threading
import time
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from otel_claude.pricing import Cost, PriceFileError, Prices, Refresh, cost
from otel_claude.pricing.book import BUILT_IN
from otel_claude.pricing.documents import dump_book, read_book

RATES = {
    "input": "7", "cache_write_5m": "8", "cache_write_1h": "9", "cache_read": "1", "output": "30",
}  # fmt: skip


def newer(**changes: Any) -> Any:
    book = dump_book(BUILT_IN)
    book["version"] = "2027-01-01"
    book["models"].append({"name": "claude-opus-9", "rates": RATES})
    return book | changes


def test_a_book_survives_writing_and_reading() -> None:
    text = json.dumps(dump_book(BUILT_IN))
    again = read_book("book", text)
    assert json.dumps(dump_book(again)) == json.dumps(
        dump_book(read_book("book", json.dumps(dump_book(again))))
    )
    assert again.version == BUILT_IN.version
    assert again.refusals == BUILT_IN.refusals
    for ours, theirs in zip(BUILT_IN.models, again.models, strict=True):
        for column in ("name", "launched", "geo", "regional", "window", "retires", "aliases"):
            assert getattr(ours, column) == getattr(theirs, column)
        assert [Decimal(rate) for rate in ours.rates[:5]] == [
            Decimal(rate) for rate in theirs.rates[:5]
        ]


def test_once(tmp_path: Any) -> None:
    path = tmp_path / "book.json"
    path.write_text(json.dumps(newer()))
    prices = Refresh(str(path)).once()
    result = cost({"input_tokens": 10, "output_tokens": 0}, "claude-opus-9", prices=prices)
    assert isinstance(result, Cost)
    assert (result.total, result.price_book) == (Decimal("0.00007"), "2027-01-01")


def test_overrides_stay(tmp_path: Any) -> None:
    (tmp_path / "own.json").write_text('{"name": "acme", "multiplier": 0.5}')
    (tmp_path / "book.json").write_text(json.dumps(newer()))
    own = Prices.load(tmp_path / "own.json")
    prices = Refresh(str(tmp_path / "book.json"), prices=own).once()
    result = cost({"input_tokens": 10, "output_tokens": 0}, "claude-opus-9", prices=prices)
    assert isinstance(result, Cost)
    assert (result.total, result.price_book) == (Decimal("0.000035"), "2027-01-01+acme")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("not json", "is not valid JSON"),
        (newer(schema=2), "schema: must be 1"),
        (newer(models=[]), "models: is empty"),
        (newer(models=[{"name": "claude-a", "rates": {"input": 1}}]), "models[0].rates.cache_write_5m: is missing"),
        (newer(models=[{"name": "claude-a", "rates": RATES}] * 2), "models: 'claude-a' stands there twice"),
        (newer(refusals=[{"from": "soon", "billed": []}]), "refusals[0].from: must be a date"),
        (newer(version=None), "version: must be a non-empty string"),
        (newer(extra=1), "extra: unknown key"),
    ],
)  # fmt: skip
def test_a_bad_book_leaves_the_last_good_one(tmp_path: Any, content: Any, problem: Any) -> None:
    path = tmp_path / "book.json"
    path.write_text(json.dumps(newer()))
    refresh = Refresh(str(path))
    good = refresh.once()
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(PriceFileError) as caught:
        refresh.once()
    assert problem in str(caught.value)
    assert refresh.prices is good


def test_in_the_background(tmp_path: Any, caplog: Any) -> None:
    path = tmp_path / "book.json"
    seen = threading.Event()
    refresh = Refresh(str(path), every=0.01, on_change=lambda _: seen.set()).start()
    try:
        deadline = time.monotonic() + 5
        while not caplog.records and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)  # it looks ten times more, and finds nothing
        path.with_suffix(".new").write_text(json.dumps(newer()))
        path.with_suffix(".new").replace(path)
        assert seen.wait(5)
    finally:
        refresh.stop()
    assert refresh.prices.version == "2027-01-01"
    # One warning, although it looked many times before the book was there.
    assert len([r for r in caplog.records if "book.json" in r.getMessage()]) == 1


def test_from_a_url() -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/book" else 404)
            self.end_headers()
            self.wfile.write(json.dumps(newer()).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        assert Refresh(f"{url}/book").once().version == "2027-01-01"
        with pytest.raises(PriceFileError, match="cannot be read: HTTP Error 404"):
            Refresh(f"{url}/gone").once()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_other_urls_are_refused() -> None:
    with pytest.raises(PriceFileError, match="must be a path or an http, https or file URL"):
        Refresh("ftp://example.invalid/book").once()
