"""Every telemetry name that otel-claude emits or reads; nothing else spells them.

Three families: the OpenTelemetry GenAI conventions (`gen_ai.*`, `error.*`, `server.*`, ...), the
names that the Anthropic SDK's own tracing uses (`anthropic.*`), and ours (`claude.*`).
`SPAN_ATTRIBUTES` and `METRICS` describe them for people; the README's tables are made from these.
"""

from collections.abc import Mapping
from typing import Literal

SCOPE = "otel_claude"

# --- GenAI conventions and general names -------------------------------------------------------
OPERATION_NAME = "gen_ai.operation.name"
PROVIDER_NAME = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_STREAM = "gen_ai.request.stream"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_TOP_P = "gen_ai.request.top_p"
REQUEST_TOP_K = "gen_ai.request.top_k"
REQUEST_REASONING_LEVEL = "gen_ai.request.reasoning.level"
OUTPUT_TYPE = "gen_ai.output.type"
RESPONSE_ID = "gen_ai.response.id"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons"
RESPONSE_TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
USAGE_INPUT_TOKENS = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
USAGE_CACHE_READ = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_WRITE = "gen_ai.usage.cache_write.input_tokens"
USAGE_CACHE_CREATION = "gen_ai.usage.cache_creation.input_tokens"
USAGE_REASONING = "gen_ai.usage.reasoning.output_tokens"
USAGE_COST = "gen_ai.usage.cost"
CONVERSATION_ID = "gen_ai.conversation.id"
CONVERSATION_COMPACTED = "gen_ai.conversation.compacted"
PROMPT_NAME = "gen_ai.prompt.name"
PROMPT_VERSION = "gen_ai.prompt.version"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 - a telemetry name, no secret
TOKEN_MODALITY = "gen_ai.token.modality"  # noqa: S105 - a telemetry name, no secret
ERROR_TYPE = "error.type"
TOOL_NAME = "gen_ai.tool.name"
TOOL_TYPE = "gen_ai.tool.type"
TOOL_CALL_ID = "gen_ai.tool.call.id"
TOOL_DESCRIPTION = "gen_ai.tool.description"
EVALUATION_NAME = "gen_ai.evaluation.name"
EVALUATION_SCORE = "gen_ai.evaluation.score.value"
EVALUATION_LABEL = "gen_ai.evaluation.score.label"
EVALUATION_EXPLANATION = "gen_ai.evaluation.explanation"
EXCEPTION_TYPE = "exception.type"
EXCEPTION_MESSAGE = "exception.message"
EXCEPTION_STACKTRACE = "exception.stacktrace"
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"
TOOL_DEFINITIONS = "gen_ai.tool.definitions"
TOOL_ARGUMENTS = "gen_ai.tool.call.arguments"
TOOL_RESULT = "gen_ai.tool.call.result"
REQUEST_STOP_SEQUENCES = "gen_ai.request.stop_sequences"
EVENT_NAME = "event.name"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
HTTP_STATUS = "http.response.status_code"
HTTP_RESEND_COUNT = "http.request.resend_count"
HTTP_BODY_SIZE = "http.request.body.size"
USER_ID = "user.id"
SESSION_ID = "session.id"
HTTP_ROUTE = "http.route"
SERVICE_NAME = "service.name"
DEPLOYMENT_ENVIRONMENT = "deployment.environment.name"
RUN_ID = "claude.run.id"

# --- the SDK's own tracing ---------------------------------------------------------------------
REQUEST_ID = "anthropic.request.id"
ORGANIZATION_ID = "anthropic.organization.id"
WORKSPACE_ID = "anthropic.workspace.id"
REQUEST_SERVICE_TIER = "anthropic.request.service_tier"
RESPONSE_SERVICE_TIER = "anthropic.response.service_tier"
THINKING_TYPE = "anthropic.thinking.type"
THINKING_BUDGET = "anthropic.thinking.budget_tokens"
BETA = "anthropic.beta"
STOP_REASON = "anthropic.message.stop_reason"
COUNTED_INPUT_TOKENS = "anthropic.message.count_tokens.input_tokens"
BATCH_ID = "anthropic.message.batch.id"
BATCH_REQUESTS = "anthropic.message.batch.request_count"
USAGE_CACHE_5M = "anthropic.usage.cache_creation.ephemeral_5m_input_tokens"
USAGE_CACHE_1H = "anthropic.usage.cache_creation.ephemeral_1h_input_tokens"
USAGE_COMPACTION_INPUT = "anthropic.usage.compaction.input_tokens"
USAGE_COMPACTION_OUTPUT = "anthropic.usage.compaction.output_tokens"
USAGE_SPEED = "anthropic.usage.speed"
USAGE_GEO = "anthropic.usage.inference_geo"
USAGE_WEB_SEARCHES = "anthropic.usage.server_tool_use.web_search_requests"
USAGE_WEB_FETCHES = "anthropic.usage.server_tool_use.web_fetch_requests"
STOP_CATEGORY = "anthropic.stop_details.category"
CACHE_MISS_REASON = "anthropic.cache_miss.reason"
CACHE_MISSED_TOKENS = "anthropic.cache_miss.missed_input_tokens"

