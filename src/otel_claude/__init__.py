"""OpenTelemetry for Claude in Python: a span, metrics and the exact cost of every call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otel_claude._attribution import attribution
    from otel_claude.budgets.exceeded import BudgetExceeded
    from otel_claude.emit.recent import summary
    from otel_claude.instrumentor import ClaudeInstrumentor, flush
    from otel_claude.quality.feedback import feedback, traceparent
    from otel_claude.quality.registry import evaluator

__version__ = "0.1.0"

__all__ = [
    "BudgetExceeded",
    "ClaudeInstrumentor",
    "__version__",
    "attribution",
    "evaluator",
    "feedback",
    "flush",
    "summary",
    "traceparent",
]

_HOMES = {
    "BudgetExceeded": "otel_claude.budgets.exceeded",
    "ClaudeInstrumentor": "otel_claude.instrumentor",
    "attribution": "otel_claude._attribution",
    "evaluator": "otel_claude.quality.registry",
    "feedback": "otel_claude.quality.feedback",
    "flush": "otel_claude.instrumentor",
    "summary": "otel_claude.emit.recent",
    "traceparent": "otel_claude.quality.feedback",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import otel_claude` itself costs nothing."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)
