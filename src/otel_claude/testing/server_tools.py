"""Tools that run on the server: web search and the advisor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_claude.testing.prose import prose

if TYPE_CHECKING:
    from otel_claude.testing.blocks import Composer
    from otel_claude.testing.job import Job, Json


def has_tool(job: Job, prefix: str) -> bool:
    """Whether the request offers a server tool whose type starts so."""
    return any(str(tool.get("type", "")).startswith(prefix) for tool in job.tools)


def advise(job: Job, composer: Composer) -> None:
    """Ask the advisor: the call and its result."""
    tool_id = job.identity.id("srvtoolu", "advisor")
    composer.tool("advisor", tool_id, {}, "server_tool_use")
    advice = "".join(prose(job.identity.rng("advice"), 25))
    content = {"type": "advisor_result", "text": advice, "stop_reason": "end_turn"}
    composer.whole({"type": "advisor_tool_result", "tool_use_id": tool_id, "content": content})


def search(job: Job, composer: Composer, index: int) -> None:
    """Do one web search: the call and its results."""
    tool_id = job.identity.id("srvtoolu", f"search{index}")
    query = " ".join(job.last_text.split()[:8]) or "claude"
    composer.tool("web_search", tool_id, {"query": query}, "server_tool_use")
    results = [_found(number) for number in range(1, 4)]
    composer.whole({"type": "web_search_tool_result", "tool_use_id": tool_id, "content": results})


def _found(number: int) -> Json:
    return {
        "type": "web_search_result",
        "url": f"https://example.com/{number}",
        "title": f"Result {number}",
        "encrypted_content": f"ZW11bGF0b3I{number}",
        "page_age": "November 2026",
    }


def citation() -> Json:
    """What a text that used a search cites."""
    return {
        "type": "web_search_result_location",
        "cited_text": "A system that explains itself is easy to trust.",
        "encrypted_index": "ZW11bGF0b3I",
        "title": "Result 1",
        "url": "https://example.com/1",
    }