# --- ours --------------------------------------------------------------------------------------
OUTCOME = "claude.outcome"
CONTENT_CUT = "claude.content.cut"
RETRIES = "claude.retries"
RETRIED = "claude.retried"
ERROR_CATEGORY = "claude.error.category"
FINISH_REASON = "claude.finish_reason"
BATCH_RESULTS = "claude.batch.results"
BATCH_COUNTED = "claude.batch.counted"
REQUEST_MESSAGES = "claude.request.messages"
REQUEST_TOOLS = "claude.request.tools"
STREAM_EVENTS = "claude.stream.events"
TIME_TO_FIRST_EVENT = "claude.time_to_first_event"
CONTEXT_BUCKET = "claude.context.bucket"
CONTEXT_UTILIZATION = "claude.context.utilization"
USAGE_INFERENCES = "claude.usage.inferences"
COST_TOTAL = "claude.cost.total"
COST_INPUT = "claude.cost.input"
COST_OUTPUT = "claude.cost.output"
COST_CACHE_READ = "claude.cost.cache_read"
COST_CACHE_WRITE = "claude.cost.cache_write"
COST_SERVER_TOOLS = "claude.cost.server_tools"
COST_UNCACHED = "claude.cost.uncached"
COST_BASIS = "claude.cost.basis"
COST_PRICE_BOOK = "claude.cost.price_book"
COST_INCOMPLETE = "claude.cost.incomplete"
COST_FREE_REASON = "claude.cost.free_reason"
COST_UNAVAILABLE = "claude.cost.unavailable_reason"
COST_COMPONENT = "claude.cost.component"
COST_BUCKET = "claude.cost.bucket"
CLAUDE_TOKEN_TYPE = "claude.token.type"  # noqa: S105 - a telemetry name, no secret
RATELIMIT_KIND = "claude.ratelimit.kind"
FAULT_SITE = "claude.instrumentation.site"
BUDGET_NAME = "claude.budget.name"
BUDGET_SCOPE = "claude.budget.scope"
BUDGET_KEY = "claude.budget.key"
BUDGET_WINDOW = "claude.budget.window"
BUDGET_UNIT = "claude.budget.unit"
BUDGET_RANK = "claude.budget.rank"
BUDGET_REASON = "claude.budget.reason"
BUDGET_SHARE = "claude.budget.share"
BUDGET_LIMIT = "claude.budget.limit"
BUDGET_SPENT = "claude.budget.spent"
BUDGET_RESERVED = "claude.budget.reserved"
BUDGET_ESTIMATE = "claude.budget.estimate"
EVALUATION_BASELINE = "claude.evaluation.baseline"
DROP_REASON = "claude.evaluation.drop_reason"
ANOMALY_KIND = "claude.anomaly.kind"
ANOMALY_VALUE = "claude.anomaly.value"
ANOMALY_USUAL = "claude.anomaly.usual"
ANOMALY_UNIT = "claude.anomaly.unit"
ANOMALY_DEVIATIONS = "claude.anomaly.deviations"
ANOMALY_HOURS = "claude.anomaly.hours"
ANOMALY_CALLS = "claude.anomaly.calls"
TENANT = "claude.tenant"
TEAM = "claude.team"
FEATURE = "claude.feature"
ENDPOINT = "claude.endpoint"
CONTEXT_NEARLY_FULL = "claude.context.nearly_full"
AUDIT_FINDING = "claude.audit.finding"
AUDIT_SEVERITY = "claude.audit.severity"
TAG_PREFIX = "claude.tag."
TAG_DOMAIN = "domain"
TAG_EVALUATION = "evaluation"
TAG_EVALUATED = "evaluated"
EVALUATION = "evaluation"
"""The feature of calls that evaluators make; their tags say which one, and the message it judges."""
EVALUATION_LOW = "evaluation_below_baseline"
"""The kind of anomaly that a score far below its history is."""
FEEDBACK = "feedback"
"""The name that users' feedback has among evaluations; the label says what they did."""
FEEDBACK_ACCEPT = "accept"
OTHER = "other"
"""What a label says instead of its value, once it has as many values as it may."""

