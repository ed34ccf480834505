"""Usage of managed agents: what a session used since it was last seen."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otel_claude.call.fork import new_lock
from otel_claude.call.usage import count, fields, text

if TYPE_CHECKING:
    from collections.abc import Mapping

_SESSIONS_KEPT: Final = 10_000

TOKEN_FIELDS: Final[Mapping[str, str]] = {
    "input_tokens": "input",
    "cache_read_input_tokens": "cache_read",
    "ephemeral_5m_input_tokens": "cache_write_5m",
    "ephemeral_1h_input_tokens": "cache_write_1h",
    "output_tokens": "output",
}
"""Field of the usage -> kind of token, disjoint."""


class SessionUse(NamedTuple):
    """What a session used since it was last seen in this process.

    Attributes:
        tokens: kind of token -> how many.
        cost: list cost in USD, as the API reports it.
    """

    tokens: Mapping[str, int]
    cost: Decimal


class Sessions:
    """Turns the cumulative usage of sessions into differences. Safe between threads."""

    def __init__(self) -> None:
        self._lock = new_lock()
        self._last: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def saw(self, session: object) -> SessionUse | None:
        """What is new in a session object of the API; None where there is nothing.

        A total that went down (an odd answer, or an older object) adds nothing.
        """
        said = fields(session)
        session_id = text(said.get("id"))
        if session_id is None or said.get("usage") is None:
            return None
        totals = _totals(fields(said.get("usage")))
        with self._lock:
            last = self._last.get(session_id, {})
            new = {key: max(type(n)(0), n - last.get(key, 0)) for key, n in totals.items()}
            self._last[session_id] = {
                key: max(n, last.get(key, 0)) for key, n in {**last, **totals}.items()
            }
            self._last.move_to_end(session_id)
            if len(self._last) > _SESSIONS_KEPT:
                self._last.popitem(last=False)
        cost = new.pop("cost", Decimal(0))
        tokens = {key: n for key, n in new.items() if n}
        return SessionUse(tokens, cost) if tokens or cost else None


def _totals(usage: Mapping[str, Any]) -> dict[str, Any]:
    flat = {**usage, **fields(usage.get("cache_creation"))}
    totals: dict[str, Any] = {
        kind: n for name, kind in TOKEN_FIELDS.items() if (n := count(flat.get(name))) is not None
    }
    price = fields(usage.get("list_cost"))
    if price.get("currency", "USD") == "USD" and price.get("amount") is not None:
        with contextlib.suppress(InvalidOperation):
            totals["cost"] = Decimal(str(price["amount"])) / 100  # it is in cents
    return totals
