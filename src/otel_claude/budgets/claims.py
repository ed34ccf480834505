"""What a call asks of which budgets."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry.trace import get_current_span

from otel_claude._attribution import DIMENSIONS, Attribution
from otel_claude.budgets.exceeded import BudgetExceeded
from otel_claude.budgets.ledger import Claim
from otel_claude.budgets.policy import PLACES
from otel_claude.call.usage import fields
from otel_claude.pricing import Ceiling, Held, ceiling

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from otel_claude.budgets.policy import Budget
    from otel_claude.call.call import Call
    from otel_claude.pricing import Prices

_LONGEST_KEY: Final = 128
_THREADS_KEPT: Final = 10_000
_NOBODY: Final = Attribution()


class Part(NamedTuple):
    """One budget of a call.

    Attributes:
        budget: the policy.
        key: whose budget it is; empty for `everything`.
        claim: on its account; None where only the single call is limited.
        upper: what the call may cost at most, in ledger units; None without a price.
    """

    budget: Budget
    key: str
    claim: Claim | None
    upper: int | None

    def exceeded(self, **facts: Any) -> BudgetExceeded:
        """The exception that says that this budget refused the call."""
        budget = self.budget
        facts = {
            "window": budget.span.name,
            "limit": None if self.claim is None else self.claim.limit,
            **facts,
        }
        for name in ("limit", "spent", "reserved"):
            if facts.get(name) is not None:
                facts[name] = budget.amount(facts[name])
        return BudgetExceeded(
            budget.name,
            scope=budget.scope,
            key=self.key or None,
            unit=budget.unit,
            estimate=None if self.upper is None else budget.amount(self.upper),
            **facts,
        )


def attribution_of(call: Call) -> Attribution:
    """Who and what a call is for."""
    return call.attribution or _NOBODY


def key_of(scope: str, said: Attribution, call: Call | None = None) -> str | None:
    """Whose budget of that scope something is counted in; None where it cannot be told."""
    if scope == "everything":
        return ""
    key: str | None = None
    if scope in DIMENSIONS:
        key = getattr(said, scope)
    elif scope.startswith("tag:"):
        key = said.tags.get(scope.removeprefix("tag:"))
    elif call is None:
        return None
    elif scope == "model":
        # Of a result of a batch, nobody knows what was asked for.
        key = call.model if call.whole is None else call.resolved_model
    elif scope == "trace":
        key = _trace_of(call)
    else:
        key = call.response_headers.get("anthropic-workspace-id") or call.endpoint.workspace
    return key_for(key)


def key_for(name: str | None) -> str | None:
    """The key of a name; None where there is none."""
    if name is not None and len(name) > _LONGEST_KEY:
        return "sha256-" + hashlib.sha256(name.encode()).hexdigest()
    return name or None


def _trace_of(call: Call) -> str | None:
    span = get_current_span() if call.span is None else call.span
    context = span.get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


def claim_of(
    budget: Budget, key: str, said: Attribution, now: float, upper: int | None
) -> Claim | None:
    """The claim of a call on a budget; None where that has no limit for it."""
    limit = budget.limit_of(said)
    if limit is None:
        return None
    window = budget.span
    mark, until = window.at(now)
    account = f"{budget.account}:{mark}:{key}"
    return Claim(account, limit, upper or 0, budget.firm, window.part, until)


def parts_of(
    budgets: Sequence[Budget], call: Call, now: float, most: Mapping[str, Ceiling]
) -> list[Part]:
    """Every budget that a call is counted in.

    Args:
        budgets: the policies.
        call: the call.
        now: POSIX seconds.
        most: as `most_of` says.
    """
    said = attribution_of(call)
    whole = together(most.values())
    found = []
    for budget in budgets:
        if budget.scope == "model" and call.operation == "batch":
            keyed = [(key_for(model), each) for model, each in most.items()]
        else:
            keyed = [(key_of(budget.scope, said, call), whole)]
        for key, each in keyed:
            if key is not None:
                upper = upper_of(budget, each)
                claim = claim_of(budget, key, said, now, upper)
                found.append(Part(budget, key, claim, upper))
    return found


def upper_of(budget: Budget, most: Ceiling) -> int | None:
    """An upper bound in ledger units."""
    if budget.unit == "tokens":
        return most.tokens
    return most.units(PLACES)


class Threads:
    """What the API holds of the message threads that this process has gone on with last.

    A request that continues a thread has only what is new in it, and is billed for all of it.
    """

    def __init__(self) -> None:
        self._held: OrderedDict[str, Held] = OrderedDict()

    def held_by(self, request: Mapping[str, Any]) -> Held | None:
        """What came before a request, where that was seen here."""
        previous = fields(request.get("thread")).get("previous_message_id")
        return self._held.get(previous) if isinstance(previous, str) else None

    def saw(self, message_id: str, held: Held) -> None:
        """An answer in a thread, and all the tokens up to its end."""
        self._held[message_id] = held
        if len(self._held) > _THREADS_KEPT:
            self._held.popitem(last=False)


def most_of(call: Call, prices: Prices | None, held: Held | None = None) -> dict[str, Ceiling]:
    """What a call may cost at most, by its request: of each model, of which a batch may have many."""
    body: Mapping[str, Any] = call.body or {}
    endpoint = call.endpoint
    facts: dict[str, Any] = {
        "platform": endpoint.platform,
        "region": endpoint.region,
        "at": call.started_at / 1e9,
        "prices": prices,
    }
    if call.operation != "batch":
        return {call.model or "": ceiling(body, call.model, held=held, **facts)}
    every: dict[str, list[Ceiling]] = {}
    for entry in body["requests"]:
        if isinstance(params := entry.get("params"), dict):
            model = str(params.get("model") or "")
            every.setdefault(model, []).append(ceiling(params, batch=True, **facts))
    return {model: together(each) for model, each in every.items()}


def together(ceilings: Iterable[Ceiling]) -> Ceiling:
    """What calls may cost at most altogether."""
    every = list(ceilings)
    if len(every) == 1:
        return every[0]
    priced = all(most.costs is not None for most in every)
    costs = tuple(cost for most in every for cost in most.costs or ()) if priced else None
    return Ceiling(sum(most.tokens for most in every), costs, ())