ATTRIBUTION: Mapping[str, tuple[str, ...]] = {
    "user": (USER_ID,),
    "session": (SESSION_ID, CONVERSATION_ID),
    "tenant": (TENANT,),
    "team": (TEAM,),
    "feature": (FEATURE,),
    "endpoint": (ENDPOINT,),
    "prompt": (PROMPT_NAME,),
    "prompt_version": (PROMPT_VERSION,),
}
"""Dimension of an attribution -> the attributes that it becomes; labels and resources have the first."""


def attribution_name(key: str) -> str:
    """The label, resource attribute or baggage name of a dimension, or of a tag."""
    names = ATTRIBUTION.get(key)
    return names[0] if names else TAG_PREFIX + key


CALL_OPERATIONS = ("chat", "text_completion", "batch", "count_tokens")
"""Operations whose spans are calls; runs of agents and tools are not."""

# --- audit -------------------------------------------------------------------------------------
AUDIT_CHAIN = "claude.audit.chain"
AUDIT_SEQUENCE = "claude.audit.sequence"
AUDIT_PREVIOUS = "claude.audit.previous"
AUDIT_SEAL = "claude.audit.seal"
AUDIT_ALGORITHM = "claude.audit.algorithm"
AUDIT_LAST = "claude.audit.last"
AUDIT_TIME = "claude.audit.time"
AUDIT_REQUEST_HASH = "claude.audit.request_hash"
AUDIT_RESPONSE_HASH = "claude.audit.response_hash"
AUDIT_COST = "claude.audit.cost"
AUDIT_REGION = "claude.audit.caller_region"
AUDIT_CLASSIFICATION = "claude.audit.classification"
AUDIT_RETENTION = "claude.audit.retention"
AUDIT_FINDINGS = "claude.audit.findings"
AUDIT_SENSITIVE = (
    USER_ID,
    SESSION_ID,
    TENANT,
    TEAM,
    FEATURE,
    ENDPOINT,
    AUDIT_REQUEST_HASH,
    AUDIT_RESPONSE_HASH,
)
"""What of an audit record may be encrypted."""
AUDIT_RECORD = (
    AUDIT_CHAIN,
    AUDIT_SEQUENCE,
    AUDIT_PREVIOUS,
    AUDIT_SEAL,
    AUDIT_ALGORITHM,
    AUDIT_LAST,
    AUDIT_TIME,
    *AUDIT_SENSITIVE,
    AUDIT_COST,
    AUDIT_REGION,
    AUDIT_CLASSIFICATION,
    AUDIT_RETENTION,
    AUDIT_FINDINGS,
    REQUEST_ID,
    RESPONSE_ID,
    ORGANIZATION_ID,
    WORKSPACE_ID,
    BATCH_ID,
    OPERATION_NAME,
    PROVIDER_NAME,
    REQUEST_MODEL,
    RESPONSE_MODEL,
    USAGE_INPUT_TOKENS,
    USAGE_OUTPUT_TOKENS,
    USAGE_GEO,
    OUTCOME,
    ERROR_TYPE,
)
"""All that an audit record may say; its seal covers the rest of it."""

# --- events ------------------------------------------------------------------------------------
EVENT_AUDIT = "claude.audit.call"
EVENT_DETAILS = "gen_ai.client.inference.operation.details"
EVENT_EXCEPTION = "gen_ai.client.operation.exception"
EVENT_EVALUATION = "gen_ai.evaluation.result"
EVENT_ANOMALY = "claude.anomaly"
EVENT_BUDGET_WARNING = "claude.budget.warning"
EVENT_BUDGET_REJECTED = "claude.budget.rejected"

