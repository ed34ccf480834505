"""A program whose traces have everything that a viewer shows: sessions, tools, cached prompts."""

from __future__ import annotations

import anthropic
from anthropic import beta_tool

import otel_claude
from tests.e2e.collector.talks_said import QUESTIONS, SYSTEM

MODEL = "claude-sonnet-4-5"
client = anthropic.Anthropic()


@beta_tool
def stock(article: str) -> str:
    """How many of an article there are.

    Args:
        article: its name.
    """
    return f"seven of {article}"


with otel_claude.attribution(user="ann", session="session-7"):
    for question in QUESTIONS[:2]:  # the second reads the cache
        client.messages.create(
            model=MODEL,
            max_tokens=200,
            system=[{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}],
            messages=[{"role": "user", "content": question}],
        )
    client.beta.messages.tool_runner(
        model=MODEL,
        max_tokens=200,
        messages=[{"role": "user", "content": QUESTIONS[2]}],
        tools=[stock],
    ).until_done()
