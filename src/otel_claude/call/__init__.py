"""Plain data: what happened in a call. Knows neither the SDK nor OpenTelemetry."""

from __future__ import annotations

from otel_claude.call.call import Call, Observer, Outcome
from otel_claude.call.errors import Failure
from otel_claude.call.usage import Iteration, Tokens, Usage

__all__ = ["Call", "Failure", "Iteration", "Observer", "Outcome", "Tokens", "Usage"]