# --- metric names ------------------------------------------------------------------------------
M_TOKEN_USAGE = "gen_ai.client.token.usage"  # noqa: S105 - a telemetry name, no secret
M_DURATION = "gen_ai.client.operation.duration"
M_FIRST_CHUNK = "gen_ai.client.operation.time_to_first_chunk"
M_OUTPUT_CHUNK = "gen_ai.client.operation.time_per_output_chunk"
M_INFERENCE_DURATION = "gen_ai.client.inference.duration"
M_INFERENCE_FIRST_CHUNK = "gen_ai.client.inference.time_to_first_chunk"
M_INFERENCE_OUTPUT_CHUNK = "gen_ai.client.inference.time_per_output_chunk"
M_INFERENCE_INPUT = "gen_ai.client.inference.operation.input_tokens"
M_INFERENCE_OUTPUT = "gen_ai.client.inference.operation.output_tokens"
M_USAGE_INPUT = "gen_ai.client.inference.usage.input_tokens"
M_USAGE_OUTPUT = "gen_ai.client.inference.usage.output_tokens"
M_USAGE_CACHE_READ = "gen_ai.client.inference.usage.cache_read.input_tokens"
M_USAGE_CACHE_WRITE = "gen_ai.client.inference.usage.cache_write.input_tokens"
M_USAGE_REASONING = "gen_ai.client.inference.usage.reasoning.output_tokens"
M_AGENT_DURATION = "gen_ai.invoke_agent.duration"
M_AGENT_CALLS = "gen_ai.invoke_agent.inference_calls"
M_AGENT_TOOLS = "gen_ai.invoke_agent.tool_calls"
M_TOOL_DURATION = "gen_ai.execute_tool.duration"
M_REQUESTS = "claude.client.requests"
M_TOKENS = "claude.client.tokens"
M_COST = "claude.client.cost"
M_COST_UNCACHED = "claude.client.cost.uncached"
M_COST_UNPRICED = "claude.client.cost.unpriced"
M_RETRIES = "claude.client.retries"
M_ACTIVE = "claude.client.active_requests"
M_OUTPUT_RATE = "claude.client.output_rate"
M_RATELIMIT_LIMIT = "claude.client.ratelimit.limit"
M_RATELIMIT_REMAINING = "claude.client.ratelimit.remaining"
M_RATELIMIT_UTILIZATION = "claude.client.ratelimit.utilization"
M_RATELIMIT_RESET = "claude.client.ratelimit.reset"
M_RETIREMENT = "claude.client.model.retirement"
M_SESSION_TOKENS = "claude.session.tokens"
M_SESSION_COST = "claude.session.cost"
BUDGET_METRICS = "claude.budget."
"""How the names of all metrics of budgets begin."""
M_BUDGET_LIMIT = BUDGET_LIMIT
M_BUDGET_SPENT = BUDGET_SPENT
M_BUDGET_RESERVED = BUDGET_RESERVED
M_BUDGET_REJECTIONS = "claude.budget.rejections"
M_BUDGET_WARNINGS = "claude.budget.warnings"
M_BUDGET_OVERRUNS = "claude.budget.overruns"
M_EVALUATIONS = "claude.evaluations"
M_EVALUATION_SCORE = "claude.evaluation.score"
M_AUDIT_FINDINGS = "claude.audit.findings"
M_EVALUATIONS_LOW = "claude.evaluations.low"
M_EVALUATIONS_DROPPED = "claude.evaluations.dropped"
M_FAULTS = "claude.instrumentation.errors"

# Made from spans by the gateway collector (deploy/collector/gateway.yaml), not by the package: per
# `user.id`, with tenant and team.
M_USER_REQUESTS = "claude.user.requests"
M_USER_INPUT = "claude.user.tokens.input"
M_USER_OUTPUT = "claude.user.tokens.output"
M_USER_COST = "claude.user.cost"

# --- read, but emitted by others: resources, web frameworks, Claude Code -------------------------
ENVIRONMENT = "deployment.environment.name"
M_HTTP_SERVER_DURATION = "http.server.request.duration"
CODE_TYPE = "type"
CODE_MODEL = "model"
CODE_DECISION = "decision"
CODE_USER = "user.account_uuid"
M_CODE_SESSIONS = "claude_code.session.count"
M_CODE_LINES = "claude_code.lines_of_code.count"
M_CODE_PULL_REQUESTS = "claude_code.pull_request.count"
M_CODE_COMMITS = "claude_code.commit.count"
M_CODE_COST = "claude_code.cost.usage"
M_CODE_TOKENS = "claude_code.token.usage"
M_CODE_DECISIONS = "claude_code.code_edit_tool.decision"
M_CODE_ACTIVE = "claude_code.active_time.total"

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = tuple(4**power for power in range(14))
AGENT_SECONDS = tuple(2**power / 10 for power in range(13))
AGENT_STEPS = tuple(2**power for power in range(8))
SCORES = (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)
TOKENS_PER_SECOND = (1, 2, 5, 10, 20, 30, 40, 50, 60, 80, 100, 125, 150, 200, 300, 500, 1000)


class Attribute:
    """One attribute of the span of a call, as documented.

    `registry` is True where the GenAI conventions declare it, so that strict mode writes it.
    """

    __slots__ = ("name", "note", "registry", "type")

    def __init__(self, name: str, kind: str, note: str, *, registry: bool = False) -> None:
        self.name = name
        self.type = kind
        self.note = note
        self.registry = registry


class Metric:
    """One metric, as documented. `generation` is empty for metrics that are ours."""

    __slots__ = ("attributes", "buckets", "generation", "instrument", "name", "note", "unit")

    def __init__(
        self,
        name: str,
        instrument: Literal["counter", "up-down counter", "histogram", "gauge"],
        unit: str,
        note: str,
        attributes: tuple[str, ...],
        *,
        buckets: tuple[float, ...] | None = None,
        generation: Literal["", "released", "latest"] = "",
    ) -> None:
        self.name = name
        self.instrument = instrument
        self.unit = unit
        self.note = note
        self.attributes = attributes
        self.buckets = buckets
        self.generation = generation


