"""Everything an emulator remembers, and one request on its way through it."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from otel_claude.testing.billing import Billing
from otel_claude.testing.cache import PromptCache
from otel_claude.testing.clock import Clock
from otel_claude.testing.errors import invalid
from otel_claude.testing.identity import Identities, Identity
from otel_claude.testing.ledger import Ledger, RecordedRequest
from otel_claude.testing.limits import RateLimits
from otel_claude.testing.tokens import canonical

if TYPE_CHECKING:
    from otel_claude.testing.job import Json
    from otel_claude.testing.scenarios import Scenario


@dataclass
class Exchange:
    """One request, ready to be answered."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    scenario: Scenario
    base_url: str
    identity: Identity
    request_id: str

    def json(self) -> Json:
        """The body as a JSON object.

        Raises:
            ApiError: 400, where it is not one.
        """
        try:
            value: Any = json.loads(self.body)
        except ValueError as error:
            raise invalid(f"The request body is not valid JSON: {error}") from None
        if not isinstance(value, dict):
            raise invalid("The request body is not a JSON object")
        return value

    def param(self, name: str, default: str = "") -> str:
        """A query parameter."""
        return parse_qs(self.query).get(name, [default])[0]

    @property
    def betas(self) -> str:
        """The `anthropic-beta` header."""
        return self.headers.get("anthropic-beta", "")

    @property
    def beta(self) -> bool:
        """Whether this is a beta request, by its query or its header."""
        return "beta=true" in self.query or bool(self.betas)


@dataclass
class State:
    """All that one emulator knows. Each part guards itself; `lock` guards the rest."""

    seed: int = 0
    rate_limit: int | None = None
    batch_polls: int = 1
    clock: Clock = field(default_factory=Clock)
    ledger: Ledger = field(default_factory=Ledger)
    requests: list[RecordedRequest] = field(default_factory=list)
    batches: dict[str, Any] = field(default_factory=dict)
    threads: dict[str, list[Json]] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    billing: Billing = field(default_factory=Billing)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Make the parts that depend on others."""
        self.cache = PromptCache(self.clock)
        self.limits = RateLimits(self.clock, self.rate_limit)
        self.identities = Identities(self.seed)

    def reset(self) -> None:
        """Forget everything but the configuration."""
        self.clock.reset()
        self.cache.clear()
        self.limits.clear()
        self.identities.clear()
        self.ledger.clear()
        self.billing.clear()
        with self.lock:
            self.requests.clear()
            self.batches.clear()
            self.threads.clear()
            self.attempts.clear()

    def identify(self, path: str, body: bytes) -> Identity:
        """The identity of a request; JSON bodies count as equal whatever the order of keys."""
        try:
            text = canonical(json.loads(body)) if body else ""
        except ValueError:
            text = body.decode(errors="replace")
        return self.identities.of(path, text)

    def attempt(self, exchange: Exchange, failures: int) -> int:
        """Which attempt of its call this request is, from 0.

        The SDK says so in `x-stainless-retry-count`. Without that header, requests with the same
        scenario, path and body count as attempts of one call until one of them succeeds.
        """
        told = exchange.headers.get("x-stainless-retry-count", "")
        if told.isdigit():
            return int(told)
        body = exchange.body.decode(errors="replace")
        key = f"{exchange.scenario.text}\0{exchange.path}\0{body}"
        with self.lock:
            count = self.attempts.get(key, 0)
            if count >= failures:
                self.attempts.pop(key, None)
            else:
                self.attempts[key] = count + 1
        return count
