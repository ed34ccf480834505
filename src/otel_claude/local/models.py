"""What the REST API answers. Times are nanoseconds since the epoch (`_ns`) or seconds (`_s`)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field


class Percentiles(BaseModel):
    """Seconds; null where nothing was measured."""

    p50: float | None
    p95: float | None
    p99: float | None


class Sums(BaseModel):
    """What is added up over calls. Money is USD."""

    calls: int
    errors: int
    success_rate: float | None = Field(description="0 to 1; null without calls")
    retries: int
    input_tokens: int = Field(description="whole prompts, cached tokens included")
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    total_tokens: int
    cache_hit_rate: float | None = Field(description="share of prompt tokens read from the cache")
    cost_usd: float
    cache_savings_usd: float = Field(description="what caching saved; negative where it cost")
    unpriced: int = Field(description="calls without a known price: not in the cost")
    incomplete: int = Field(description="calls whose cost lacks something")


class Totals(Sums):
    """Sums and times."""

    duration: Percentiles
    first_token: Percentiles


class ShortCall(BaseModel):
    """A call in a list. Its page is `/api/calls/{id}`."""

    id: str = Field(description="span id")
    trace_id: str
    start_ns: int
    duration_s: float | None
    first_token_s: float | None
    model: str | None
    operation: str | None
    outcome: str | None
    failed: bool
    error_type: str | None
    error_category: str | None
    stop_reason: str | None
    stream: bool | None
    retries: int | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    cost_usd: float | None
    cost_unavailable: str | None
    cost_incomplete: list[str]
    user: str | None
    session: str | None
    tenant: str | None
    team: str | None
    feature: str | None
    endpoint: str | None
    service: str | None


class Asked(BaseModel):
    """The period that an answer is about."""

    from_ns: int
    to_ns: int


class Summary(Asked):
    """`/api/summary`."""

    totals: Totals
    previous: Totals | None = Field(description="the period of the same length just before")
    first_ns: int | None
    last_ns: int | None
    users: int
    sessions: int
    models: int
    outcomes: dict[str, int]
    stop_reasons: dict[str, int]
    slowest: ShortCall | None
    most_expensive: ShortCall | None


class Components(BaseModel):
    """Parts of a cost, USD."""

    input_usd: float
    output_usd: float
    cache_read_usd: float
    cache_write_usd: float
    server_tools_usd: float


class CostRow(Totals):
    """Calls that have one value in common."""

    key: str | None = Field(description="null: calls that say nothing there")
    share: float | None = Field(description="of the whole cost, 0 to 1")
    components: Components


class Costs(Asked):
    """`/api/costs`."""

    by: str
    rows: list[CostRow] = Field(description="the dearest first")
    total: Sums = Field(description="of all calls, also those whose row is not shown")
    keys: int = Field(description="how many values there are")


class Point(Totals):
    """One point of a series."""

    at_ns: int
    key: str | None


class Timeseries(Asked):
    """`/api/timeseries`; points without calls are left out."""

    step_seconds: float
    by: str | None
    keys: list[str] | None = Field(description="with `by`: values with a series of their own")
    points: list[Point]


class Calls(Asked):
    """`/api/calls`: a page."""

    total: int
    limit: int
    offset: int
    calls: list[ShortCall]


class Event(BaseModel):
    """An event (log record) of a call."""

    time_ns: int
    name: str | None
    severity: str | None
    body: Any
    attributes: dict[str, Any]


class Evaluation(BaseModel):
    """One verdict about a call."""

    time_ns: int
    name: str | None
    score: float | None
    label: str | None
    explanation: str | None


class Node(BaseModel):
    """A span of a trace, in the order of a tree: parents before children."""

    span_id: str
    parent_id: str | None
    depth: int
    name: str | None
    kind: str | None
    status: str | None
    scope: str | None
    service: str | None
    start_ns: int
    duration_s: float | None
    is_call: bool
    model: str | None
    cost_usd: float | None
    input_tokens: int | None
    output_tokens: int | None
    error_type: str | None


class Call(BaseModel):
    """`/api/calls/{id}`: everything that is known about a call."""

    call: ShortCall
    name: str | None
    kind: str | None
    status: str | None
    scope: str | None
    parent_id: str | None
    attributes: dict[str, Any] = Field(description="of the span, content aside")
    resource: dict[str, Any] = Field(description="of the process")
    content: dict[str, Any] = Field(
        description="input_messages, output_messages, system_instructions, tool_definitions, "
        "where captured on the span"
    )
    events: list[Event]
    evaluations: list[Evaluation]
    trace: list[Node]


class Spread(BaseModel):
    """Distribution of a time, seconds."""

    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    mean: float | None
    max: float | None


class Rate(BaseModel):
    """Output tokens a second after the first one."""

    p5: float | None
    p50: float | None


class LatencyTotal(BaseModel):
    """How fast calls are."""

    calls: int
    streams: int
    duration: Spread
    first_token: Spread
    output_tokens_per_second: Rate


class LatencyGroup(LatencyTotal):
    """The same, of calls that have one value in common."""

    key: str | None


class Bin(BaseModel):
    """Calls between two times, seconds."""

    from_s: float
    to_s: float
    calls: int


class Latency(Asked):
    """`/api/latency`."""

    by: str
    total: LatencyTotal
    groups: list[LatencyGroup]
    by_context: list[LatencyGroup] = Field(description="small, medium, large, xlarge prompts")
    duration_histogram: list[Bin]
    first_token_histogram: list[Bin]


class ErrorGroup(BaseModel):
    """Errors of one kind."""

    key: str | None
    errors: int
    last_ns: int


class ErrorModel(BaseModel):
    """Errors of one model."""

    key: str | None
    calls: int
    errors: int
    error_rate: float


class ErrorPoint(BaseModel):
    """Errors at a time."""

    at_ns: int
    category: str | None
    errors: int


class Errors(Asked):
    """`/api/errors`."""

    calls: int
    errors: int
    error_rate: float | None
    retries: int = Field(description="failed attempts that the SDK repeated")
    retried: int = Field(description="calls with retries")
    recovered: int = Field(description="those of them that ended well")
    by_category: list[ErrorGroup]
    by_type: list[ErrorGroup]
    by_model: list[ErrorModel]
    step_seconds: float
    points: list[ErrorPoint]
    recent: list[ShortCall]


class UsageRow(BaseModel):
    """What one user or feature used."""

    key: str
    calls: int
    tokens: int
    cost_usd: float
    sessions: int
    last_ns: int


class UsageDay(BaseModel):
    """One UTC day."""

    day_ns: int
    calls: int
    users: int
    sessions: int


class UsageHour(BaseModel):
    """One hour of the week, UTC; 0 is Monday."""

    weekday: int
    hour: int
    calls: int
    cost_usd: float


class Usage(Asked):
    """`/api/usage`."""

    by_user: list[UsageRow]
    by_feature: list[UsageRow]
    days: list[UsageDay]
    hours: list[UsageHour]


class WindowRow(BaseModel):
    """What one user or account used within the window."""

    key: str | None
    calls: int
    tokens: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    oldest_ns: int
    used: float | None = Field(description="share of the limit, 0 and up")
    left_tokens: int | None
    eases_ns: int = Field(description="when the oldest call leaves the window")


class TokenWindow(BaseModel):
    """`/api/tokens/window`."""

    by: str
    hours: float
    limit_tokens: int | None
    rows: list[WindowRow]


class TokenDay(BaseModel):
    """Tokens of one UTC day; the four kinds are disjoint."""

    day_ns: int
    calls: int
    uncached_input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    total_tokens: int
    cost_usd: float
    cache_savings_usd: float


class TokensDaily(Asked):
    """`/api/tokens/daily`."""

    days: list[TokenDay]


class EvaluationGroup(BaseModel):
    """Verdicts of one evaluation on calls that have one value in common."""

    key: str | None
    results: int
    mean: float | None
    lowest: float | None
    highest: float | None
    deviation: float | None = Field(description="standard deviation of the scores")
    scores: int = Field(description="results with a score")
    errors: int


class EvaluationSums(BaseModel):
    """Verdicts of one evaluation."""

    name: str | None
    results: int
    mean: float | None
    lowest: float | None
    highest: float | None
    deviation: float | None = Field(description="standard deviation of the scores")
    scores: int = Field(description="results with a score")
    errors: int
    labels: dict[str, int]
    groups: list[EvaluationGroup]


class EvaluationPoint(BaseModel):
    """Verdicts at a time."""

    name: str | None
    at_ns: int
    results: int
    mean: float | None


class RecentEvaluation(Evaluation):
    """A verdict, and the call it is about."""

    call_id: str | None


class Evaluations(Asked):
    """`/api/evaluations`."""

    by: str
    evaluations: list[EvaluationSums]
    step_seconds: float
    points: list[EvaluationPoint]
    recent: list[RecentEvaluation]


class Budget(BaseModel):
    """Where a budget stands. With several keys (users, ...), the fullest."""

    name: str | None
    scope: str | None
    window: str | None
    unit: str | None = Field(description="usd or tokens")
    service: str | None
    at_ns: int
    limit: float | None
    spent: float | None
    reserved: float | None
    used: float | None = Field(description="spent / limit")
    keys: int
    rejections: int
    warnings: int
    overruns: int


class Budgets(Asked):
    """`/api/budgets`: the fullest first."""

    budgets: list[Budget]


class Projection(BaseModel):
    """What a period will have cost at its end."""

    from_ns: int
    to_ns: int
    spent_usd: float
    expected_usd: float
    low_usd: float | None = Field(description="80 % certain; null where too few days are known")
    high_usd: float | None


class Forecast(BaseModel):
    """`/api/forecast`. With a `reason` there is none."""

    reason: str | None
    hours: int = Field(description="of history that were used")
    pattern: Literal["week", "day", "level"] | None
    burn_rate_usd: float | None = Field(description="USD an hour, over the last 24")
    profile_usd: list[float] = Field(
        description="USD an hour: by hour of the week (UTC, Monday first), of the day, or one"
    )
    day: Projection | None
    month: Projection | None


class Anomaly(BaseModel):
    """An hour that differs from its own history, and the calls that explain it most."""

    measure: Literal["cost", "tokens_per_call", "error_rate", "first_token", "calls"]
    unit: str
    from_ns: int
    to_ns: int
    value: float
    usual: float = Field(description="median of the hours it was compared with")
    deviations: float = Field(description="standard deviations off; 0 where the others are equal")
    hours: int
    calls: list[ShortCall]


class Anomalies(Asked):
    """`/api/anomalies`: the newest first. With a `reason` nothing can be said."""

    reason: str | None
    anomalies: list[Anomaly]


class Facets(Asked):
    """`/api/facets`: values to filter by, the most frequent first."""

    values: dict[str, list[str]]


class Sql(BaseModel):
    """Body of `POST /api/sql`."""

    sql: str
    parameters: dict[str, Any] = {}
    limit: int = Field(default=10_000, ge=1, le=100_000)


class Answer(BaseModel):
    """Answer to a query."""

    columns: list[str]
    rows: list[list[Any]]
    truncated: bool = Field(description="whether there were more rows than `limit`")


class Coverage(BaseModel):
    """`/api/coverage`: how much of everything the stored calls are."""

    from_ns: int
    to_ns: int
    calls: int | None = Field(description="model calls; null where they were not counted")
    counted: float | None = Field(description="how many there were in all; null where not known")
    share: float | None = Field(description="0 to 1; null where not known")
    basis: Literal["metrics", "threshold"] | None = Field(description="what says so")
    note: str | None = Field(description="one sentence for people; null where all is there")


class Health(BaseModel):
    """`/health`: the state of the server itself."""

    status: Literal["ok", "degraded"]
    version: str
    pid: int
    database: str
    calls: int | None = Field(description="null where they are in ClickHouse, as the next five")
    spans: int | None
    events: int | None
    store_bytes: int | None
    oldest_ns: int | None
    newest_ns: int | None
    queue_items: int
    queue_bytes: int
    received_items: int
    stored_items: int
    duplicate_items: int
    rejected_items: int
    rejected_requests: int
    last_error: str | None
    query_seconds_p95: float | None
    streams: int
    uptime_seconds: float
    retention_days: float | None
    retention_bytes: int | None