def _std(name: str, kind: str, note: str) -> Attribute:
    return Attribute(name, kind, note, registry=True)


SPAN_ATTRIBUTES: tuple[Attribute, ...] = (
    _std(OPERATION_NAME, "string", "`chat`; `text_completion`, `count_tokens`, `batch`"),
    _std(PROVIDER_NAME, "string", "`anthropic`, `aws.bedrock` or `gcp.vertex_ai`"),
    _std(REQUEST_MODEL, "string", "model, as it was asked for"),
    _std(RESPONSE_MODEL, "string", "model that answered"),
    _std(RESPONSE_ID, "string", "message id"),
    _std(RESPONSE_FINISH_REASONS, "string[]", "why it ended: stop, length, tool_call, ..."),
    _std(REQUEST_STREAM, "boolean", "true for streamed calls, else absent"),
    _std(REQUEST_MAX_TOKENS, "int", "output limit that was asked for"),
    _std(REQUEST_TEMPERATURE, "double", "where the request set it"),
    _std(REQUEST_TOP_P, "double", "where the request set it"),
    _std(REQUEST_TOP_K, "int", "where the request set it"),
    _std(REQUEST_REASONING_LEVEL, "string", "effort that was asked for"),
    _std(OUTPUT_TYPE, "string", "`json` where a format was asked for"),
    _std(REQUEST_STOP_SEQUENCES, "string[]", "content: recorded by `capture`"),
    _std(INPUT_MESSAGES, "JSON", "content: recorded by `capture`"),
    _std(OUTPUT_MESSAGES, "JSON", "content: recorded by `capture`"),
    _std(SYSTEM_INSTRUCTIONS, "JSON", "content: recorded by `capture`"),
    _std(TOOL_DEFINITIONS, "JSON", "content: recorded by `capture`"),
    _std(RESPONSE_TIME_TO_FIRST_CHUNK, "double, s", "from request to first content of a stream"),
    _std(USAGE_INPUT_TOKENS, "int", "whole prompt: cache reads and writes are included"),
    _std(USAGE_OUTPUT_TOKENS, "int", "output, thinking included"),
    _std(USAGE_CACHE_READ, "int", "part of the prompt that came from the cache"),
    _std(USAGE_CACHE_WRITE, "int", "part of the prompt that was written to the cache"),
    _std(USAGE_CACHE_CREATION, "int", "the same; in strict mode whichever the generation has"),
    _std(USAGE_REASONING, "int", "thinking, a part of the output"),
    _std(CONVERSATION_ID, "string", "session, from attribution"),
    _std(CONVERSATION_COMPACTED, "boolean", "true where the context was compacted"),
    _std(PROMPT_NAME, "string", "prompt, from attribution"),
    _std(PROMPT_VERSION, "string", "prompt version, from attribution"),
    _std(SERVER_ADDRESS, "string", "host of the API"),
    _std(SERVER_PORT, "int", "port of the API"),
    _std(ERROR_TYPE, "string", "the API's own error type; absent on success"),
    Attribute(ERROR_CATEGORY, "string", "rate_limit, overloaded, timeout, auth_error, ..."),
    Attribute(OUTCOME, "string", "completed, failed, cancelled, abandoned, truncated, rejected"),
    Attribute(RETRIES, "int", "attempts that failed and were repeated by the SDK"),
    Attribute(COST_TOTAL, "double, USD", "what the call is billed"),
    Attribute(COST_INPUT, "double, USD", "share of uncached input"),
    Attribute(COST_OUTPUT, "double, USD", "share of output"),
    Attribute(COST_CACHE_READ, "double, USD", "share of cache reads"),
    Attribute(COST_CACHE_WRITE, "double, USD", "share of cache writes"),
    Attribute(COST_SERVER_TOOLS, "double, USD", "share of web searches"),
    Attribute(
        COST_UNCACHED, "double, USD", "what it would have cost without caching, if it differs"
    ),
    Attribute(COST_BASIS, "string", "list, override, commitment_equivalent, external"),
    Attribute(COST_PRICE_BOOK, "string", "version of the price book"),
    Attribute(COST_INCOMPLETE, "string[]", "what the cost cannot contain, e.g. aborted_stream"),
    Attribute(COST_FREE_REASON, "string", "why a cost is truly zero"),
    Attribute(COST_UNAVAILABLE, "string", "why there is no cost: unknown_model, ..."),
    Attribute(CONTENT_CUT, "string[]", "attributes of content from which something was left out"),
    Attribute(USAGE_COST, "double, USD", "the total again, for backends that read this name"),
    Attribute(TIME_TO_FIRST_EVENT, "double, s", "from request to first event of a stream"),
    Attribute(STREAM_EVENTS, "int", "events of the stream"),
    Attribute(CONTEXT_BUCKET, "string", "prompt size: small, medium, large, xlarge"),
    Attribute(CONTEXT_UTILIZATION, "double", "prompt over the model's context window"),
    Attribute(REQUEST_MESSAGES, "int", "messages in the request"),
    Attribute(REQUEST_TOOLS, "int", "tools in the request"),
    Attribute(REQUEST_ID, "string", "the API's request id, for support"),
    Attribute(ORGANIZATION_ID, "string", "organization that is billed"),
    Attribute(WORKSPACE_ID, "string", "workspace that is billed"),
    Attribute(REQUEST_SERVICE_TIER, "string", "tier that was asked for"),
    Attribute(RESPONSE_SERVICE_TIER, "string", "tier that served: standard, priority, batch"),
    Attribute(THINKING_TYPE, "string", "thinking mode that was asked for"),
    Attribute(THINKING_BUDGET, "int", "thinking budget that was asked for"),
    Attribute(BETA, "string[]", "betas of the request"),
    Attribute(STOP_REASON, "string", "stop reason, as the API says it"),
    Attribute(STOP_CATEGORY, "string", "category of a refusal"),
    Attribute(USAGE_CACHE_5M, "int", "cache writes that live 5 minutes"),
    Attribute(USAGE_CACHE_1H, "int", "cache writes that live 1 hour"),
    Attribute(USAGE_COMPACTION_INPUT, "int", "input of compaction iterations"),
    Attribute(USAGE_COMPACTION_OUTPUT, "int", "output of compaction iterations"),
    Attribute(USAGE_SPEED, "string", "`fast` where fast mode served"),
    Attribute(USAGE_GEO, "string", "region of inference"),
    Attribute(USAGE_WEB_SEARCHES, "int", "web searches that were run"),
    Attribute(USAGE_WEB_FETCHES, "int", "web fetches that were run"),
    Attribute(COUNTED_INPUT_TOKENS, "int", "answer of `count_tokens`"),
    Attribute(BATCH_ID, "string", "batch that was created or read"),
    Attribute(BATCH_REQUESTS, "int", "requests in a batch that was created"),
    Attribute(BATCH_RESULTS, "int", "results that were read"),
    Attribute(
        BATCH_COUNTED, "int", "those read for the first time: only they have tokens and cost"
    ),
    Attribute(
        USAGE_INFERENCES, "string", "JSON list, where there were several: model, tokens, cost"
    ),
    Attribute(CACHE_MISS_REASON, "string", "why the prompt cache missed, where the response says"),
    Attribute(CACHE_MISSED_TOKENS, "int", "tokens that a hit would have read"),
    Attribute(HTTP_STATUS, "int", "status of the last attempt"),
    Attribute(HTTP_RESEND_COUNT, "int", "the number of retries, where there were any"),
    Attribute(HTTP_BODY_SIZE, "int, bytes", "size of the request body"),
    Attribute(USER_ID, "string", "user, from attribution"),
    Attribute(SESSION_ID, "string", "session, from attribution"),
    Attribute(TENANT, "string", "tenant, from attribution"),
    Attribute(TEAM, "string", "team, from attribution"),
    Attribute(FEATURE, "string", "feature, from attribution"),
    Attribute(ENDPOINT, "string", "endpoint, from attribution"),
    Attribute(TAG_PREFIX + "<key>", "string", "any further tag, from attribution"),
)

