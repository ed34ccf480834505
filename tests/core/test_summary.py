"""`otel_claude.summary()`: what this process has used, without any backend."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import anthropic
import pytest

import otel_claude
from otel_claude import ClaudeInstrumentor
from otel_claude.emit.recent import Recent


@pytest.fixture
def remembering():
    ClaudeInstrumentor().instrument(summary=True)
    yield
    ClaudeInstrumentor().uninstrument()


def stream(client, ask, **more):
    with client.messages.stream(**ask(**more)) as events:
        return events.get_final_message()


def test_it_equals_what_the_api_served(remembering, api, client, ask):
    for _ in range(3):
        client.messages.create(**ask())
    stream(client, ask, model="claude-haiku-4-5")
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(**ask("bad_request"))
    found = otel_claude.summary()
    usages = [entry.usage for entry in api.ledger if entry.usage]
    assert (found.calls, found.errors, found.success_rate) == (5, 1, 0.8)
    assert found.output_tokens == sum(usage["output_tokens"] for usage in usages)
    assert found.input_tokens == sum(usage["input_tokens"] for usage in usages)
    rates = {"claude-sonnet-5-5": (2, 10), "claude-haiku-4-5-20251001": (1, 5)}
    expected = sum(
        Decimal(u["input_tokens"] * rates[e.model][0] + u["output_tokens"] * rates[e.model][1])
        for e in api.ledger
        if (u := e.usage)
    ) / Decimal(10**6)
    assert abs(Decimal(found.cost_usd) - expected) < Decimal("1e-12")
    assert found.unpriced == 0
    assert found.complete
    assert found.duration.p50 is not None
    assert found.first_token.p50 == found.first_token.p99 is not None
    assert {name: part.calls for name, part in found.by_model.items()} == {
        "claude-sonnet-5-5": 4,
        "claude-haiku-4-5": 1,
    }
    only = otel_claude.summary(model="claude-haiku-4-5")
    assert only.by_model["claude-haiku-4-5"] == found.by_model["claude-haiku-4-5"]
    assert (only.calls, only.cost_usd) == (1, found.by_model["claude-haiku-4-5"].cost_usd)


def test_since(remembering, client, ask):
    client.messages.create(**ask())
    assert otel_claude.summary(since=timedelta(minutes=1)).calls == 1
    later = datetime.now(timezone.utc)
    assert otel_claude.summary(since=later).calls == 0
    assert otel_claude.summary(since=later.timestamp() - 60).calls == 1
    with pytest.raises(TypeError, match="since"):
        otel_claude.summary(since="yesterday")  # type: ignore[arg-type]


def test_memory_is_bounded_and_what_is_forgotten_is_said(monkeypatch, client, ask):
    monkeypatch.setattr(Recent.__init__, "__defaults__", (2,))
    ClaudeInstrumentor().instrument(summary=True)
    try:
        for _ in range(3):
            client.messages.create(**ask())
        found = otel_claude.summary()
        assert (found.calls, found.complete) == (2, False)
        assert otel_claude.summary(since=datetime.now(timezone.utc)).complete
    finally:
        ClaudeInstrumentor().uninstrument()


def test_it_is_off_unless_asked_for(watched, client, ask, caplog):
    client.messages.create(**ask())
    found = otel_claude.summary()
    assert (found.calls, found.complete) == (0, False)
    assert "summary=True" in caplog.text
