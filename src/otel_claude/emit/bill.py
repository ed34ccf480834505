"""What a call used and cost: worked out once per call, for spans, metrics and log lines alike."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from otel_claude.pricing import Cost, Unpriced, context_window, cost
from otel_claude.pricing.reasons import (
    ABORTED_STREAM,
    BILLED_ELSEWHERE,
    CODE_EXECUTION,
    FOUNDRY_DEPLOYMENT,
)
from otel_claude.pricing.result import TOKEN_TYPES

if TYPE_CHECKING:
    from otel_claude.call.call import Call
    from otel_claude.call.usage import Usage
    from otel_claude.pricing import Prices

# Upper limits, and the buckets below each of them and above the last.
_CONTEXT_LIMITS: Final = (1_000, 10_000, 50_000)
_CONTEXT_BUCKETS: Final = ("small", "medium", "large", "xlarge")
_COST_LIMITS: Final = (0.01, 0.1, 1, 10)
_COST_BUCKETS: Final = ("under_1c", "1c_10c", "10c_1usd", "1_10usd", "over_10usd")

_NEARLY_FULL: Final = 0.8

# Asked for every call, of few models.
_window: Final = lru_cache(maxsize=1024)(context_window)


def utilization(call: Call) -> float | None:
    """The share of the model's context window that the prompt fills, where both are known."""
    model, tokens = call.resolved_model, call.usage.prompt_tokens
    window = None if model is None else _window(model)
    return tokens / window if window and tokens is not None else None


def nearly_full(call: Call, bill: Bill) -> bool | None:
    """True where the prompt fills over 80% of the context window, else None: a label of rare calls."""
    if bill.context_bucket != "xlarge":  # no window is that small
        return None
    used = utilization(call)
    return True if used is not None and used > _NEARLY_FULL else None


class Bill:
    """Tokens and money of a call.

    Attributes:
        cost: the cost; `Unpriced` where there is none; None where nothing was billed as far as
            anyone knows (failed calls, token counting).
        prompt_tokens: the whole prompt over all inferences, None where it was not said.
        output_tokens: output over all inferences, None where the final count never came.
        compaction: input and output of compaction iterations, None without any.
    """

    __slots__ = (
        "cache_read",
        "cache_write",
        "compaction",
        "context_bucket",
        "cost",
        "output_tokens",
        "prompt_tokens",
    )

    def __init__(self, call: Call, prices: Prices | None) -> None:
        usage = call.usage
        self.cost = cost_of(call, call.usage, prices)
        self.prompt_tokens = usage.prompt_tokens
        self.output_tokens = usage.output_tokens
        self.cache_read = usage.cache_read_input_tokens
        self.cache_write = usage.cache_creation_input_tokens
        self.compaction: tuple[int, int] | None = None
        # How full the context was is a matter of the call's own prompt, without side inferences.
        self.context_bucket = _bucket(self.prompt_tokens)
        if usage.iterations:
            self._add_iterations(call)

    def _add_iterations(self, call: Call) -> None:
        from otel_claude.pricing import billed  # most calls have no iterations

        groups = billed(
            call.usage, call.response_model, request_model=call.model, declined=call.declined
        )
        self.prompt_tokens = sum(group.prompt_tokens for group in groups)
        self.cache_read = sum(group.cache_read for group in groups)
        self.cache_write = sum(group.cache_write_5m + group.cache_write_1h for group in groups)
        if self.output_tokens is not None:
            self.output_tokens = sum(group.output for group in groups)
        compactions = [group for group in groups if group.kind == "compaction"]
        if compactions:
            self.compaction = (
                sum(group.prompt_tokens for group in compactions),
                sum(group.output for group in compactions),
            )

    @property
    def inferences(self) -> list[dict[str, Any]] | None:
        """Each inference with its model, tokens and cost in USD, where there were several."""
        cost = self.cost
        if cost is None or len(cost.groups) < 2:
            return None
        if type(cost) is Cost:
            return [
                {
                    "model": group.model,
                    "kind": group.kind,
                    "tokens": group.tokens,
                    "cost_usd": group.cost_usd,
                    "free": group.free_reason is not None,
                }
                for group in cost.groups
            ]
        return [
            {
                "model": group.model,
                "kind": group.kind,
                "tokens": {kind: getattr(group, kind) for kind in TOKEN_TYPES},
            }
            for group in cost.groups
        ]

    @property
    def total(self) -> float | None:
        """USD, None where there is no cost."""
        return self.cost.total_usd if type(self.cost) is Cost else None

    @property
    def exact_total(self) -> str | None:
        """USD to the last digit, None where there is no cost."""
        return format(self.cost.total, "f") if type(self.cost) is Cost else None

    @property
    def cost_bucket(self) -> str | None:
        """The size of the cost, as a label of few values."""
        if type(self.cost) is not Cost:
            return None
        return _COST_BUCKETS[bisect_right(_COST_LIMITS, self.cost.total_usd)]


def _bucket(prompt_tokens: int | None) -> str | None:
    if prompt_tokens is None:
        return None
    return _CONTEXT_BUCKETS[bisect_right(_CONTEXT_LIMITS, prompt_tokens)]


def cost_of(call: Call, usage: Usage, prices: Prices | None) -> Cost | Unpriced | None:
    """What a call cost with that usage; None where nothing was billed as far as anyone knows."""
    if not call.is_inference and call.whole is None:
        return None
    if not usage.said and (call.status is None or not 200 <= call.status < 300):
        return None  # nothing was answered
    if not usage.said and call.failure is not None and call.outcome == "failed":
        return None  # an error in place of an answer, also as the first event of a stream
    endpoint = call.endpoint
    return cost(
        usage,
        call.response_model,
        request_model=call.model,
        platform=endpoint.platform,
        region=endpoint.region,
        at=call.started_at / 1e9 if call.batch_created is None else call.batch_created,
        batch=call.whole is not None,
        stop_reason=_refused_before_output(call),
        refusal_category=call.stop_category,
        declined=call.declined,
        incomplete=_unknowns(call),
        prices=prices,
        code_execution_free=call.request.get("code_execution_free", False),
    )


def _refused_before_output(call: Call) -> str | None:
    """The stop reason; a refusal counts as one only where no content came before it."""
    return "end_turn" if call.stop_reason == "refusal" and call.has_output else call.stop_reason


def _unknowns(call: Call) -> tuple[str, ...]:
    unknown: tuple[str, ...] = ()
    # Not ended yet, but with a stop reason: described just before the end.
    whole = call.outcome == "completed" or (call.outcome is None and call.stop_reason is not None)
    if call.stream and not whole:
        unknown = (ABORTED_STREAM,)
    if call.container_used and not call.request.get("code_execution_free"):
        unknown = (*unknown, CODE_EXECUTION)
    if call.endpoint.platform == "foundry":
        unknown = (*unknown, FOUNDRY_DEPLOYMENT)
    if call.request.get("billed_elsewhere"):
        unknown = (*unknown, BILLED_ELSEWHERE)
    return unknown
