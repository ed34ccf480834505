"""`Budget`: one policy, checked as it is made; and whose budget a call is counted in."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Context, Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Literal

from otel_claude import _faults
from otel_claude._attribution import DIMENSIONS, Attribution
from otel_claude.budgets.window import Window
from otel_claude.pricing.result import usd

if TYPE_CHECKING:
    from otel_claude.budgets.exceeded import Amount, BudgetExceeded

PLACES: Final = 15
"""A ledger counts money in units of 10**-15 USD: finer than any list price."""

_UNITS: Final = {"usd": PLACES, "tokens": 0}
_SCOPES: Final = ("everything", "trace", "model", "workspace")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_MOST: Final = {"usd": 10**9, "tokens": 10**15}
_EXACT: Final = Context(prec=60)  # whatever precision the application has set


class BudgetError(ValueError):
    """A policy that cannot be; the message names the budget, the key and the problem."""


Action = Literal["block", "warn"] | Callable[["BudgetExceeded"], bool | None]
Given = Decimal | int | float | str


@dataclass(frozen=True, eq=False)
class Budget:
    """A limit on what calls may cost in a window.

        Budget("per-user", scope="user", limit=5, window="day", timezone="Europe/Berlin")

    Args:
        name: letters, digits, `_`, `.` and `-`; the ledger and the metrics know it by this.
        limit: in `unit`, for each key of the scope; None where only `limits` or `call_limit` hold.
        scope: `everything`, or each `user`, `session`, `trace`, `tenant`, `team`, `feature`,
            `endpoint`, `prompt`, `model`, `workspace`, or tag (`tag:<key>`).
        window: `hour`, `day`, `week`, `month`, or rolling: `30 minutes`, `5 hours`, `7 days`.
        timezone: IANA name, for calendar windows.
        unit: `usd` or `tokens`.
        limits: class -> limit, for the classes that have another; None is no limit.
        classes: where the class stands: a tag or dimension such as `tier`, or a function of the
            `Attribution`.
        action: `block`, `warn`, or a function that is given the `BudgetExceeded` which would be
            raised: it is raised where the function returns True.
        warn_at: shares of the limit at which there is a warning, once per window.
        call_limit: the most that a single call may cost.
        call_warning: cost of a single call above which there is a warning.
        unreachable: `open` (calls go on) or `closed` (calls are refused) while the store is away.
        unpriced: `allow` or `block` calls whose model has no price.

    Raises:
        BudgetError: something of it cannot be.
    """

    name: str
    limit: Given | None = None
    scope: str = "everything"
    window: str = "month"
    timezone: str = "UTC"
    unit: Literal["usd", "tokens"] = "usd"
    limits: Mapping[str, Given | None] = field(default_factory=dict)
    classes: str | Callable[[Attribution], str | None] = ""
    action: Action = "block"
    warn_at: Sequence[float] = (0.8,)
    call_limit: Given | None = None
    call_warning: Given | None = None
    unreachable: Literal["open", "closed"] = "open"
    unpriced: Literal["allow", "block"] = "allow"

    def __post_init__(self) -> None:
        _Checker(self).check()

    # What was read from the fields; `_Checker` fills it in.
    span: Window = field(init=False, repr=False)
    firm: bool = field(init=False, repr=False)
    account: str = field(init=False, repr=False)
    units: int | None = field(init=False, repr=False)
    class_units: Mapping[str, int | None] = field(init=False, repr=False)
    call_units: int | None = field(init=False, repr=False)
    call_warning_units: int | None = field(init=False, repr=False)
    shares: tuple[Fraction, ...] = field(init=False, repr=False)

    def amount(self, units: int) -> Amount:
        """Ledger units as the amount they are."""
        return units if self.unit == "tokens" else usd(units, PLACES)

    def limit_of(self, said: Attribution) -> int | None:
        """The limit for a call, in ledger units; None is no limit."""
        if not self.class_units:
            return self.units
        if isinstance(self.classes, str):
            (name,) = said.values((self.classes,))
            return self.units if name is None else self.class_units.get(name, self.units)
        try:
            name = self.classes(said)
            return self.units if name is None else self.class_units.get(str(name), self.units)
        except Exception:
            # The limit of those without a class, and all other budgets, hold.
            _faults.report("budgets.classes")
            return self.units


def units_of(amount: Decimal, places: int = PLACES) -> int:
    """An amount in ledger units; what is finer than those is rounded up."""
    return int(_EXACT.scaleb(amount, places).to_integral_value(ROUND_CEILING, _EXACT))


def _amount(value: object) -> Decimal:
    """A number that somebody wrote; -1 where it is none."""
    if isinstance(value, Decimal | int | float | str) and not isinstance(value, bool):
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            return Decimal(-1)
        return amount if amount.is_finite() else Decimal(-1)
    return Decimal(-1)


def _is_async(value: object) -> bool:
    return inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(
        getattr(value, "__call__", None)  # noqa: B004 - of an object that has one, not whether
    )


class _Checker:
    """Reads the fields of a budget, or says what is wrong with one of them."""

    def __init__(self, budget: Any) -> None:
        self._budget = budget  # of any types, until they are checked

    def check(self) -> None:
        budget = self._budget
        if not isinstance(budget.name, str) or not _NAME.fullmatch(budget.name):
            self._wrong("name", f"{budget.name!r} is no name: letters, digits, '_', '.' and '-'")
        self._choice("unit", ("usd", "tokens"))
        self._choice("unreachable", ("open", "closed"))
        self._choice("unpriced", ("allow", "block"))
        self._check_scope()
        self._set("span", self._window())
        for key in ("action", "classes"):
            if _is_async(getattr(budget, key)):
                self._wrong(key, "is a coroutine function; it has to be a plain one")
        if not callable(budget.action):
            self._choice("action", ("block", "warn"))
        self._set("firm", budget.action == "block")
        self._set("account", f"{budget.name}:{budget.unit}:{budget.span.name.replace(' ', '_')}")
        self._set("units", self._units("limit", budget.limit))
        self._set("call_units", self._units("call_limit", budget.call_limit))
        self._set("call_warning_units", self._units("call_warning", budget.call_warning))
        if budget.action == "warn" and budget.call_warning is None:
            self._set("call_warning_units", budget.call_units)
        self._check_classes()
        self._set("shares", self._shares())
        limits = (budget.units, budget.call_units, budget.call_warning_units)
        if limits == (None, None, None) and not budget.class_units:
            self._wrong("limit", "is missing, and so are limits, call_limit and call_warning")

    def _wrong(self, key: str, problem: str) -> None:
        raise BudgetError(f"budget {self._budget.name!r}: {key}: {problem}")

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self._budget, name, value)

    def _choice(self, key: str, choices: tuple[str, ...]) -> None:
        value = getattr(self._budget, key)
        if value not in choices:
            self._wrong(key, f"{value!r} is none of {', '.join(choices)}")

    def _check_scope(self) -> None:
        scope = self._budget.scope
        known = isinstance(scope, str) and (
            scope in _SCOPES or scope in DIMENSIONS or scope.removeprefix("tag:") not in ("", scope)
        )
        if not known:
            choices = ", ".join((*_SCOPES, *sorted(DIMENSIONS), "tag:<key>"))
            self._wrong("scope", f"{scope!r} is none of {choices}")

    def _window(self) -> Window | None:
        budget = self._budget
        try:
            return Window(str(budget.window), str(budget.timezone))
        except ValueError as problem:
            key = "timezone" if "zone" in str(problem) else "window"
            self._wrong(key, str(problem))
        return None

    def _units(self, key: str, value: object) -> int | None:
        if value is None:
            return None
        unit = self._budget.unit
        amount = _amount(value)
        if not 0 <= amount <= _MOST[unit]:
            self._wrong(key, f"{value!r} is no amount of {unit} from 0 to {_MOST[unit]}")
        return units_of(amount, _UNITS[unit])

    def _check_classes(self) -> None:
        budget = self._budget
        if not isinstance(budget.limits, Mapping):
            self._wrong("limits", f"{budget.limits!r} is no mapping of classes to limits")
        if not isinstance(budget.classes, str) and not callable(budget.classes):
            self._wrong("classes", f"{budget.classes!r} is neither a name nor a function")
        if budget.limits and not budget.classes:
            self._wrong("classes", "is missing: name the tag or dimension that `limits` go by")
        for name in budget.limits:
            if name is None or isinstance(name, bool):
                # What YAML makes of no, off, on, yes, and of nothing.
                self._wrong("limits", f"{name!r} is no class; in YAML, write it in quotes")
        found = {
            str(name): self._units(f"limits.{name}", value) for name, value in budget.limits.items()
        }
        self._set("class_units", found)

    def _shares(self) -> tuple[Fraction, ...]:
        given = self._budget.warn_at
        shares = given if isinstance(given, list | tuple) else (given,)
        found = []
        for share in shares:
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
                self._wrong("warn_at", f"{share!r} is no share of the limit, such as 0.8")
            found.append(Fraction(str(share)))
        # Passing the limit of a budget that does not refuse is worth a word of its own.
        if not self._budget.firm:
            found.append(Fraction(1))
        return tuple(sorted(set(found)))
