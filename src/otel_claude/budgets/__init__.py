"""Budgets: what calls may cost in a window, checked before they are sent.

from otel_claude.budgets import Budget

ClaudeInstrumentor().instrument(budgets=[Budget("all", limit=100, window="day")])
"""

from __future__ import annotations

from otel_claude.budgets.budgets import Budgets
from otel_claude.budgets.exceeded import BudgetExceeded
from otel_claude.budgets.policy import Budget, BudgetError

__all__ = ["Budget", "BudgetError", "BudgetExceeded", "Budgets"]
