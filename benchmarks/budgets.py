"""What a budget adds to a call: `python -m benchmarks.budgets`.

CPU time of this thread, so that other programs do not count: the best of several rounds, in
microseconds. Each row is the ledger's part alone, then all that the guard does (estimate, whose budget,
reserve; cost, settle).
"""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Final

from otel_claude._attribution import Attribution
from otel_claude.budgets import Budget, Budgets
from otel_claude.budgets.guard import Guard
from otel_claude.budgets.ledger import Charge, Claim
from otel_claude.budgets.memory import MemoryStore
from otel_claude.call.call import Call, Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable

_ROUNDS: Final = 15
_TIMES: Final = 5_000
_ENDPOINT: Final = Endpoint("anthropic", "anthropic", "api.anthropic.com", 443, None)
_BODY: Final = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 1024,
    "messages": [{"role": "user", "content": "How are you today?"}],
}


def best(run: Callable[[], object]) -> float:
    """Microseconds of one run, in the best round."""
    rounds = []
    for _ in range(_ROUNDS):
        began = time.thread_time_ns()
        for _ in range(_TIMES):
            run()
        rounds.append((time.thread_time_ns() - began) / _TIMES / 1000)
    return min(rounds)


def ledger(budgets: int, *, part: float = 0.0) -> Callable[[], object]:
    """Reserve and settle in memory, in that many accounts."""
    store = MemoryStore()
    names = map(str, itertools.count())
    claims = [
        Claim(f"{number}:", 10**18, 10**12, True, part, time.time() + 9e6)
        for number in range(budgets)
    ]
    charges = [Charge(claim, 10**11) for claim in claims]

    def run() -> None:
        hold = next(names)
        store.reserve(hold, claims)
        store.settle(hold, charges)

    return run


def guard(budgets: int) -> Callable[[], object]:
    """All that a guard does for a call."""
    policies = [Budget(f"b{number}", limit=10**6) for number in range(budgets)]
    checks = Guard(Budgets(policies), MemoryStore(), lambda: None, lambda _user: None)
    said = Attribution(user="u")

    def run() -> None:
        call = Call("chat", _ENDPOINT, "claude-sonnet-5-5", ())
        call.attribution, call.body = said, _BODY
        checks.admit(call)
        call.outcome, call.status, call.response_model = "completed", 200, call.model
        usage = call.usage
        usage.said, usage.input_tokens, usage.output_tokens = True, 12, 200
        checks.after(call)

    return run


def main() -> None:
    """Print the table."""
    print("| reserve and settle in memory | ledger, us | whole guard, us |")
    print("| --- | --- | --- |")
    for number in (1, 3):
        ours = f"{best(ledger(number)):.1f}"
        print(f"| {number} calendar budget(s) | {ours} | {best(guard(number)):.1f} |")
    print(f"| 1 rolling budget | {best(ledger(1, part=300.0)):.1f} | |")


if __name__ == "__main__":
    main()
