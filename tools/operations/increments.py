"""The recorded increments of every counter: the one place where births and restarts count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_claude import semconv
from tools.operations.names import series
from tools.operations.promql import increments

if TYPE_CHECKING:
    from tools.operations.thresholds import Thresholds


@dataclass(frozen=True)
class Increment:
    """One recording rule.

    Attributes:
        record: its name.
        sources: series of the counter, the usual name first; later ones stand in where it is not.
        labels: added to the result.
    """

    record: str
    sources: tuple[str, ...]
    labels: tuple[tuple[str, str], ...] = ()

    def expr(self, limits: Thresholds) -> str:
        """The rule's expression."""
        return "\nor\n".join(increments(s, limits) for s in self.sources)


REQUESTS = "claude:requests:increase"
COST = "claude:cost_usd:increase"
UNCACHED = "claude:cost_uncached_usd:increase"
UNPRICED = "claude:unpriced:increase"
TOKENS = "claude:tokens:increase"
RETRIES = "claude:retries:increase"
SESSION_COST = "claude:session_cost_usd:increase"
SESSION_TOKENS = "claude:session_tokens:increase"
FAULTS = "claude:instrumentation_errors:increase"
EVALUATIONS = "claude:evaluations:increase"
SCORE_SUM = "claude:evaluation_score_sum:increase"
SCORE_COUNT = "claude:evaluation_score_count:increase"
FINDINGS = "claude:audit_findings:increase"
REJECTIONS = "claude:budget_rejections:increase"
WARNINGS = "claude:budget_warnings:increase"
OVERRUNS = "claude:budget_overruns:increase"
DURATION = "claude:duration_seconds_bucket:increase"
FIRST_TOKEN = "claude:first_token_seconds_bucket:increase"  # noqa: S105 - no secret
OUTPUT_RATE = "claude:output_rate_bucket:increase"
HTTP_DURATION = "claude:http_server_seconds_bucket:increase"
CODE_COST = "claude:code_cost_usd:increase"
CODE_TOKENS = "claude:code_tokens:increase"
CODE_SESSIONS = "claude:code_sessions:increase"
CODE_LINES = "claude:code_lines:increase"
CODE_COMMITS = "claude:code_commits:increase"
CODE_PULL_REQUESTS = "claude:code_pull_requests:increase"
CODE_DECISIONS = "claude:code_decisions:increase"
CODE_ACTIVE = "claude:code_active_seconds:increase"
USER_REQUESTS = "claude:user_requests:increase"
USER_INPUT = "claude:user_input_tokens:increase"
USER_OUTPUT = "claude:user_output_tokens:increase"
USER_COST = "claude:user_cost_usd:increase"
SENT = "claude:collector_sent:increase"
SEND_FAILED = "claude:collector_send_failed:increase"
REFUSED = "claude:collector_refused:increase"
ACCEPTED = "claude:collector_accepted:increase"

_COUNTERS = (
    (REQUESTS, semconv.M_REQUESTS),
    (COST, semconv.M_COST),
    (UNCACHED, semconv.M_COST_UNCACHED),
    (UNPRICED, semconv.M_COST_UNPRICED),
    (TOKENS, semconv.M_TOKENS),
    (RETRIES, semconv.M_RETRIES),
    (SESSION_COST, semconv.M_SESSION_COST),
    (SESSION_TOKENS, semconv.M_SESSION_TOKENS),
    (FAULTS, semconv.M_FAULTS),
    (EVALUATIONS, semconv.M_EVALUATIONS),
    (FINDINGS, semconv.M_AUDIT_FINDINGS),
    (REJECTIONS, semconv.M_BUDGET_REJECTIONS),
    (WARNINGS, semconv.M_BUDGET_WARNINGS),
    (OVERRUNS, semconv.M_BUDGET_OVERRUNS),
    (CODE_COST, semconv.M_CODE_COST),
    (CODE_TOKENS, semconv.M_CODE_TOKENS),
    (CODE_SESSIONS, semconv.M_CODE_SESSIONS),
    (CODE_LINES, semconv.M_CODE_LINES),
    (CODE_COMMITS, semconv.M_CODE_COMMITS),
    (CODE_PULL_REQUESTS, semconv.M_CODE_PULL_REQUESTS),
    (CODE_DECISIONS, semconv.M_CODE_DECISIONS),
    (CODE_ACTIVE, semconv.M_CODE_ACTIVE),
    (USER_REQUESTS, semconv.M_USER_REQUESTS),
    (USER_INPUT, semconv.M_USER_INPUT),
    (USER_OUTPUT, semconv.M_USER_OUTPUT),
    (USER_COST, semconv.M_USER_COST),
)
_HISTOGRAMS = (
    (DURATION, "_bucket", (semconv.M_DURATION, semconv.M_INFERENCE_DURATION)),
    (FIRST_TOKEN, "_bucket", (semconv.M_FIRST_CHUNK, semconv.M_INFERENCE_FIRST_CHUNK)),
    (OUTPUT_RATE, "_bucket", (semconv.M_OUTPUT_RATE,)),
    (HTTP_DURATION, "_bucket", (semconv.M_HTTP_SERVER_DURATION,)),
    (SCORE_SUM, "_sum", (semconv.M_EVALUATION_SCORE,)),
    (SCORE_COUNT, "_count", (semconv.M_EVALUATION_SCORE,)),
)
_COLLECTOR = (
    (SENT, "exporter_sent"),
    (SEND_FAILED, "exporter_send_failed"),
    (REFUSED, "receiver_refused"),
    (ACCEPTED, "receiver_accepted"),
)
SIGNALS = ("spans", "metric_points", "log_records")


def _all() -> tuple[Increment, ...]:
    found = [Increment(record, (series(name),)) for record, name in _COUNTERS]
    found += [
        Increment(record, tuple(series(name) + suffix for name in names))
        for record, suffix, names in _HISTOGRAMS
    ]
    # The collector's own counters come with or without `_total`, by how they are read.
    found += [
        Increment(
            record,
            (f"otelcol_{stem}_{signal}_total", f"otelcol_{stem}_{signal}"),
            (("signal", signal),),
        )
        for record, stem in _COLLECTOR
        for signal in SIGNALS
    ]
    return tuple(found)


INCREMENTS = _all()
