"""Keeping the price book current without a release: a background refresh that is off by default.

Nothing here runs unless a `Refresh` is started. It reads a whole price book from a path or a URL
in a thread of its own, never on the path of a call, and a document that cannot be read or is not
valid leaves the last good book in place.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from otel_claude.pricing.documents import PriceFileError, read_book
from otel_claude.pricing.prices import LIST, Prices

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_claude.pricing.book import Book

_log = logging.getLogger("otel_claude")
_SIZE_LIMIT = 5_000_000


class Refresh:
    """Prices that follow a document at a path or URL.

    Args:
        source: path, `file:`, `http:` or `https:` URL of a book as `otel-claude price --list
            --json` prints it.
        every: seconds between two looks; 0 looks once.
        prices: what to start from; its overrides are kept over every new book.
        timeout: seconds to wait for a URL.
        on_change: called, in the background thread, with the new prices.
    """

    def __init__(
        self,
        source: str,
        *,
        every: float = 86_400,
        prices: Prices | None = None,
        timeout: float = 10,
        on_change: Callable[[Prices], None] | None = None,
    ) -> None:
        self._source = source
        self._every = every
        self._prices = prices or LIST
        self._timeout = timeout
        self._on_change = on_change
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._warned: str | None = None

    @property
    def prices(self) -> Prices:
        """The last good prices; reading them never waits."""
        return self._prices

    def start(self) -> Refresh:
        """Start the background thread. It is a daemon: it never keeps a process alive."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name="otel-claude-prices", daemon=True
            )
            self._thread.start()
        return self

    def stop(self) -> None:
        """Stop looking; prices stay as they are."""
        self._stopped.set()

    def once(self) -> Prices:
        """Read the source now, in this thread.

        Raises:
            PriceFileError: it cannot be read or is not a price book; prices stay as they were.
        """
        book = fetch(self._source, timeout=self._timeout)
        if book != self._prices.book:
            self._prices = self._prices.with_book(book)
            if self._on_change:
                self._on_change(self._prices)
        return self._prices

    def _run(self) -> None:
        while True:
            try:
                self.once()
                self._warned = None
            except Exception as error:
                # One warning per problem: a source that stays away must not fill the log.
                if str(error) != self._warned:
                    self._warned = str(error)
                    _log.warning("price book not refreshed, the last good one stays: %s", error)
            if not self._every or self._stopped.wait(self._every):
                return


def fetch(source: str, *, timeout: float = 10) -> Book:
    """The price book at a path or URL.

    Raises:
        PriceFileError: it cannot be read or is not valid.
    """
    try:
        if "://" in source:
            from urllib.request import urlopen

            if not source.startswith(("https://", "http://", "file://")):
                raise PriceFileError(f"{source}: must be a path or an http, https or file URL")
            with urlopen(source, timeout=timeout) as answer:  # noqa: S310 - checked above
                content = answer.read(_SIZE_LIMIT + 1)
        else:
            with open(source, "rb") as file:  # noqa: PTH123
                content = file.read(_SIZE_LIMIT + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, PriceFileError):
            raise
        raise PriceFileError(f"{source}: cannot be read: {error}") from error
    if len(content) > _SIZE_LIMIT:
        raise PriceFileError(f"{source}: is larger than {_SIZE_LIMIT} bytes")
    return read_book(source, content)
