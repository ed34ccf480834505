"""What the emulated model answers: a plan of blocks, a stop reason and the work behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otel_claude.testing.blocks import Block, Composer, json_tokens
from otel_claude.testing.calls import tool_input, tools_to_call
from otel_claude.testing.models import ALIASES
from otel_claude.testing.prose import prose
from otel_claude.testing.schema import example
from otel_claude.testing.server_tools import advise, citation, has_tool, search
from otel_claude.testing.tokens import as_blocks, words

if TYPE_CHECKING:
    from otel_claude.testing.job import Job, Json

SEARCH_INPUT = 500
"""Input tokens that the results of one web search add."""

ADVICE_INPUT = 200
"""Input tokens that an advisor's answer adds."""


@dataclass
class Answer:
    """All there is to say, before it is put into JSON or events.

    Attributes:
        extra: iterations besides the plain message, in the words of `usage.iterations`.
        searches: web searches done.
        fetches: web fetches done.
        served: model that served, where it is not the one asked for.
    """

    blocks: list[Block] = field(default_factory=list)
    stop_reason: str = "end_turn"
    stop_sequence: str | None = None
    stop_details: Json | None = None
    output_tokens: int = 0
    thinking_tokens: int = 0
    searches: int = 0
    fetches: int = 0
    served: str = ""
    extra: str = ""


def answer(job: Job) -> Answer:
    """Decide what the model says to this request."""
    scenario = job.scenario
    refusal = scenario.get("refusal")
    if refusal and "after" not in refusal.options:
        return _refused(job, Answer())
    events = scenario.count("events")
    single = events is not None or scenario.get("pace") is not None or refusal is not None
    composer = Composer(int(job.body["max_tokens"]), 1 if single else 3)
    result = Answer()
    _think(job, composer)
    _before(job, composer, result)
    _say(job, composer, result)
    result.blocks = composer.blocks
    result.output_tokens, result.thinking_tokens = composer.used, composer.thinking_used
    if composer.cut:
        result.stop_reason, result.stop_sequence = "max_tokens", None
    if refusal:
        _refused(job, result, int(refusal.option("after")))
    if scenario.get("pause_turn"):
        result.stop_reason = "pause_turn"
    compaction = scenario.get("compaction")
    if compaction and compaction.options.get("pause"):
        result.stop_reason = "compaction"
    result.stop_reason = scenario.value("stop") or result.stop_reason
    return result


def _think(job: Job, composer: Composer) -> None:
    thinking = job.body.get("thinking") or {}
    asked = job.scenario.count("thinking_tokens")
    if asked is None and thinking.get("type") not in ("enabled", "adaptive"):
        return
    rng = job.identity.rng("thinking")
    count = rng.randint(12, 40) if asked is None else asked
    count = min(count, int(thinking.get("budget_tokens") or count))
    shown = thinking.get("display") != "omitted"
    composer.thinking(prose(rng, count), rng.randbytes(96), shown=shown)


def _before(job: Job, composer: Composer, result: Answer) -> None:
    """Blocks that come before the model's own words: fallback, compaction, advice, searches."""
    scenario = job.scenario
    fallback = scenario.get("fallback")
    if fallback:
        result.extra, result.served = "fallback", _fallback_model(job)
        trigger = {"type": "refusal", "category": fallback.options.get("category") or None}
        route = {"from": {"model": job.body["model"]}, "to": {"model": result.served}}
        composer.whole({"type": "fallback", **route, "trigger": trigger})
    if scenario.get("compaction"):
        result.extra = "compaction"
        composer.compaction("".join(prose(job.identity.rng("summary"), 40)))
    if scenario.get("advisor"):
        result.extra = "advisor"
        advise(job, composer)
    asked = "search" in job.last_text.lower() and has_tool(job, "web_search_")
    result.searches = scenario.count("web_search") or (1 if asked else 0)
    for index in range(result.searches):
        search(job, composer, index)
    result.fetches = scenario.count("web_fetch") or 0


def _fallback_model(job: Job) -> str:
    listed = job.body.get("fallbacks")
    first = listed[0].get("model", "") if isinstance(listed, list) and listed else ""
    name = job.scenario.value("fallback") or first or "claude-opus-4-8"
    return ALIASES.get(name, name)


def _say(job: Job, composer: Composer, result: Answer) -> None:
    """The model's own words: a tool call, JSON, or prose."""
    tools = tools_to_call(job)
    if tools:
        if (job.body.get("tool_choice") or {}).get("type", "auto") == "auto":
            composer.text(words(f"I will use {tools[0]['name']} for this."))
        for index, tool in enumerate(tools):
            rng = job.identity.rng(f"tool{index}")
            tool_id = job.identity.id("toolu", str(index))
            composer.tool(str(tool["name"]), tool_id, tool_input(tool, rng))
        result.stop_reason = "tool_use"
        return
    schema = _output_schema(job)
    if schema is not None and job.scenario.get("text") is None:
        composer.text(json_tokens(example(schema, job.identity.rng("json"))))
        return
    tokens = _stop_at(job, _prose_for(job, composer), result)
    composer.text(tokens, [citation()] if result.searches else None)


def _prose_for(job: Job, composer: Composer) -> list[str]:
    scenario, rng = job.scenario, job.identity.rng("text")
    text = scenario.get("text")
    if text:
        return words(text.value)
    total, events = scenario.count("output_tokens"), scenario.count("events")
    if events is not None:
        return prose(rng, events)
    if total is not None:
        return prose(rng, max(0, total - composer.used))
    return prose(rng, rng.randint(20, 60))


def _stop_at(job: Job, tokens: list[str], result: Answer) -> list[str]:
    """End at a stop sequence that the text contains, or that the prompt speaks of."""
    stops = [str(stop) for stop in job.body.get("stop_sequences") or () if stop]
    text = "".join(tokens)
    found = min((s for s in stops if s in text), key=text.index, default=None)
    if found:
        result.stop_reason, result.stop_sequence = "stop_sequence", found
        return words(text[: text.index(found)])
    spoken = next((stop for stop in stops if stop in job.last_text), None)
    if spoken:
        result.stop_reason, result.stop_sequence = "stop_sequence", spoken
    return tokens


def _output_schema(job: Job) -> Json | None:
    config = job.body.get("output_config")
    chosen = config.get("format") if isinstance(config, dict) else None
    chosen = chosen or job.body.get("output_format")
    if not isinstance(chosen, dict) or chosen.get("type") != "json_schema":
        return None
    schema = chosen.get("schema")
    return schema if isinstance(schema, dict) else {}


def _refused(job: Job, result: Answer, keep: int = 0) -> Answer:
    """Turn an answer into a refusal, keeping its first `keep` output tokens."""
    step = job.scenario.get("refusal")
    category = (step.value if step else "") or None
    why = (step.options.get("explanation") if step else "") or "This request was declined."
    kept: list[Block] = []
    used = 0
    for block in result.blocks:
        if used >= keep or block.start.get("type") != "text":
            break
        deltas = block.deltas[: max(0, keep - used)]
        used += sum(count for _, count in deltas)
        text = "".join(str(delta.get("text", "")) for delta, _ in deltas)
        kept.append(Block({**block.final, "text": text}, block.start, deltas))
    result.blocks, result.output_tokens, result.thinking_tokens = kept, used, 0
    result.stop_reason, result.stop_sequence = "refusal", None
    result.stop_details = {
        "type": "refusal",
        "category": category,
        "explanation": why,
        "recommended_model": None,
    }
    if as_blocks(job.body.get("system")) and job.beta:
        result.stop_details["fallback_credit_token"] = None
    return result
