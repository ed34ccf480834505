"""What REST says about alerts."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class AlertRule(BaseModel):
    """A rule and where it stands."""

    name: str
    type: str
    severity: Literal["info", "warning", "critical"]
    state: Literal["quiet", "pending", "firing"]
    since_ns: int | None = Field(description="when it came to be so; null: since the start")
    value: float | None = Field(
        description="USD, seconds, a share, a multiple, or a number; null: nothing can be said"
    )
    threshold: float = Field(description="in the same unit")
    window_s: float
    text: str
    where: dict[str, list[str]]
    error: str | None = Field(description="why it cannot be looked at")


class AlertChannel(BaseModel):
    """Where messages go."""

    name: str
    type: Literal["webhook", "command", "log"]
    sent: int
    failed: int = Field(description="attempts")
    lost: int = Field(description="messages that were given up")
    waiting: int
    last_error: str | None


class AlertMessage(BaseModel):
    """A message that was sent."""

    status: Literal["firing", "resolved", "test"]
    rule: str
    type: str
    severity: str
    text: str
    value: float | None
    threshold: float | None
    window_seconds: float | None
    where: dict[str, list[str]]
    at: str = Field(description="ISO 8601, UTC")
    link: str | None


class Alerts(BaseModel):
    """`/api/alerts`. With a `reason` no rules are looked at."""

    reason: str | None
    file: str | None
    every_s: float | None
    rules: list[AlertRule]
    channels: list[AlertChannel]
    history: list[AlertMessage] = Field(description="the newest first")
