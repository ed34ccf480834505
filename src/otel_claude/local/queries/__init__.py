"""Questions about stored calls, written once for every engine."""

from otel_claude.local.queries.filters import DIMENSIONS, KINDS, FilterError, Filters
from otel_claude.local.queries.period import Period, PeriodError

__all__ = ["DIMENSIONS", "KINDS", "FilterError", "Filters", "Period", "PeriodError"]
