"""Which of the request's tools the model calls, and with what input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_claude.testing.schema import example

if TYPE_CHECKING:
    from random import Random

    from otel_claude.testing.job import Job, Json

SERVER_TOOLS = (
    "web_search_",
    "web_fetch_",
    "code_execution_",
    "advisor_",
    "tool_search_tool_",
    "mcp_",
)
_KNOWN_INPUTS: dict[str, Json] = {
    "bash_": {"command": "ls -la"},
    "text_editor_": {"command": "view", "path": "/repo/README.md"},
    "computer_": {"action": "screenshot"},
    "memory_": {"command": "view", "path": "/memories"},
}


def _is_client_tool(tool: Json) -> bool:
    return not str(tool.get("type") or "custom").startswith(SERVER_TOOLS)


def tools_to_call(job: Job) -> list[Json]:
    """Which tools the model calls now; none where it should say something instead."""
    forced = job.scenario.get("tool")
    usable = [tool for tool in job.tools if _is_client_tool(tool) and tool.get("name")]
    choice = job.body.get("tool_choice") or {"type": "auto"}
    kind = choice.get("type", "auto")
    if not usable or kind == "none" or (forced and forced.value == "none"):
        return []
    wanted = forced.value if forced else choice.get("name") if kind == "tool" else ""
    named = [tool for tool in usable if tool["name"] == wanted]
    answered = any(block.get("type") == "tool_result" for block in job.last_blocks)
    if kind == "auto" and not forced and answered:
        return []
    picked = named[0] if named else job.identity.rng("tool").choice(usable)
    times = int(forced.option("times", 1)) if forced else 1
    return [picked] * (1 if choice.get("disable_parallel_tool_use") else times)


def tool_input(tool: Json, rng: Random) -> Json:
    """An input that fits a tool: by its schema, or by its kind for Anthropic's own tools."""
    kind = str(tool.get("type") or "")
    for prefix, value in _KNOWN_INPUTS.items():
        if kind.startswith(prefix):
            return value
    made = example(tool.get("input_schema") or {"type": "object"}, rng)
    return made if isinstance(made, dict) else {}