_RENAMED = {"released": USAGE_CACHE_WRITE, "latest": USAGE_CACHE_CREATION}
"""Attribute that a generation of the conventions does not declare: it has the other name."""


def registry(generation: str) -> frozenset[str]:
    """The attributes that a generation (`released`, `latest`, `both`) declares for this span."""
    declared = (attribute.name for attribute in SPAN_ATTRIBUTES if attribute.registry)
    return frozenset(name for name in declared if name != _RENAMED.get(generation))


_M = (OPERATION_NAME, PROVIDER_NAME, REQUEST_MODEL, RESPONSE_MODEL, SERVER_ADDRESS, SERVER_PORT)
_ME = (*_M, ERROR_TYPE)
_BUDGET = (BUDGET_NAME, BUDGET_SCOPE)
_STANDING = (*_BUDGET, BUDGET_WINDOW, BUDGET_UNIT, BUDGET_RANK)
_LIMITS = (RATELIMIT_KIND, REQUEST_MODEL, ORGANIZATION_ID, WORKSPACE_ID)
_REQUESTS = (
    *_ME,
    OUTCOME,
    ERROR_CATEGORY,
    FINISH_REASON,
    REQUEST_STREAM,
    RESPONSE_SERVICE_TIER,
    CONTEXT_BUCKET,
    COST_BUCKET,
    RETRIED,
    CONTEXT_NEARLY_FULL,
)


