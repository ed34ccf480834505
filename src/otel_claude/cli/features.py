"""The product that the demo pretends to be: its features, people, prompts and their pace."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from otel_claude.quality.feedback import Kind

CHEAPEST = "claude-haiku-5-5"

USERS = tuple(f"user-{number:02d}" for number in range(1, 13))
_TENANTS = ("acme", "globex", "initech")


def tenant(user: str) -> str:
    """The customer that a user belongs to."""
    return _TENANTS[USERS.index(user) % len(_TENANTS)]


PACE = {
    CHEAPEST: (110, 650),
    "claude-haiku-4-5": (150, 500),
    "claude-sonnet-5-5": (230, 380),
    "claude-opus-5-5": (340, 280),
}
"""Milliseconds to the first token, and tokens a second. Brisk: a demo should not last."""

BUDGETS: tuple[dict[str, Any], ...] = (
    {"name": "product", "limit": 5, "window": "day", "action": "warn"},
    {"name": "per-team", "scope": "team", "limit": 0.2, "window": "day", "action": "warn"},
    {"name": "per-user", "scope": "user", "limit": 0.1, "window": "5 hours", "action": "warn"},
)
"""They warn and refuse nothing: the same calls are made on every machine."""

OPINIONS: dict[Kind, float] = {"accept": 0.7, "edit": 0.15, "retry": 0.05, "reject": 0.1}
"""What users say of answers, and how often."""

TOOLS: list[dict[str, Any]] = [
    {
        "name": "find_order",
        "description": "Looks an order up.",
        "input_schema": {
            "type": "object",
            "properties": {"order_id": {"type": "string"}},
            "required": ["order_id"],
        },
    }
]

_WORDS = [
    "order",
    "refund",
    "invoice",
    "shipping",
    "account",
    "policy",
    "customer",
    "reply",
    "ticket",
    "review",
    "branch",
    "commit",
    "test",
    "function",
    "latency",
    "cache",
    "index",
    "query",
    "result",
    "page",
    "document",
    "section",
    "summary",
    "source",
    "answer",
    "question",
    "user",
    "team",
    "plan",
    "limit",
    "error",
    "retry",
    "stream",
    "token",
    "model",
    "cost",
    "the",
    "a",
    "of",
    "and",
    "to",
    "in",
    "for",
    "with",
    "is",
    "must",
    "should",
    "never",
    "always",
    "when",
    "before",
    "after",
    "each",
    "first",
    "last",
    "short",
    "exact",
    "clear",
]


@dataclass(frozen=True)
class Feature:
    """One feature of the product.

    Attributes:
        models: those it uses, the usual one first.
        streams: share of its calls that stream.
        ttl: how long its system prompt stays in the prompt cache.
        question: words of the user's part of a prompt, at least and at most.
        answer: tokens of an answer, at least and at most.
    """

    name: str
    team: str
    endpoint: str
    models: tuple[str, ...]
    streams: float
    ttl: Literal["5m", "1h"]
    question: tuple[int, int]
    answer: tuple[int, int]


CHAT = Feature(
    "chat", "product", "/chat", ("claude-sonnet-5-5", "claude-opus-5-5"),
    1.0, "1h", (15, 60), (60, 180),
)  # fmt: skip
SUPPORT = Feature(
    "support-agent", "support", "/support", ("claude-sonnet-5-5",), 0.5, "1h", (30, 90), (50, 140)
)
SEARCH = Feature("search", "growth", "/search", ("claude-haiku-5-5",), 0.2, "5m", (5, 20), (20, 60))
SUMMARIZE = Feature(
    "summarize", "content", "/summaries", ("claude-haiku-4-5", "claude-haiku-5-5"),
    0.1, "1h", (800, 3000), (80, 200),
)  # fmt: skip
REVIEW = Feature(
    "code-review", "platform", "/reviews", ("claude-opus-5-5", "claude-sonnet-5-5"),
    0.8, "5m", (400, 2000), (120, 260),
)  # fmt: skip

ONE_SHOT = (SEARCH, SEARCH, SEARCH, SUMMARIZE, SUMMARIZE, REVIEW, CHAT)
"""Features that answer in one call, as often as they occur."""

_SYSTEM_WORDS = 1_300  # long enough to be cached: 1,024 tokens are the least


def prose(rng: Random, words: int) -> str:
    """Text of that many words that means nothing."""
    return " ".join(rng.choice(_WORDS) for _ in range(words))


def system(feature: Feature) -> list[dict[str, Any]]:
    """The system prompt of a feature: always the same, so that it is written once, then read."""
    rng = Random(feature.name)  # noqa: S311 - must be reproducible
    control = {"type": "ephemeral", "ttl": feature.ttl}
    text = f"You are {feature.name}. {prose(rng, _SYSTEM_WORDS)}"
    return [{"type": "text", "text": text, "cache_control": control}]


def pace(model: str, tokens: int, *, stream: bool, rng: Random) -> str:
    """The emulator's scenario for an answer of that length, as slow as such a model seems."""
    first, rate = PACE[model]
    first = round(first * rng.uniform(0.7, 1.8))
    steps = f"output_tokens={tokens}"
    if stream:
        return f"{steps};pace={first},tps={rate}"
    return f"{steps};late_headers={first / 1000 + tokens / rate:.3f}"
