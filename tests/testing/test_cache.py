"""Prompt caching: written once, read until it expires."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from .conftest import plain

if TYPE_CHECKING:
    from otel_claude.testing import Emulator

LONG = "word " * 2000


def counts(usage: Any) -> tuple[int, int, int]:
    found = plain(usage)
    split = found["cache_creation"]
    return (
        found["cache_read_input_tokens"],
        split["ephemeral_5m_input_tokens"],
        split["ephemeral_1h_input_tokens"],
    )


def system(ttl: Any = None, text: Any = LONG) -> list[dict[str, Any]]:
    control = {"type": "ephemeral", **({"ttl": ttl} if ttl else {})}
    return [{"type": "text", "text": text, "cache_control": control}]


def test_write_then_read(api: Emulator, client: Any, ask: Any) -> None:
    first = client.messages.create(**ask(system=system())).usage
    second = client.messages.create(**ask("Another question", system=system())).usage
    read, write, hour = counts(first)
    assert (read, hour) == (0, 0)
    assert write == first.cache_creation_input_tokens > 2000
    assert counts(second) == (write, 0, 0)
    assert first.input_tokens < 20


def test_total_is_the_same_either_way(client: Any, ask: Any) -> None:
    def total(usage: Any) -> int:
        return int(
            usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens
        )

    plainly = client.messages.create(**ask(system=LONG)).usage
    assert total(client.messages.create(**ask(system=system())).usage) == plainly.input_tokens
    assert total(client.messages.create(**ask(system=system())).usage) == plainly.input_tokens


def test_expiry_and_renewal(api: Emulator, client: Any, ask: Any) -> None:
    client.messages.create(**ask(system=system()))
    api.clock.advance(200)
    assert counts(client.messages.create(**ask(system=system())).usage)[0] > 0
    api.clock.advance(200)
    assert counts(client.messages.create(**ask(system=system())).usage)[0] > 0
    api.clock.advance(301)
    assert counts(client.messages.create(**ask(system=system())).usage)[0] == 0


def test_one_hour(api: Emulator, client: Any, ask: Any) -> None:
    assert counts(client.messages.create(**ask(system=system("1h"))).usage)[2] > 2000
    api.clock.advance(3000)
    assert counts(client.messages.create(**ask(system=system("1h"))).usage)[0] > 2000


def test_both_ttls(client: Any, ask: Any) -> None:
    blocks = [*system("1h"), *system("5m", "more " * 500)]
    read, five, hour = counts(client.messages.create(**ask(system=blocks)).usage)
    assert read == 0
    assert hour > five > 500


def test_longer_prefix_reads_the_shorter_one(client: Any, ask: Any) -> None:
    client.messages.create(**ask(system=system()))
    blocks = [*system(), *system(text="more " * 500)]
    read, write, _ = counts(client.messages.create(**ask(system=blocks)).usage)
    assert read > 2000
    assert 500 < write < 1000


def test_automatic(client: Any, ask: Any) -> None:
    extra = {"cache_control": {"type": "ephemeral"}}
    first = client.messages.create(**ask(LONG, extra_body=extra)).usage
    second = client.messages.create(**ask(LONG, extra_body=extra)).usage
    assert first.cache_creation_input_tokens == second.cache_read_input_tokens > 2000
    assert second.input_tokens == 0


def test_short_prompts_and_other_models_miss(client: Any, ask: Any) -> None:
    assert counts(client.messages.create(**ask(system=system(text="short"))).usage) == (0, 0, 0)
    client.messages.create(**ask(system=system()))
    other = client.messages.create(**ask(model="claude-opus-5-5", system=system())).usage
    assert other.cache_read_input_tokens == 0


def test_failed_attempts_do_not_write(client: Any, ask: Any) -> None:
    usage = client.messages.create(
        **ask(scenario="fail=1*529,retry-after-ms=1", system=system())
    ).usage
    assert usage.cache_read_input_tokens == 0


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([*system("5m"), *system("1h")], "must not come after"),
        (system() * 5, "maximum of 4 blocks"),
        (system("2h"), "5m"),
    ],
)
def test_wrong_breakpoints(client: Any, ask: Any, blocks: Any, message: Any) -> None:
    with pytest.raises(anthropic.BadRequestError, match=message):
        client.messages.create(**ask(system=blocks))
