"""What is watched, and who is told: the models of a rule file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from otel_claude.local.queries.filters import Filters

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?")
_SHARE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_LONGEST: Final = 31 * 86_400  # seconds


def _seconds(value: object) -> object:
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is not None:
        return float(found.group(1)) * _UNITS[found.group(2) or "s"]
    if isinstance(value, str | bool):
        raise ValueError("a time is a number of seconds, or as 30s, 5m, 2h, 1d")  # noqa: TRY004 - pydantic's way
    return value


def _share(value: object) -> object:
    found = _SHARE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is not None:
        return float(found.group(1)) / 100
    if isinstance(value, str | bool):
        raise ValueError("a share is a number such as 0.05, or as 5%")  # noqa: TRY004 - pydantic's way
    return value


def _environment_name(value: str) -> str:
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value) is None:
        # It may be the address itself, put there by mistake: not repeated.
        raise ValueError("this is the name of an environment variable, which holds the address")
    return value


Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0, le=_LONGEST)]
Share = Annotated[float, BeforeValidator(_share), Field(gt=0, le=10)]
Window = Annotated[float, BeforeValidator(_seconds), Field(ge=1, le=_LONGEST)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Severity = Literal["info", "warning", "critical"]


class _Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False
    )


class Webhook(_Strict):
    """Takes JSON as Slack's incoming webhooks do. The address is a secret: it is in no rule file."""

    type: Literal["webhook"]
    url_env: Annotated[str, AfterValidator(_environment_name)] | None = None
    url_file: str | None = None
    timeout: Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=60)] = 10

    @model_validator(mode="before")
    @classmethod
    def _no_address(cls, given: Any) -> Any:
        if isinstance(given, dict) and "url" in given:
            raise ValueError("an address is a secret: name it with url_env or url_file")
        return given

    @model_validator(mode="after")
    def _one_source(self) -> Webhook:
        if (self.url_env is None) == (self.url_file is None):
            raise ValueError("give url_env or url_file")
        return self


class Command(_Strict):
    """A program that gets the message as JSON on its standard input. No shell is involved."""

    type: Literal["command"]
    command: Annotated[list[str], Field(min_length=1, max_length=100)]
    timeout: Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=300)] = 10


class Log(_Strict):
    """The log of the server."""

    type: Literal["log"]


Channel = Annotated[Webhook | Command | Log, Field(discriminator="type")]


class _Rule(_Strict):
    """What all rules have. Times are seconds.

    Attributes:
        hold: how long the condition must hold before the alert fires (`for` in the file).
        resolve: how long it must not hold before the alert is over.
        cooldown: least time between two messages that it fires.
        where: dimension -> values, one of which a call must have.
        channels: who is told; None for all.
    """

    name: Name
    severity: Severity = "warning"
    window: Window = 900
    hold: Seconds = Field(default=0, alias="for")
    resolve: Seconds = 300
    cooldown: Seconds = 1800
    where: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    channels: tuple[Name, ...] | None = None

    @field_validator("where", mode="before")
    @classmethod
    def _values(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            raise ValueError("filters are names with values, as model: claude-opus-5-5")  # noqa: TRY004 - pydantic's way
        # What YAML reads as a number or a boolean is a word here.
        return {
            str(key): tuple(map(str, value)) if isinstance(value, list) else (str(value),)
            for key, value in given.items()
        }

    @model_validator(mode="after")
    def _known_filters(self) -> _Rule:
        Filters(self.where)
        return self

    @property
    def filters(self) -> Filters:
        """The calls it is about."""
        return Filters(self.where)


_Calls = Annotated[int, Field(ge=1)]


class ErrorRate(_Rule):
    """The share of calls that failed."""

    type: Literal["error_rate"]
    threshold: Annotated[float, BeforeValidator(_share), Field(gt=0, le=1)]
    min_calls: _Calls = 10


class Slow(_Rule):
    """A 95th percentile: of durations, or of times to the first token; seconds."""

    type: Literal["p95", "first_token"]
    threshold: Annotated[float, BeforeValidator(_seconds), Field(gt=0)]
    min_calls: _Calls = 10


class Spend(_Rule):
    """USD in the window."""

    type: Literal["spend"]
    window: Window
    threshold: Annotated[float, Field(gt=0)]


class TokenSpike(_Rule):
    """Tokens of the window, as a multiple of what is usual."""

    type: Literal["token_spike"]
    threshold: Annotated[float, Field(gt=1)] = 3
    min_tokens: Annotated[int, Field(ge=1)] = 10_000


class ConsecutiveErrors(_Rule):
    """Calls that failed one after the other, up to now."""

    type: Literal["consecutive_errors"]
    window: Window = 3600
    threshold: Annotated[int, Field(ge=1)] = 5


class BudgetUsed(_Rule):
    """The fullest budget that was reported in the window, as a share of its limit."""

    type: Literal["budget"]
    threshold: Share = 0.8
    budget: str | None = None

    @model_validator(mode="after")
    def _no_filters(self) -> BudgetUsed:
        if self.where:
            raise ValueError("budgets have no filters: name one with budget")
        return self


class Silence(_Rule):
    """No call in the window, after there had been some."""

    type: Literal["silence"]
    window: Window


Rule = Annotated[
    ErrorRate | Slow | Spend | TokenSpike | ConsecutiveErrors | BudgetUsed | Silence,
    Field(discriminator="type"),
]


class RuleFile(_Strict):
    """A rule file. `every`: seconds between two looks."""

    every: Annotated[float, BeforeValidator(_seconds), Field(ge=1, le=3600)] = 15
    channels: Annotated[dict[Name, Channel], Field(min_length=1, max_length=20)] = {
        "log": Log(type="log")
    }
    rules: Annotated[list[Rule], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _names(self) -> RuleFile:
        seen: set[str] = set()
        for rule in self.rules:
            if rule.name in seen:
                raise ValueError(f"two rules are called {rule.name!r}")
            seen.add(rule.name)
            unknown = [name for name in rule.channels or () if name not in self.channels]
            if unknown:
                known = ", ".join(self.channels)
                raise ValueError(
                    f"rule {rule.name!r} names the channel {unknown[0]!r}; there are {known}"
                )
        return self

    def told_of(self, rule: _Rule) -> Mapping[str, Webhook | Command | Log]:
        """The channels of a rule, by name."""
        if rule.channels is None:
            return self.channels
        return {name: self.channels[name] for name in rule.channels}