def _histogram(
    name: str,
    unit: str,
    note: str,
    attributes: tuple[str, ...],
    buckets: tuple[float, ...],
    generation: Literal["", "released", "latest"],
) -> Metric:
    return Metric(name, "histogram", unit, note, attributes, buckets=buckets, generation=generation)


def _usage_counter(name: str, note: str) -> Metric:
    attributes = (*_M, TOKEN_MODALITY)
    return Metric(name, "counter", "{token}", note, attributes, generation="latest")


_METRICS: tuple[Metric, ...] = (
    _histogram(M_DURATION, "s", "Duration of a call, retries included.", _ME, SECONDS, "released"),
    _histogram(
        M_TOKEN_USAGE,
        "{token}",
        "Tokens of a call, input (cached ones included) and output.",
        (*_M, TOKEN_TYPE),
        TOKENS,
        "released",
    ),
    _histogram(
        M_FIRST_CHUNK, "s", "Time to the first content of a stream.", _M, SECONDS, "released"
    ),
    _histogram(
        M_OUTPUT_CHUNK,
        "s",
        "Time between the events of a stream; off unless asked for.",
        _M,
        SECONDS,
        "released",
    ),
    _histogram(
        M_INFERENCE_DURATION, "s", "Duration of a call, retries included.", _ME, SECONDS, "latest"
    ),
    _histogram(
        M_INFERENCE_FIRST_CHUNK,
        "s",
        "Time to the first content of a stream.",
        _M,
        SECONDS,
        "latest",
    ),
    _histogram(
        M_INFERENCE_OUTPUT_CHUNK,
        "s",
        "Time between the events of a stream; off unless asked for.",
        _M,
        SECONDS,
        "latest",
    ),
    _histogram(M_INFERENCE_INPUT, "{token}", "Input tokens of a call.", _M, TOKENS, "latest"),
    _histogram(M_INFERENCE_OUTPUT, "{token}", "Output tokens of a call.", _M, TOKENS, "latest"),
    _usage_counter(M_USAGE_INPUT, "Input tokens, cached ones included."),
    _usage_counter(M_USAGE_OUTPUT, "Output tokens, thinking included."),
    _usage_counter(M_USAGE_CACHE_READ, "Input tokens read from the cache."),
    _usage_counter(M_USAGE_CACHE_WRITE, "Input tokens written to the cache."),
    _usage_counter(M_USAGE_REASONING, "Thinking tokens."),
    _histogram(
        M_AGENT_DURATION,
        "s",
        "Duration of a tool runner's loop.",
        (REQUEST_MODEL, ERROR_TYPE),
        AGENT_SECONDS,
        "latest",
    ),
    _histogram(
        M_AGENT_CALLS,
        "{inference_call}",
        "Calls of a tool runner's loop.",
        (),
        AGENT_STEPS,
        "latest",
    ),
    _histogram(
        M_AGENT_TOOLS,
        "{tool_call}",
        "Tools run in a tool runner's loop.",
        (),
        AGENT_STEPS,
        "latest",
    ),
    _histogram(
        M_TOOL_DURATION,
        "s",
        "Duration of one run of a client-side tool.",
        (TOOL_NAME, TOOL_TYPE, ERROR_TYPE),
        SECONDS,
        "latest",
    ),
    Metric(M_REQUESTS, "counter", "{request}", "Calls, by how they ended.", _REQUESTS),
    Metric(
        M_TOKENS,
        "counter",
        "{token}",
        "Billed tokens; the types are disjoint.",
        (*_M, CLAUDE_TOKEN_TYPE),
    ),
    Metric(M_COST, "counter", "{USD}", "Cost, by component.", (*_M, COST_COMPONENT)),
    Metric(M_COST_UNCACHED, "counter", "{USD}", "Cost of the same calls without caching.", _M),
    Metric(
        M_COST_UNPRICED, "counter", "{request}", "Calls without a price.", (*_M, COST_UNAVAILABLE)
    ),
    Metric(M_RETRIES, "counter", "{retry}", "Attempts that failed and were repeated.", _ME),
    Metric(
        M_ACTIVE, "up-down counter", "{request}", "Calls under way.", (REQUEST_MODEL, PROVIDER_NAME)
    ),
    _histogram(
        M_OUTPUT_RATE,
        "{token}/s",
        "Output tokens a second of a stream, after the first.",
        _M,
        TOKENS_PER_SECOND,
        "",
    ),
    Metric(M_RATELIMIT_LIMIT, "gauge", "{limit}", "Rate limit in force.", _LIMITS),
    Metric(M_RATELIMIT_REMAINING, "gauge", "{limit}", "What is left of the rate limit.", _LIMITS),
    Metric(M_RATELIMIT_UTILIZATION, "gauge", "1", "Used share of a unified limit.", _LIMITS),
    Metric(M_RATELIMIT_RESET, "gauge", "s", "Time until the limit is whole again.", _LIMITS),
    Metric(M_RETIREMENT, "gauge", "d", "Days that a deprecated model has left.", (REQUEST_MODEL,)),
    Metric(
        M_SESSION_TOKENS,
        "counter",
        "{token}",
        "Tokens of managed agents, as their sessions report them.",
        (PROVIDER_NAME, CLAUDE_TOKEN_TYPE),
    ),
    Metric(
        M_SESSION_COST,
        "counter",
        "{USD}",
        "List cost of managed agents, as their sessions report it.",
        (PROVIDER_NAME,),
    ),
    Metric(
        M_BUDGET_LIMIT,
        "gauge",
        "1",
        "Limit of a budget, in its unit; for budgets per key the 20 fullest, by rank.",
        _STANDING,
    ),
    Metric(M_BUDGET_SPENT, "gauge", "1", "Settled in the window, in the budget's unit.", _STANDING),
    Metric(
        M_BUDGET_RESERVED, "gauge", "1", "Held by calls under way, in the budget's unit.", _STANDING
    ),
    Metric(M_BUDGET_REJECTIONS, "counter", "{request}", "Calls that a budget refused.", _BUDGET),
    Metric(
        M_BUDGET_WARNINGS,
        "counter",
        "{warning}",
        "Times that a budget passed a share of its limit, or a call the cost that warns.",
        _BUDGET,
    ),
    Metric(
        M_BUDGET_OVERRUNS,
        "counter",
        "{request}",
        "Calls that cost more than was reserved for them.",
        _BUDGET,
    ),
    Metric(
        M_AUDIT_FINDINGS,
        "counter",
        "{finding}",
        "Findings of the audit.",
        (AUDIT_FINDING, AUDIT_SEVERITY),
    ),
    Metric(
        M_EVALUATIONS,
        "counter",
        "{evaluation}",
        "Evaluations and feedback, by verdict.",
        (*_ME, EVALUATION_NAME, EVALUATION_LABEL),
    ),
    _histogram(
        M_EVALUATION_SCORE,
        "1",
        "Scores of evaluations.",
        (*_M, EVALUATION_NAME, EVALUATION_LABEL),
        SCORES,
        "",
    ),
    Metric(
        M_EVALUATIONS_LOW,
        "counter",
        "{evaluation}",
        "Scores far below what this process saw before.",
        (*_M, EVALUATION_NAME),
    ),
    Metric(
        M_EVALUATIONS_DROPPED,
        "counter",
        "{evaluation}",
        "Evaluations that were not made: the queue was full, an evaluator hangs, the end came.",
        (DROP_REASON,),
    ),
    Metric(M_FAULTS, "counter", "{error}", "Faults of the instrumentation.", (FAULT_SITE,)),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _METRICS}


