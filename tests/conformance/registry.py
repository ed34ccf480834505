"""The GenAI conventions as data, in the two generations that otel-claude writes.

`released` is what the conformance suite of August 2026 and the published Python constants know;
`latest` is the conventions' main branch of October 2026. `registry("both")` is their union.
Written from the facts about the conventions, independently of `otel_claude.semconv`: that the two
agree is what the tests are about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Generation = Literal["released", "latest"]
Type = Literal["string", "int", "double", "boolean", "string[]", "any", "template[string]"]
Instrument = Literal["counter", "updowncounter", "histogram", "gauge"]
Kind = Literal["CLIENT", "INTERNAL"]

# Requirement levels. Only `required` and the plain `recommended` oblige; `recommended_if` and
# `conditional` hang on facts that telemetry alone does not show.
Level = Literal["required", "conditional", "recommended", "recommended_if", "opt_in"]
Levels = Mapping[str, Level]

EXEMPT: Final = frozenset(
    {
        "gen_ai.request.temperature",
        "gen_ai.request.max_tokens",
        "gen_ai.request.top_p",
        "gen_ai.request.stop_sequences",
        "gen_ai.request.presence_penalty",
        "gen_ai.request.frequency_penalty",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.tool.description",
    }
)
"""Plainly recommended attributes whose absence is no finding."""

SECONDS: Final = tuple(0.01 * 2**power for power in range(14))
TOKENS: Final = tuple(float(4**power) for power in range(14))
AGENT_SECONDS: Final = tuple(0.1 * 2**power for power in range(13))
CALLS: Final = tuple(float(2**power) for power in range(8))

_PROVIDERS: Final = """
    anthropic aws.bedrock azure.ai.inference azure.ai.openai cohere deepseek gcp.gemini gcp.gen_ai
    gcp.vertex_ai groq ibm.watsonx.ai mistral_ai moonshot_ai openai perplexity x_ai
"""
_OPERATIONS: Final = """
    chat create_agent create_memory create_memory_store delete_memory delete_memory_store
    embeddings execute_tool fetch_response generate_content invoke_agent invoke_workflow plan
    retrieval search_memory text_completion update_memory upsert_memory
