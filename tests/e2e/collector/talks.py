"""A program whose traces have everything that a viewer shows: sessions, tools, cached prompts."""

from __future__ import annotations

import anthropic
from anthropic import beta_tool

import otel_claude

MODEL = "claude-sonnet-4-5"
LONG = "You answer questions about the shop. " * 400
client = anthropic.Anthropic()


@beta_tool
def stock(article: str) -> str:
    """How many of an article there are.

    Args:
        article: its name.
    """
    return f"seven of {article}"


with otel_claude.attribution(user="ann", session="session-7"):
    for question in ("Do you have lamps?", "And tables?"):  # the second reads the cache
        client.messages.create(
            model=MODEL,
            max_tokens=200,
            system=[{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}],
            messages=[{"role": "user", "content": question}],
        )
    client.beta.messages.tool_runner(
        model=MODEL,
        max_tokens=200,
        messages=[{"role": "user", "content": "How many chairs?"}],
        tools=[stock],
    ).until_done()
