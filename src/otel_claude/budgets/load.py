"""Reads policies from a file, an environment variable or plain data, and says all that is wrong."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from otel_claude import _documents
from otel_claude.budgets.budgets import Budgets
from otel_claude.budgets.policy import Budget, BudgetError

_BUDGET_KEYS: Final = tuple(f.name for f in dataclasses.fields(Budget) if f.init)
_KEYS: Final = tuple(f.name for f in dataclasses.fields(Budgets))


class Loaded(NamedTuple):
    """What was read.

    Attributes:
        budgets: those that can be; None where there is nothing to enforce.
        problems: one line for each thing that is wrong, and was left out.
    """

    budgets: Budgets | None
    problems: tuple[str, ...]


def load(given: object) -> Loaded:
    """Read policies. Never raises: what is wrong is left out, and said.

    Args:
        given: `Budgets`, a list of `Budget`, the path of a YAML or JSON file, such a document as
            text, or as plain mappings and lists.
    """
    if isinstance(given, Budgets):
        return Loaded(given, ())
    problems: list[str] = []
    try:
        document = _documents.read(given)
        if not isinstance(document, Mapping):
            document = {"budgets": document}
        _check_keys("the document", document, _KEYS, problems)
        budgets = _all(document.get("budgets"), problems)
        options: dict[str, Any] = {
            k: v for k, v in document.items() if k in _KEYS and k != "budgets"
        }
        if not budgets:
            problems.append("there are no budgets in it")
            return Loaded(None, tuple(problems))
        return Loaded(Budgets(budgets, **options), tuple(problems))
    except (BudgetError, _documents.DocumentError) as problem:
        return Loaded(None, (*problems, str(problem)))


def _all(entries: object, problems: list[str]) -> list[Budget]:
    if not isinstance(entries, list | tuple):
        raise BudgetError("budgets: a list of policies is needed")
    found: dict[str, Budget] = {}
    for number, entry in enumerate(entries, start=1):
        try:
            budget = entry if isinstance(entry, Budget) else _one(number, entry, problems)
        except BudgetError as problem:
            problems.append(str(problem))
            continue
        if budget.name in found:
            problems.append(f"budget {budget.name!r}: the name is given twice; the first holds")
        found.setdefault(budget.name, budget)
    return list(found.values())


def _one(number: int, entry: object, problems: list[str]) -> Budget:
    if not isinstance(entry, Mapping):
        raise BudgetError(f"budget {number}: {entry!r} is no mapping of keys to values")
    where = f"budget {entry.get('name', number)!r}"
    if "name" not in entry:
        raise BudgetError(f"{where}: name: is missing")
    # A key that is not understood might have made the budget narrower, or wider: without it, it
    # would be another budget. It is better left out, and said so.
    unknown: list[str] = []
    _check_keys(where, entry, _BUDGET_KEYS, unknown)
    if unknown:
        problems += unknown[1:]
        raise BudgetError(unknown[0])
    try:
        return Budget(**{str(key): value for key, value in entry.items()})
    except TypeError as problem:
        raise BudgetError(f"{where}: {problem}") from None


def _check_keys(
    where: str, entry: Mapping[Any, Any], known: tuple[str, ...], problems: list[str]
) -> None:
    for key in entry:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            problems.append(f"{where}: there is no key {key!r}{hint}")
