"""`evaluator`: registers evaluators of the application."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from otel_claude.quality.answer import Answer

logger = logging.getLogger("otel_claude")

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Evaluator:
    """One evaluator.

    Attributes:
        name: of its evaluations.
        judge: gets the answer; returns what `answer.read` reads, a mapping of names to such, or an
            awaitable of either.
        features: whose answers it judges; None: all.
        sample: the share of the evaluated answers that it judges.
        timeout: seconds that it may take; None: those of the policy.
        threshold: the score from which an answer passes.
        built_in: whether it is ours.
    """

    name: str
    judge: Callable[[Answer], Any]
    features: frozenset[str] | None = None
    sample: float = 1.0
    timeout: float | None = None
    threshold: float = 0.5
    built_in: bool = False

    def wants(self, answer: Answer) -> bool:
        """Whether an answer is of its features."""
        return self.features is None or answer.feature in self.features


registered: Final[dict[str, Evaluator]] = {}
"""The evaluators of the application, by name."""


def evaluator(
    name: str,
    *,
    feature: str | Iterable[str] | None = None,
    sample: float = 1.0,
    timeout: float | None = None,
    threshold: float = 0.5,
) -> Callable[[_F], _F]:
    """Register a function that judges answers; it stays as it is.

        @otel_claude.evaluator("cites_source", feature="search")
        def cites_source(answer):
            return "https://" in answer.text

    It runs where the setting `evaluate` is on: after the call, on a thread of ours, never on the
    application's. It gets an `otel_claude.quality.Answer` and returns True or False, a score from 0
    to 1, a label, an `otel_claude.quality.Verdict`, or None for "not my business". It may be a
    coroutine function. Calls of Claude that it makes are recorded under the feature `evaluation`,
    and not evaluated themselves. The last one registered under a name holds.

    Args:
        name: of its evaluations, `gen_ai.evaluation.name`.
        feature: whose answers it judges: one or several features; None: all.
        sample: the share of the evaluated answers that it judges, from 0 to 1.
        timeout: seconds that it may take; None: what the policy says.
        threshold: the score from which an answer passes.
    """
    features = frozenset([feature] if isinstance(feature, str) else feature or ()) or None

    def register(function: _F) -> _F:
        before = registered.get(name)
        if before is not None and _home(before.judge) != _home(function):
            logger.warning(
                "otel-claude: evaluator %r is registered twice; the last one holds.", name
            )
        registered[name] = Evaluator(name, function, features, sample, timeout, threshold)
        return function

    return register


def _home(function: Any) -> tuple[Any, Any]:
    """Where a function was defined: a module that is loaded anew registers the same ones."""
    return getattr(function, "__module__", None), getattr(function, "__qualname__", function)
