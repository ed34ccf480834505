"""What is evaluated, how often, and how long it may take."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from otel_claude import _documents
from otel_claude.quality.suites import SUITES

CHECKS: Final = (
    "complete",
    "answered",
    "nonempty",
    "as_asked",
    "varied",
    "length",
    "code_parses",
    "code_imports",
    "code_safe",
)
_DEFAULT: Final = CHECKS[:-1]  # the linter takes some 50 ms for an answer with Python in it


class PolicyError(ValueError):
    """A policy that cannot be used; the message says why."""


@dataclass(frozen=True)
class Judge:
    """How the second Claude call is made that judges an answer.

    Attributes:
        model: that judges.
        sample: the share of the evaluated answers that it judges: each costs a call.
        max_chars: of the question and of the answer that it is shown, each.
        client: that makes the calls; None: `anthropic.Anthropic()`.
    """

    model: str = "claude-haiku-4-5"
    sample: float = 0.1
    max_chars: int = 20_000
    client: Any = None


@dataclass(frozen=True)
class Policy:
    """What is evaluated.

    Attributes:
        sample: the share of calls whose answers are evaluated.
        checks: built-in checks that run.
        suites: feature -> suite; `""` stands for all other features.
        judge: None: no answer is judged by Claude.
        threshold: the score from which a suite, or an aspect that is judged, passes.
        modules: Python modules that exist where generated code is meant to run.
        timeout: seconds that an evaluator may take.
        queue: answers that may wait.
        threads: that evaluate.
    """

    sample: float = 1.0
    checks: tuple[str, ...] = _DEFAULT
    suites: Mapping[str, str] = field(default_factory=dict)
    judge: Judge | None = None
    threshold: float = 0.5
    modules: tuple[str, ...] = ()
    timeout: float = 30.0
    queue: int = 1_000
    threads: int = 2

    @classmethod
    def load(cls, given: object) -> Policy:
        """A policy from `True` (the defaults), a file, a text, or a mapping.

        Raises:
            PolicyError: it cannot be read, or something in it is wrong.
        """
        if given is True:
            return cls()
        try:
            said = _documents.read(given)
        except _documents.DocumentError as problem:
            raise PolicyError(str(problem)) from None
        return cls(**_read(cls, "a policy", said))

    def suite_of(self, feature: str | None) -> str | None:
        """The suite of a feature's answers."""
        return self.suites.get(feature or "", self.suites.get(""))


def _read(kind: type, what: str, said: object) -> dict[str, Any]:
    if not isinstance(said, Mapping):
        raise PolicyError(f"{what} is a mapping")
    known = [rule.name for rule in fields(kind)]
    for name in said:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise PolicyError(f"there is no {name!r} in {what}{hint}")
    return {str(name): _READ[name](str(name), value) for name, value in said.items()}


def _number(least: float, most: float) -> Callable[[str, Any], float]:
    def read(name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise PolicyError(f"{name} takes a number")
        if not least <= value <= most:
            raise PolicyError(f"{name} takes a number from {least:g} to {most:g}")
        return float(value)

    return read


def _count(most: int) -> Callable[[str, Any], int]:
    def read(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most:
            raise PolicyError(f"{name} takes a whole number from 1 to {most}")
        return int(value)

    return read


def _texts(name: str, value: Any) -> tuple[str, ...]:
    value = [value] if isinstance(value, str) else value
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise PolicyError(f"{name} takes a list of names")


def _checks(name: str, value: Any) -> tuple[str, ...]:
    names = CHECKS if value == "all" else _texts(name, value)
    if unknown := [check for check in names if check not in CHECKS]:
        raise PolicyError(f"there is no check {unknown[0]!r}, only {', '.join(CHECKS)}")
    return names


def _suites(name: str, value: Any) -> Mapping[str, str]:
    if isinstance(value, str):
        value = {"": value}
    if not isinstance(value, Mapping):
        raise PolicyError(f"{name} takes a suite, or suites by feature")
    if unknown := [suite for suite in value.values() if suite not in SUITES]:
        raise PolicyError(f"there is no suite {unknown[0]!r}, only {', '.join(SUITES)}")
    return {str(feature): suite for feature, suite in value.items()}


def _judge(_name: str, value: Any) -> Judge | None:
    if value is None or value is False:
        return None
    if value is True:
        return Judge()
    return Judge(**_read(Judge, "judge", {"model": value} if isinstance(value, str) else value))


def _text(name: str, value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    raise PolicyError(f"{name} takes a name")


_READ: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "sample": _number(0, 1),
    "checks": _checks,
    "suites": _suites,
    "judge": _judge,
    "threshold": _number(0, 1),
    "modules": _texts,
    "timeout": _number(0.01, 3_600),
    "queue": _count(1_000_000),
    "threads": _count(64),
    "model": _text,
    "max_chars": _count(10_000_000),
    "client": lambda _name, value: value,
}
