"""`BudgetExceeded`: the one exception of ours that reaches the application."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from otel_claude.call.errors import Refused

Amount = Decimal | int
"""USD as `Decimal`, tokens as `int`."""


class BudgetExceeded(Refused):
    """A budget refused a call before anything was sent.

    Attributes:
        name: of the budget.
        scope: what it is for: everything, user, tenant, ...
        key: whose it is: the user, the tenant; None for everything.
        window: such as `day in Europe/Berlin`; `call` where the limit is for a single call.
        unit: usd or tokens.
        limit: of the window; None where nothing but the missing price of the model refused it.
        spent: settled in the window.
        reserved: held by calls under way.
        estimate: what this call may cost at most; None where its model has no price.
        resets_at: when enough of the window is free again, in UTC; None where time does not help,
            or the store cannot be reached.
        reason: `limit`, `unreachable` (of the store) or `unpriced`.
    """

    error_type = "budget_exceeded"

    def __init__(  # noqa: PLR0913 - what an application may want to tell its user
        self,
        name: str,
        *,
        scope: str,
        key: str | None,
        window: str,
        unit: str,
        limit: Amount | None,
        spent: Amount = 0,
        reserved: Amount = 0,
        estimate: Amount | None = None,
        resets_at: float | None = None,
        reason: str = "limit",
    ) -> None:
        self.name = name
        self.scope = scope
        self.key = key
        self.window = window
        self.unit = unit
        self.limit = limit
        self.spent = spent
        self.reserved = reserved
        self.estimate = estimate
        self.resets_at = (
            None if resets_at is None else datetime.fromtimestamp(resets_at, timezone.utc)
        )
        self.reason = reason
        super().__init__(self._message())

    def _message(self) -> str:
        whose = self.scope if self.key is None else f"{self.scope} {self.key}"
        head = f"budget {self.name!r} ({whose}, {self.window})"
        if self.reason == "unreachable":
            return f"{head}: its store cannot be reached, and the policy is closed"
        if self.reason == "unpriced":
            return f"{head}: the model of this call has no price, and the policy blocks such calls"
        said = [f"limit {self._spoken(self.limit)}"]
        if self.window != "call":
            said += [f"spent {self._spoken(self.spent)}"]
            said += [f"reserved {self._spoken(self.reserved)}"] if self.reserved else []
        text = f"{head}: {', '.join(said)}; this call may cost {self._spoken(self.estimate)}"
        if self.resets_at is not None:
            text += f". Resets at {self.resets_at:%Y-%m-%dT%H:%M:%SZ}"
        return text

    def _spoken(self, amount: Amount | None) -> str:
        if amount is None:
            return "unknown"
        # Exact, without the zeros that arithmetic leaves behind.
        text = f"{amount:f}" if isinstance(amount, Decimal) else str(amount)
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        return f"{text} {'USD' if self.unit == 'usd' else 'tokens'}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _made_again, (type(self), dict(self.__dict__))


def _made_again(kind: type[BudgetExceeded], state: dict[str, Any]) -> BudgetExceeded:
    made = kind.__new__(kind)
    made.__dict__.update(state)
    made.args = (made._message(),)
    return made