_READ: tuple[Metric, ...] = (
    _histogram(
        M_HTTP_SERVER_DURATION, "s", "Duration of a whole HTTP request.", (HTTP_ROUTE,), SECONDS, ""
    ),
    # Made by the collector's gateway from spans, before sampling.
    Metric(M_USER_REQUESTS, "counter", "{request}", "Calls of a user.", (USER_ID,)),
    Metric(M_USER_INPUT, "counter", "{token}", "Input tokens of a user.", (USER_ID,)),
    Metric(M_USER_OUTPUT, "counter", "{token}", "Output tokens of a user.", (USER_ID,)),
    Metric(M_USER_COST, "counter", "{USD}", "Cost of a user.", (USER_ID,)),
    Metric(M_CODE_SESSIONS, "counter", "count", "Sessions of Claude Code.", (CODE_USER,)),
    Metric(M_CODE_LINES, "counter", "count", "Lines of code changed.", (CODE_TYPE,)),
    Metric(M_CODE_PULL_REQUESTS, "counter", "count", "Pull requests made.", (CODE_USER,)),
    Metric(M_CODE_COMMITS, "counter", "count", "Commits made.", (CODE_USER,)),
    Metric(M_CODE_COST, "counter", "USD", "Cost of Claude Code.", (CODE_MODEL, CODE_USER)),
    Metric(M_CODE_TOKENS, "counter", "tokens", "Tokens used.", (CODE_TYPE, CODE_MODEL)),
    Metric(M_CODE_DECISIONS, "counter", "count", "Edits accepted or rejected.", (CODE_DECISION,)),
    Metric(M_CODE_ACTIVE, "counter", "s", "Active time.", (CODE_TYPE,)),
)

READ: dict[str, Metric] = {metric.name: metric for metric in _READ}
"""Metrics of others that our dashboards show: https://code.claude.com/docs/en/monitoring-usage."""
