"""Parameters of the REST API: which time, which calls, which page."""

from __future__ import annotations

import time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from otel_claude.local.queries import Filters, Period
from otel_claude.local.queries.filters import DIMENSIONS, Parameters, column as check_dimension

Values = Annotated[list[str], Field(default_factory=list, max_length=100)]
Kind = Literal["slow", "expensive", "failed", "refused", "truncated", "cut", "retried", "unpriced"]
_TAG = "tag."


class Ask(BaseModel):
    """A period and filters. Values of one filter are alternatives; `-` stands for "says nothing".

    Besides these: `tag.<key>`.
    """

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    hours: float | None = Field(None, gt=0, description="the last hours; 24 by default")
    days: float | None = Field(None, gt=0, description="the last days")
    from_: str | None = Field(
        None, alias="from", description="ISO 8601, or seconds since the epoch"
    )
    to: str | None = Field(None, description="likewise; now by default")
    _period: Period = PrivateAttr()
    model: Values
    feature: Values
    team: Values
    tenant: Values
    user: Values
    session: Values
    endpoint: Values
    provider: Values
    prompt: Values
    prompt_version: Values
    service: Values
    environment: Values
    run: Values
    operation: Values
    workspace: Values
    organization: Values
    outcome: Values
    error_category: Values
    error_type: Values
    service_tier: Values
    stop_reason: Values
    context: Values
    show: list[Kind] = Field(default_factory=list, description="kinds of calls; all must hold")
    min_cost: float | None = Field(None, ge=0, description="USD")
    min_duration: float | None = Field(None, ge=0, description="seconds")
    q: str | None = Field(None, max_length=200, description="a trace, span, request or message id")

    @model_validator(mode="after")
    def _only_known(self) -> Ask:
        for name in self.model_extra or ():
            if not name.startswith(_TAG) or len(name) == len(_TAG):
                raise ValueError(f"there is no parameter {name!r}")
            check_dimension(name, Parameters())
        if (by := getattr(self, "by", None)) is not None:
            check_dimension(by, Parameters())
        self._period = Period.given(hours=self.hours, days=self.days, start=self.from_, end=self.to)
        return self

    @property
    def period(self) -> Period:
        """The time that is asked about."""
        return self._period

    @property
    def filters(self) -> Filters:
        """The calls that are asked about."""
        equal = {name: tuple(getattr(self, name)) for name in DIMENSIONS if getattr(self, name)}
        for name, value in (self.model_extra or {}).items():
            equal[name] = tuple(map(str, value)) if isinstance(value, list) else (str(value),)
        return Filters(equal, tuple(self.show), self.min_cost, self.min_duration, self.q or None)


_BY = "model, feature, team, tenant, user, session, endpoint, ..., or tag.<key>"


class AskBy(Ask):
    """The same, by a dimension."""

    by: str = Field("model", description=_BY)
    limit: int = Field(20, ge=1, le=1000, description="rows")


class AskSeries(Ask):
    """The same, over time."""

    by: str | None = Field(None, description=_BY)
    top: int = Field(6, ge=1, le=20, description="values with a series of their own")
    step: float | None = Field(
        None, ge=1, allow_inf_nan=False, description="seconds of a point; round by default"
    )

    @model_validator(mode="after")
    def _not_too_fine(self) -> AskSeries:
        if self.step is not None and self.period.seconds / self.step > 10_000:
            raise ValueError("step is too short for this period: at most 10,000 points")
        return self


class AskCalls(Ask):
    """A page of calls."""

    sort: Literal[
        "start", "duration", "cost", "first_token", "input_tokens", "output_tokens",
        "cache_read_tokens", "retries", "model", "feature", "user",
    ] = "start"  # fmt: skip
    order: Literal["asc", "desc"] = "desc"
    limit: int = Field(50, ge=1, le=1000)
    offset: int = Field(0, ge=0, le=10_000_000)


class AskWindow(Ask):
    """A rolling window of tokens; `hours` is its length, 5 by default."""

    by: Literal["user", "account", "workspace"] = "user"
    limit: int | None = Field(None, ge=1, description="tokens that one may use in the window")
    rows: int = Field(50, ge=1, le=1000)


class AskExport(AskBy):
    """What to export, and how."""

    limit: int = Field(100_000, ge=1, le=1_000_000, description="rows at most")

    what: Literal["calls", "costs", "timeseries", "daily", "latency", "errors", "usage"] = "calls"
    format: Literal["csv", "json", "parquet"] = "csv"


def now() -> int:
    """Nanoseconds since the epoch."""
    return time.time_ns()
