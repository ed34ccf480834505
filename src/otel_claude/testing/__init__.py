"""A Claude API emulator for tests and demos: real HTTP, nothing but the standard library.

Words: a *scenario* says how one request is to be answered; the *ledger* lists what was served and
would be billed, attempt by attempt; an *entry* is one line of it.
"""

from __future__ import annotations

from otel_claude.testing.clock import Clock
from otel_claude.testing.ledger import Ledger, LedgerEntry, RecordedRequest
from otel_claude.testing.server import Emulator

__all__ = ["Clock", "Emulator", "Ledger", "LedgerEntry", "RecordedRequest"]
