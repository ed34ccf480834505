"""Scenarios: how a request asks the emulator to misbehave, or to behave in a rare way.

One small grammar, in the `x-emulator-scenario` header or in the path as `/scenario/{text}/v1/...`:

    scenario = step *( ";" step )
    step     = name [ "=" value ] *( "," option "=" value )

Values are percent-decoded after the text is split, so `%3B`, `%2C` and `%3D` stand for themselves.
A name that is not in `STEPS` is a 400 that says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from otel_claude.testing.errors import ApiError, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

_FAILURE = ("type", "message", "retry-after", "retry-after-ms", "should-retry", "error_code")

STEPS: dict[str, tuple[str, ...]] = {
    "status": _FAILURE,
    "fail": _FAILURE,
    "late_headers": (),
    "slow": (),
    "pace": ("tps",),
    "error": ("after", "message"),
    "cut": (),
    "drop": (),
    "refusal": ("after", "explanation"),
    "fallback": ("category",),
    "compaction": ("input", "output", "pause"),
    "advisor": ("input", "output", "cache_read", "cache_write"),
    "pause_turn": (),
    "stop": (),
    "usage": (),
    "malformed": (),
    "text": (),
    "output_tokens": (),
    "thinking_tokens": (),
    "input_tokens": (),
    "events": (),
    "tool": ("times",),
    "web_search": (),
    "web_fetch": (),
    "container": (),
    "tier": (),
    "geo": (),
    "speed": (),
    "model": (),
    "header": (),
    "unified": ("utilization", "claim"),
    "polls": (),
    "batch": (),
    "ok": (),
}
"""Every step and its options; docs/testing.md says what each one does."""

MALFORMED = ("usage_missing", "usage_null", "usage_types", "event", "block", "json", "empty")


@dataclass(frozen=True)
class Step:
    """One step of a scenario."""

    name: str
    value: str
    options: Mapping[str, str]

    def number(self, default: float = 0.0) -> float:
        """The value as a number.

        Raises:
            ApiError: it is not one.
        """
        return _number(self.name, self.value, default)

    def option(self, name: str, default: float = 0.0) -> float:
        """An option as a number.

        Raises:
            ApiError: it is not one.
        """
        return _number(f"{self.name},{name}", self.options.get(name, ""), default)

    def json(self) -> Any:
        """The value, parsed as JSON.

        Raises:
            ApiError: it is not JSON.
        """
        try:
            return json.loads(self.value)
        except ValueError as error:
            raise invalid(f"emulator: {self.name} wants percent-encoded JSON: {error}") from None


@dataclass(frozen=True)
class Scenario:
    """A parsed scenario; the empty one is plain good behaviour."""

    text: str = ""
    steps: tuple[Step, ...] = ()

    def get(self, name: str) -> Step | None:
        """The last step of that name."""
        for step in reversed(self.steps):
            if step.name == name:
                return step
        return None

    def all(self, name: str) -> list[Step]:
        """Every step of that name, in order."""
        return [step for step in self.steps if step.name == name]

    def value(self, name: str, default: str = "") -> str:
        """The value of a step, or a default where there is no such step."""
        step = self.get(name)
        return step.value if step else default

    def count(self, name: str) -> int | None:
        """The value of a step as a whole number; None where there is no such step."""
        step = self.get(name)
        return int(step.number(1)) if step else None

    def malformed(self, kind: str) -> bool:
        """Whether `malformed=kind` was asked for."""
        return any(step.value == kind for step in self.all("malformed"))


def _number(name: str, text: str, default: float) -> float:
    if not text:
        return default
    try:
        return float(text)
    except ValueError:
        raise invalid(f"emulator: {name} wants a number, not {text!r}") from None


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return unquote(name).strip(), unquote(value).strip()


def _step(text: str) -> Step:
    first, *rest = text.split(",")
    name, value = _pair(first)
    options = dict(_pair(part) for part in rest)
    if name not in STEPS:
        raise invalid(f"emulator: unknown scenario {name!r}; there are {', '.join(STEPS)}")
    for option in options:
        if option not in STEPS[name]:
            raise invalid(f"emulator: scenario {name!r} has no option {option!r}")
    if name == "malformed" and value not in MALFORMED:
        raise invalid(f"emulator: malformed={value!r}; there are {', '.join(MALFORMED)}")
    return Step(name, value, options)


@lru_cache(maxsize=4096)
def parse(text: str) -> Scenario:
    """Read a scenario.

    Raises:
        ApiError: 400, where the text does not follow the grammar.
    """
    return Scenario(text, tuple(_step(part) for part in text.split(";") if part.strip()))


def failure(step: Step, status: int) -> ApiError:
    """The error that a `status` or `fail` step describes."""
    headers = {
        header: step.options[option]
        for option, header in (
            ("retry-after", "retry-after"),
            ("retry-after-ms", "retry-after-ms"),
            ("should-retry", "x-should-retry"),
        )
        if option in step.options
    }
    code = step.options.get("error_code")
    return ApiError(
        status,
        step.options.get("message", ""),
        step.options.get("type", ""),
        headers,
        {"error_code": code} if code else None,
    )