"""
PROVIDERS: Final = frozenset(_PROVIDERS.split())
OPERATIONS: Final = frozenset(_OPERATIONS.split())
INFERENCE: Final = frozenset({"chat", "generate_content", "text_completion"})
FINISH_REASONS: Final = ("stop", "length", "content_filter", "tool_call", "compaction", "error")

CONTENT: Final = frozenset(
    {
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.definitions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
    }
)


@dataclass(frozen=True)
class Attribute:
    """One attribute: its type, its known values, and whether its name is out of use."""

    name: str
    type: Type
    members: tuple[str, ...] = ()
    deprecated: bool = False


@dataclass(frozen=True)
class SpanGroup:
    """One type of span. `subject` is the attribute that stands in its name after the operation."""

    id: str
    operations: frozenset[str]
    kind: Kind
    subject: str | None
    attributes: Levels


@dataclass(frozen=True)
class Metric:
    """One metric. `operations` limits what may be counted in it; empty is no limit."""

    name: str
    instrument: Instrument
    unit: str
    integer: bool
    attributes: Levels
    buckets: tuple[float, ...] | None = None
    operations: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Event:
    """One event. Of `one_of` at least one attribute must be there."""

    name: str
    severity: int | None
    attributes: Levels
    one_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Registry:
    """What one generation declares."""

    attributes: Mapping[str, Attribute]
    spans: tuple[SpanGroup, ...]
    metrics: Mapping[str, Metric]
    events: Mapping[str, Event]
    deprecated_metrics: frozenset[str] = frozenset()
    operations: frozenset[str] = OPERATIONS

    def attribute(self, name: str) -> Attribute | None:
        """The declaration of an attribute; those of templates are found by their prefix."""
        found = self.attributes.get(name)
        if found is not None:
            return found
        for declared in self.attributes.values():
            if declared.type.startswith("template") and name.startswith(declared.name + "."):
                return declared
        return None

    def group(self, operation: str, kind: str) -> SpanGroup | None:
        """The span type of an operation: the one of that kind, else any of that operation."""
        found = [group for group in self.spans if operation in group.operations]
        return next((group for group in found if group.kind == kind), found[0] if found else None)


# --- attributes --------------------------------------------------------------------------------

_TYPES: Final[Mapping[Type, str]] = {
    "string": """
        gen_ai.operation.name gen_ai.provider.name gen_ai.request.model gen_ai.output.type
        gen_ai.conversation.id gen_ai.prompt.name gen_ai.prompt.version gen_ai.response.id
        gen_ai.response.model gen_ai.response.status gen_ai.request.previous_response.id
        gen_ai.request.stream_cursor
        gen_ai.request.reasoning.level gen_ai.token.modality gen_ai.token.type gen_ai.tool.name
        gen_ai.tool.call.id gen_ai.tool.description gen_ai.tool.type gen_ai.agent.id
        gen_ai.agent.name gen_ai.agent.description gen_ai.agent.version gen_ai.data_source.id
        gen_ai.workflow.name gen_ai.memory.store.id gen_ai.memory.record.id
        gen_ai.evaluation.name gen_ai.evaluation.score.label gen_ai.evaluation.explanation
        error.type exception.type exception.message exception.stacktrace server.address
        user.id session.id event.name
    """,
    "int": """
        gen_ai.request.choice.count gen_ai.request.seed gen_ai.request.top_k
        gen_ai.request.max_tokens gen_ai.usage.input_tokens gen_ai.usage.output_tokens
        gen_ai.usage.cache_read.input_tokens gen_ai.usage.reasoning.output_tokens
        gen_ai.usage.text.input_tokens gen_ai.usage.text.output_tokens
        gen_ai.usage.image.input_tokens gen_ai.usage.image.output_tokens
        gen_ai.usage.audio.input_tokens gen_ai.usage.audio.output_tokens
        gen_ai.memory.record.count server.port http.response.status_code
        http.request.resend_count http.request.body.size
    """,
    "double": """
        gen_ai.request.temperature gen_ai.request.top_p gen_ai.request.frequency_penalty
        gen_ai.request.presence_penalty gen_ai.response.time_to_first_chunk
        gen_ai.evaluation.score.value
    """,
    "boolean": "gen_ai.request.stream gen_ai.conversation.compacted",
    "string[]": "gen_ai.request.stop_sequences gen_ai.response.finish_reasons",
    "any": " ".join(CONTENT),
    "template[string]": "gen_ai.prompt.variable",
}

_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "gen_ai.operation.name": tuple(OPERATIONS),
    "gen_ai.provider.name": tuple(PROVIDERS),
    "gen_ai.output.type": ("text", "json", "image", "speech"),
    "gen_ai.token.type": ("input", "output"),
    "gen_ai.token.modality": ("text", "image", "audio", "unknown"),
    "gen_ai.response.status": (
        *("queued", "in_progress", "completed", "incomplete", "failed", "cancelled"),
    ),
}

# Names that were in use once; any generation that finds one says so.
_OLD: Final = (
    Attribute("gen_ai.system", "string", deprecated=True),
    Attribute("gen_ai.prompt", "string", deprecated=True),
    Attribute("gen_ai.completion", "string", deprecated=True),
    Attribute("gen_ai.usage.prompt_tokens", "int", deprecated=True),
    Attribute("gen_ai.usage.completion_tokens", "int", deprecated=True),
    Attribute("event.name", "string", deprecated=True),
)


def _attributes(generation: Generation) -> dict[str, Attribute]:
    found = {
        name: Attribute(name, kind, _MEMBERS.get(name, ()))
        for kind, names in _TYPES.items()
        for name in names.split()
    }
    latest = generation == "latest"
    found |= {old.name: old for old in _OLD}
    creation = "gen_ai.usage.cache_creation.input_tokens"
    found[creation] = Attribute(creation, "int", deprecated=latest)
    if latest:
        write = "gen_ai.usage.cache_write.input_tokens"
        found[write] = Attribute(write, "int")
        kind = "gen_ai.token.type"
        found[kind] = Attribute(kind, "string", _MEMBERS[kind], deprecated=True)
    else:
        del found["gen_ai.token.modality"]
    return found


# --- spans -------------------------------------------------------------------------------------


def _levels(**levels: str) -> dict[str, Level]:
    """Attribute -> level, from words; `gen_ai.` is understood for names without a known root."""
    found: dict[str, Level] = {}
    for level, names in levels.items():
        for name in names.split():
            known = name.split(".")[0] in ("gen_ai", "error", "server", "exception")
            found[name if known else f"gen_ai.{name}"] = level  # type: ignore[assignment] # the keywords are the levels
    return found


_REQUEST: Final = (
    "request.max_tokens request.temperature request.top_p request.stop_sequences "
    "request.frequency_penalty request.presence_penalty"
)
_MESSAGES: Final = "input.messages output.messages system_instructions tool.definitions"


def _inference(generation: Generation) -> dict[str, Level]:
    cache = "cache_write" if generation == "latest" else "cache_creation"
    return _levels(
        required="operation.name provider.name",
        conditional=(
            "error.type conversation.id output.type prompt.name prompt.version "
            "request.choice.count request.seed request.model request.stream request.top_k "
            "server.port"
        ),
        recommended=(
            f"server.address {_REQUEST} response.id response.model response.finish_reasons "
            f"usage.input_tokens usage.output_tokens usage.cache_read.input_tokens "
            f"usage.{cache}.input_tokens"
        ),
        recommended_if=(
            "conversation.compacted request.previous_response.id request.reasoning.level "
            "response.time_to_first_chunk usage.reasoning.output_tokens "
            "usage.text.input_tokens usage.text.output_tokens usage.image.input_tokens "
            "usage.image.output_tokens usage.audio.input_tokens usage.audio.output_tokens"
        ),
        opt_in=f"{_MESSAGES} prompt.variable",
    )


def _spans(generation: Generation) -> tuple[SpanGroup, ...]:
    latest = generation == "latest"
    cache = "cache_write" if latest else "cache_creation"
    agent_internal = _levels(
        required="operation.name",
        conditional=(
            "error.type agent.name agent.description conversation.id data_source.id output.type "
            "request.choice.count request.seed"
        ),
        recommended=(f"{_REQUEST} response.finish_reasons usage.input_tokens usage.output_tokens"),
        recommended_if="request.model",
        opt_in=_MESSAGES,
    )
    if not latest:
        agent_internal |= _levels(
            recommended_if=(
                "provider.name agent.id agent.version usage.cache_read.input_tokens "
                "usage.cache_creation.input_tokens"
            )
        )
    agent_client = _levels(
        required="operation.name provider.name",
        conditional=(
            "agent.name agent.id agent.description agent.version conversation.id server.port "
            "error.type output.type data_source.id request.seed request.choice.count"
        ),
        recommended=(
            f"server.address {_REQUEST} response.finish_reasons usage.input_tokens "
            "usage.output_tokens"
        ),
        recommended_if=(
            f"request.model usage.cache_read.input_tokens usage.{cache}.input_tokens "
            "request.previous_response.id"
        ),
        opt_in=_MESSAGES,
    )
    tool = _levels(
        required="operation.name tool.name",
        conditional="error.type agent.name conversation.id",
        recommended_if="tool.call.id tool.description tool.type",
        opt_in="tool.call.arguments tool.call.result",
    )
    created = _levels(
        required="operation.name provider.name",
        conditional=(
            "agent.id agent.name agent.description agent.version request.model error.type "
            "server.port"
        ),
        recommended="server.address",
        opt_in="system_instructions",
    )
    fetched = _levels(
        required="operation.name provider.name response.id",
        conditional="request.stream_cursor error.type server.port",
        recommended="response.model response.finish_reasons response.status server.address",
        opt_in=_MESSAGES,
    )
    inference = "gen_ai.client.inference" if latest else "gen_ai.inference.client"
    model, agent = "gen_ai.request.model", "gen_ai.agent.name"
    groups = (
        SpanGroup(inference, INFERENCE, "CLIENT", model, _inference(generation)),
        _group("gen_ai.invoke_agent.internal", "invoke_agent", "INTERNAL", agent, agent_internal),
        _group("gen_ai.invoke_agent.client", "invoke_agent", "CLIENT", agent, agent_client),
        _group(
            "gen_ai.execute_tool.internal", "execute_tool", "INTERNAL", "gen_ai.tool.name", tool
        ),
        _group("gen_ai.create_agent.client", "create_agent", "CLIENT", agent, created),
    )
    fetch = _group("gen_ai.fetch_response.client", "fetch_response", "CLIENT", None, fetched)
    return (*groups, fetch) if latest else groups


def _group(id_: str, operation: str, kind: Kind, subject: str | None, levels: Levels) -> SpanGroup:
    return SpanGroup(id_, frozenset({operation}), kind, subject, levels)


# --- metrics -----------------------------------------------------------------------------------

_M: Final = _levels(
    required="operation.name provider.name",
    conditional="request.model server.port",
    recommended="response.model server.address",
)
_ME: Final = _M | _levels(conditional="error.type")
_NOT_INFERENCE: Final = OPERATIONS - INFERENCE - {"execute_tool", "invoke_workflow"}


def _seconds(name: str, attributes: Levels, **more: frozenset[str]) -> Metric:
    return Metric(name, "histogram", "s", False, attributes, SECONDS, **more)


def _token_histogram(name: str, attributes: Levels) -> Metric:
    return Metric(name, "histogram", "{token}", True, attributes, TOKENS)


def _released() -> list[Metric]:
    client = "gen_ai.client.operation"
    return [
        _seconds(f"{client}.duration", _ME),
        _seconds(f"{client}.time_to_first_chunk", _M),
        _seconds(f"{client}.time_per_output_chunk", _M),
        _token_histogram("gen_ai.client.token.usage", _M | _levels(required="token.type")),
    ]


def _latest() -> list[Metric]:
    client = "gen_ai.client.inference"
    modality = _M | _levels(required="token.modality")
    agent_name = _levels(recommended="agent.name")
    found = [
        _seconds(f"{client}.duration", _ME),
        _seconds(f"{client}.time_to_first_chunk", _M),
        _seconds(f"{client}.time_per_output_chunk", _M),
        _token_histogram(f"{client}.operation.input_tokens", _ME),
        _token_histogram(f"{client}.operation.output_tokens", _ME),
        _seconds(
            "gen_ai.client.operation.duration",
            _ME | _levels(conditional="provider.name"),
            operations=_NOT_INFERENCE,
        ),
        Metric(
            "gen_ai.invoke_agent.duration",
            "histogram",
            "s",
            False,
            _levels(conditional="error.type agent.name", recommended="request.model"),
            AGENT_SECONDS,
        ),
        _seconds(
            "gen_ai.execute_tool.duration",
            _levels(
                required="tool.name", recommended="tool.type", conditional="agent.name error.type"
            ),
        ),
    ]
    found += [
        Metric(f"{client}.usage.{kind}_tokens", "counter", "{token}", True, modality)
        for kind in ("input", "output", "cache_read.input", "cache_write.input", "reasoning.output")
    ]
    found += [
        Metric(f"gen_ai.invoke_agent.{kind}s", "histogram", f"{{{kind}}}", True, agent_name, CALLS)
        for kind in ("inference_call", "tool_call")
    ]
    return found


# --- events ------------------------------------------------------------------------------------


def _events(generation: Generation) -> dict[str, Event]:
    inference = _inference(generation)
    score = _levels(
        required="evaluation.name",
        conditional="evaluation.score.value evaluation.score.label error.type",
        recommended="evaluation.explanation response.id",
    )
    thrown = _levels(recommended="exception.type exception.message exception.stacktrace")
    events = (
        Event("gen_ai.client.inference.operation.details", 5, inference),
        Event(
            "gen_ai.client.operation.exception",
            13,
            # The span's attributes may be on it, and none of them must.
            dict.fromkeys(inference, "opt_in") | thrown,  # type: ignore[arg-type] # a literal
            one_of=("exception.type", "exception.message"),
        ),
        Event("gen_ai.evaluation.result", None, score),
    )
    return {event.name: event for event in events}


# --- the generations ---------------------------------------------------------------------------


def _registry(generation: Generation) -> Registry:
    metrics = {m.name: m for m in (_latest() if generation == "latest" else _released())}
    gone = {m.name for m in _released()} - metrics.keys() if generation == "latest" else set()
    return Registry(
        attributes=_attributes(generation),
        spans=_spans(generation),
        metrics=metrics,
        events=_events(generation),
        deprecated_metrics=frozenset(gone),
    )


def _both() -> Registry:
    """The union: whatever one of the two declares may be written."""
    old, new = _registry("released"), _registry("latest")
    spans = [
        SpanGroup(
            group.id,
            group.operations,
            group.kind,
            group.subject,
            {**former.attributes, **group.attributes},
        )
        if (former := old.group(next(iter(sorted(group.operations))), group.kind))
        else group
        for group in new.spans
    ]
    # Released counts inference in `operation.duration`, so its limit falls.
    return Registry(
        attributes={**new.attributes, **old.attributes},
        spans=tuple(spans),
        metrics={**new.metrics, **old.metrics},
        events={
            name: Event(
                name,
                event.severity,
                {**old.events[name].attributes, **event.attributes},
                event.one_of,
            )
            for name, event in new.events.items()
        },
    )


_REGISTRIES: Final = {
    "released": _registry("released"),
    "latest": _registry("latest"),
}
_REGISTRIES["both"] = _both()


def registry(generation: str) -> Registry:
    """The registry of `released`, `latest` or `both`."""
    return _REGISTRIES[generation]
