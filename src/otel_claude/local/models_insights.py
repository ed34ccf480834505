"""What the analyses answer over REST. With a `reason` nothing, or not all, can be said."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from otel_claude.local.models import Asked, Totals


class Saving(BaseModel):
    """One way to spend less, at list prices."""

    kind: Literal["smaller_model", "prompt_caching", "unused_cache_writes", "batch", "max_tokens"]
    key: str = Field(description="a model, or a feature and its model")
    calls: int
    usd: float = Field(description="in the period; 0 where it is no matter of money")
    arithmetic: str
    advice: str


class Savings(Asked):
    """`/api/savings`: savings overlap, and must not be added up."""

    reason: str | None
    calls: int = Field(description="at the full price that went well: those that were looked at")
    savings: list[Saving]


class Miss(BaseModel):
    """Calls of one model whose prompt cache missed for one reason."""

    cause: str
    model: str
    calls: int
    tokens: int = Field(description="that a hit would have read")
    usd: float | None = Field(description="more than read from the cache; null without a price")


class Misses(Asked):
    """`/api/cache-misses`: the dearest first."""

    reason: str | None
    misses: list[Miss]


class Session(BaseModel):
    """How the prompts of a session grow, tokens."""

    session: str
    calls: int
    cost_usd: float
    first_ns: int
    first: int
    last: int
    largest: int
    per_call: float = Field(description="median growth from one call to the next")
    climb: int = Field(description="longest run of calls that each sent more than the one before")
    loop: bool = Field(description="a climb of ten or more, to twice the prompt")


class Sessions(Asked):
    """`/api/sessions`: loops first, then the dearest."""

    reason: str | None
    sessions: list[Session]


class Change(BaseModel):
    """A value whose cost changed."""

    key: str | None
    now_usd: float
    before_usd: float
    by_usd: float


class Weekly(Asked):
    """`/api/weekly`: the last seven days against the seven before."""

    reason: str | None
    totals: Totals
    before: Totals | None
    change: dict[str, float | None] = Field(description="as a share of the week before")
    changes: dict[str, list[Change]] = Field(
        description="by model, feature, team and user, the largest first"
    )


class Interval(BaseModel):
    """Of 95 %."""

    low: float
    high: float


class Category(BaseModel):
    """Errors of one category."""

    category: str | None
    errors: int


class Reliability(Asked):
    """`/api/reliability`: the last 15 minutes."""

    reason: str | None
    state: Literal["well", "degraded", "down"] | None = Field(
        description="success of 95 % or more, of half or more, of less"
    )
    totals: Totals
    success_interval: Interval | None
    errors_in_a_row: int = Field(description="calls that failed after the last that did not")
    by_category: list[Category]


class Figure(BaseModel):
    """A figure, how sure it is, and of how many calls or results it is."""

    value: float | None
    interval: Interval | None
    count: int


class NamedFigure(Figure):
    """Scores of an evaluation."""

    name: str | None


class Compared(BaseModel):
    """Calls that have one value in common. Money and tokens are means per call."""

    key: str
    calls: int
    error_rate: Figure
    cost_usd: Figure
    output_tokens: Figure
    duration_p50_s: Figure
    duration_p95_s: Figure
    first_token_p50_s: Figure
    first_token_p95_s: Figure
    acceptance: Figure = Field(description="share of users' feedback that accepts the answer")
    evaluations: list[NamedFigure]


class Compare(Asked):
    """`/api/compare`: values of a dimension, those with most calls first."""

    by: str
    reason: str | None
    groups: list[Compared]
