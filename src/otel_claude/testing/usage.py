"""What is used: the `usage` of an answer, and how a stream spreads it over two events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_claude.testing.generate import ADVICE_INPUT, SEARCH_INPUT, Answer
from otel_claude.testing.models import FAST
from otel_claude.testing.tokens import prompt_tokens

if TYPE_CHECKING:
    from otel_claude.testing.job import Job, Json

_ONLY_START = ("cache_creation", "service_tier", "inference_geo", "speed")
_ONLY_DELTA = ("server_tool_use", "output_tokens_details", "iterations")
_COUNTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def of(job: Job, result: Answer) -> Json:
    """The usage the API reports (and bills by) for an answer."""
    base = _prompt(job)
    later = _later_inputs(job, result, base)
    usage: Json = {**base, "output_tokens": result.output_tokens}
    usage["input_tokens"] += sum(later)
    usage.update(_conditions(job))
    if result.searches or result.fetches:
        usage["server_tool_use"] = {
            "web_search_requests": result.searches,
            "web_fetch_requests": result.fetches,
        }
    if result.thinking_tokens:
        usage["output_tokens_details"] = {"thinking_tokens": result.thinking_tokens}
    if job.beta or result.extra:
        usage["iterations"] = _iterations(job, result, base, later)
    override = job.scenario.get("usage")
    return {**usage, **override.json()} if override else usage


def _prompt(job: Job) -> Json:
    """The input side: what was cached, and the rest."""
    cache = job.cache
    fixed = job.scenario.count("input_tokens")
    rest = prompt_tokens(job.pieces) - cache.read - cache.write if fixed is None else fixed
    return {
        "input_tokens": rest,
        "cache_creation_input_tokens": cache.write,
        "cache_read_input_tokens": cache.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": cache.write_5m,
            "ephemeral_1h_input_tokens": cache.write_1h,
        },
    }


def _conditions(job: Job) -> Json:
    """Under which conditions the inference ran."""
    scenario, body = job.scenario, job.body
    geo = str(body.get("inference_geo") or "global") if job.model.modern else "not_available"
    found: Json = {
        "service_tier": scenario.value("tier") or ("batch" if job.batch else "standard"),
        "inference_geo": scenario.value("geo") or geo,
    }
    fast = body.get("speed") == "fast" and job.model.id in FAST and not job.batch
    if body.get("speed") or "fast-mode" in job.betas or scenario.get("speed"):
        found["speed"] = scenario.value("speed") or ("fast" if fast else "standard")
    return found


def _later_inputs(job: Job, result: Answer, base: Json) -> list[int]:
    """Uncached input of the message iterations after the first."""
    if result.extra == "advisor":
        return [int(base["input_tokens"]) + ADVICE_INPUT]
    if job.scenario.count("input_tokens") is not None:
        return []
    return [SEARCH_INPUT] * result.searches


def _entry(kind: str, usage: Json, output: int, model: str | None = None) -> Json:
    entry: Json = {"type": kind}
    if model:
        entry["model"] = model
    creation = usage.get("cache_creation") or {
        "ephemeral_5m_input_tokens": 0,
        "ephemeral_1h_input_tokens": 0,
    }
    counts = {key: usage.get(key, 0) for key in _COUNTS}
    return {**entry, **counts, "cache_creation": dict(creation), "output_tokens": output}


def _iterations(job: Job, result: Answer, base: Json, later: list[int]) -> list[Json]:
    model, output = job.model.id, result.output_tokens
    if result.extra == "fallback":
        declined = _entry("message", base, 0, model)
        return [declined, _entry("fallback_message", base, output, result.served)]
    share = output // (len(later) + 1)
    inputs = [base, *({"input_tokens": tokens} for tokens in later)]
    entries = [_entry("message", used, share, model) for used in inputs]
    entries[-1]["output_tokens"] = output - share * len(later)
    if result.extra == "advisor":
        entries.insert(1, _advisor(job))
    if result.extra == "compaction":
        entries.insert(0, _compaction(job))
    return entries


def _advisor(job: Job) -> Json:
    step = job.scenario.get("advisor")
    if step is None:  # pragma: no cover - only called where there is one
        return {}
    write = int(step.option("cache_write", 0))
    used = {
        "input_tokens": int(step.option("input", 1_200)),
        "cache_read_input_tokens": int(step.option("cache_read", 0)),
        "cache_creation_input_tokens": write,
        "cache_creation": {"ephemeral_5m_input_tokens": write, "ephemeral_1h_input_tokens": 0},
    }
    listed = (
        str(t["model"])
        for t in job.tools
        if str(t.get("type")).startswith("advisor_") and t.get("model")
    )
    model = step.value or next(listed, "claude-opus-5-5")
    return _entry("advisor_message", used, int(step.option("output", 300)), model)


def _compaction(job: Job) -> Json:
    step = job.scenario.get("compaction")
    used = {"input_tokens": int(step.option("input", 150_000)) if step else 0}
    return _entry("compaction", used, int(step.option("output", 2_000)) if step else 0)


def at_start(job: Job, usage: Json) -> Json:
    """The usage in `message_start`: the prompt, before any server tool added to it."""
    start = {key: value for key, value in usage.items() if key not in _ONLY_DELTA}
    if job.scenario.get("usage") is None and isinstance(start.get("input_tokens"), int):
        start["input_tokens"] = _prompt(job)["input_tokens"]
    if isinstance(start.get("output_tokens"), int):
        start["output_tokens"] = min(1, start["output_tokens"])
    return start


def at_end(usage: Json) -> Json:
    """The usage in `message_delta`: cumulative totals."""
    return {key: value for key, value in usage.items() if key not in _ONLY_START}


def partial(usage: Json, output_tokens: int) -> Json:
    """What had been used when an answer was cut, with that much output sent."""
    kept = {
        key: value
        for key, value in usage.items()
        if key not in ("iterations", "output_tokens_details")
    }
    return {**kept, "output_tokens": output_tokens}
