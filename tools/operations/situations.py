"""For each alert a situation in which it must fire, and one just short of it in which it must not."""

from __future__ import annotations

from dataclasses import dataclass, field

from otel_claude import semconv
from tools.operations import names as n
from tools.operations.names import label, series
from tools.operations.thresholds import seconds

SONNET = "claude-sonnet-5-5"
OPUS = "claude-opus-5-5"
_HOURS = 26 * 60
_DAY = 24 * 60


@dataclass(frozen=True)
class Series:
    """One series of a promtool test: a selector, and values in promtool's notation."""

    selector: str
    values: str


@dataclass(frozen=True)
class Situation:
    """When an alert must fire and when not.

    Attributes:
        key: its entry in the threshold file.
        firing: series under which it fires.
        quiet: series under which it does not.
        at: when that is looked at.
        alert: the alert's name, where the entry has another.
        service: what the alert must say; empty where it is about no service.
        healthy: `quiet` also belongs to a service in good health.
    """

    key: str
    firing: tuple[Series, ...]
    quiet: tuple[Series, ...]
    at: str = "12m"
    alert: str = ""
    service: str = field(default="", kw_only=True)
    healthy: bool = field(default=False, kw_only=True)

    @property
    def of_service(self) -> bool:
        """Whether the alert is about one service."""
        return any(f'{n.SERVICE}="' in one.selector for one in self.firing)

    @property
    def slow(self) -> bool:
        """Whether it takes more than an hour."""
        return seconds(self.at) > 3600


def of(metric: str, values: str, suffix: str = "", **labels: str) -> Series:
    """A series of a metric of `semconv`, of one process of a service."""
    found = {n.SERVICE: "shop", n.ENVIRONMENT: "prod", "instance": "a", **labels}
    inside = ", ".join(f'{name}="{value}"' for name, value in found.items())
    return Series(f"{series(metric)}{suffix}{{{inside}}}", values)


def _calls(values: str, outcome: str = "completed", **labels: str) -> Series:
    model = {n.MODEL: SONNET, n.ANSWERED_BY: SONNET, n.OUTCOME: outcome}
    return of(semconv.M_REQUESTS, values, **{**model, **labels})


def _failing(values: str) -> tuple[Series, ...]:
    """A hundred good calls a minute, and so many bad ones."""
    bad = {n.ERROR: "api_error", n.CATEGORY: "server_error"}
    return _calls("0+100x400"), _calls(values, "failed", **bad)


def _took(metric: str, bound: float, values: str = "0+20x60", **labels: str) -> tuple[Series, ...]:
    """Calls that all took up to `bound` and more than the bound below it."""
    where = {n.MODEL: SONNET, n.ENDPOINT: "/chat", n.SIZE: "small", **labels}
    buckets = []
    for one in (*semconv.SECONDS, None):
        le = "+Inf" if one is None else f"{one:g}"
        inside = values if one is None or one >= bound else "0x60"
        buckets.append(of(metric, inside, "_bucket", **where, le=le))
    return (*buckets, _calls("0+20x60"))


def _check(passed: str, failed: str) -> tuple[Series, ...]:
    what = {n.EVALUATION: "faithful"}
    return (
        of(semconv.M_EVALUATIONS, passed, **what, **{n.VERDICT: "pass"}),
        of(semconv.M_EVALUATIONS, failed, **what, **{n.VERDICT: "fail"}),
    )


def _tokens(values: str, kind: str = "input", **labels: str) -> Series:
    return of(semconv.M_TOKENS, values, **{n.MODEL: SONNET, n.TOKEN_TYPE: kind, **labels})


def _limits(remaining: int) -> tuple[Series, ...]:
    kind = {n.LIMIT_KIND: "input_tokens", n.MODEL: SONNET}
    return (
        of(semconv.M_RATELIMIT_LIMIT, "1000x60", **kind),
        of(semconv.M_RATELIMIT_REMAINING, f"{remaining}x60", **kind),
    )


def _budget(spent: float) -> tuple[Series, ...]:
    what = {n.BUDGET: "team", n.BUDGET_SCOPE: "team", n.BUDGET_WINDOW: "day", n.BUDGET_UNIT: "usd"}
    return (
        of(semconv.M_BUDGET_LIMIT, "100x60", **what),
        of(semconv.M_BUDGET_SPENT, f"{spent:g}x60", **what),
    )


def _queue(used: int) -> tuple[Series, ...]:
    return (
        Series('otelcol_exporter_queue_size{exporter="otlp_grpc"}', f"{used}x60"),
        Series('otelcol_exporter_queue_capacity{exporter="otlp_grpc"}', "1000x60"),
    )


def _collector(stem: str, values: str) -> tuple[Series, ...]:
    return (Series(f'otelcol_{stem}_spans_total{{exporter="otlp_grpc"}}', values),)


def _skipped(values: str) -> tuple[Series, ...]:
    name = "prometheus_rule_group_iterations_missed_total"
    return (Series(f'{name}{{rule_group="rules/recording.yaml;claude-increments"}}', values),)


def _up(values: str) -> tuple[Series, ...]:
    return (Series('up{job="otel-collector", instance="c:8888"}', values),)


def _spent(dollars: float, model: str = SONNET, **labels: str) -> Series:
    """Spent by a process that lived for seconds: one value, and gone."""
    found = {n.ANSWERED_BY: model, n.COMPONENT: "output", **labels}
    return of(semconv.M_COST, f"_x5 {dollars:g} {dollars:g} stale", **found)


def _born(metric: str, value: float, **labels: str) -> tuple[Series, ...]:
    return (of(metric, f"_x8 {value:g} {value:g} stale", **{n.MODEL: SONNET, **labels}),)


def _other(model: str) -> tuple[Series, ...]:
    return (_calls("_x8 1 1 stale", **{n.ANSWERED_BY: model}),)


_AUTH = {n.OUTCOME: "failed", n.ERROR: "authentication_error", n.CATEGORY: "auth_error"}
_HEALED_429 = {n.ERROR: "rate_limit_error"}
_HEALED_529 = {n.ERROR: "overloaded_error"}
_WORST = {n.FINDING: "secret_in_prompt", n.SEVERITY: "high"}

SITUATIONS: tuple[Situation, ...] = (
    Situation("error_rate_warning", _failing("0+2x60"), _failing("0+0.9x60"), "20m", healthy=True),
    Situation("error_rate_critical", _failing("0+6x60"), _failing("0+4.5x60"), "20m"),
    Situation("error_rate_page", _failing("0+12x60"), _failing("0+10x60"), "20m"),
    Situation("success_low", _failing("0+6x60"), _failing("0+4.5x60"), "20m"),
    Situation(
        "error_budget_burn",
        _failing("0+20x60"),
        _failing("0+9x60"),
        "40m",
        "ClaudeErrorBudgetBurn1h",
    ),
    Situation(
        "error_budget_burn",
        _failing("0+8x400"),
        _failing("0+5x400"),
        "100m",
        "ClaudeErrorBudgetBurn6h",
    ),
    Situation(
        "error_budget_burn",
        _failing("0+4x400"),
        _failing("0+2.5x400"),
        "180m",
        "ClaudeErrorBudgetBurn1d",
    ),
    Situation(
        "error_budget_burn",
        _failing("0+1.5x400"),
        _failing("0+0.9x400"),
        "300m",
        "ClaudeErrorBudgetBurn3d",
    ),
    Situation(
        "authentication_failures",
        _born(semconv.M_REQUESTS, 4, **_AUTH),
        _born(semconv.M_REQUESTS, 3, **_AUTH),
    ),
    Situation(
        "rate_limited",
        _born(semconv.M_RETRIES, 1, **_HEALED_429),
        _born(semconv.M_RETRIES, 1, **_HEALED_529),
    ),
    Situation(
        "rate_limited",
        _born(semconv.M_REQUESTS, 1, **_HEALED_429, **{n.OUTCOME: "failed"}),
        _born(semconv.M_REQUESTS, 1, **{n.OUTCOME: "completed"}),
    ),
    Situation(
        "overloaded",
        (
            *_born(semconv.M_RETRIES, 2, **_HEALED_529),
            *_born(semconv.M_REQUESTS, 2, **_HEALED_529, **{n.OUTCOME: "failed"}),
        ),
        _born(semconv.M_RETRIES, 3, **_HEALED_529),
    ),
    Situation(
        "truncated",
        _born(semconv.M_REQUESTS, 1, **{n.OUTCOME: "truncated"}),
        _born(semconv.M_REQUESTS, 1, **{n.OUTCOME: "abandoned"}),
    ),
    Situation("rate_limit_headroom", _limits(150), _limits(250), healthy=True),
    Situation(
        "duration_p95_critical",
        _took(semconv.M_DURATION, 5.12),
        _took(semconv.M_DURATION, 1.28),
        healthy=True,
    ),
    Situation(
        "duration_p95_critical",
        _took(semconv.M_INFERENCE_DURATION, 5.12),
        _took(semconv.M_INFERENCE_DURATION, 1.28),
    ),
    Situation(
        "duration_p95_page",
        _took(semconv.M_DURATION, 20.48),
        _took(semconv.M_DURATION, 5.12),
        "17m",
    ),
    Situation(
        "first_token_p95",
        _took(semconv.M_FIRST_CHUNK, 5.12),
        _took(semconv.M_FIRST_CHUNK, 2.56),
        healthy=True,
    ),
    Situation(
        "apdex_low",
        _took(semconv.M_DURATION, 20.48),
        _took(semconv.M_DURATION, 2.56),
        "40m",
    ),
    Situation(
        "context_nearly_full",
        _born(semconv.M_REQUESTS, 1, **{n.NEARLY_FULL: "true", n.SIZE: "xlarge"}),
        _born(semconv.M_REQUESTS, 1, **{n.SIZE: "xlarge"}),
    ),
    Situation(
        "expensive_call",
        _born(semconv.M_REQUESTS, 1, **{n.COST_SIZE: "1_10usd"}),
        _born(semconv.M_REQUESTS, 1, **{n.COST_SIZE: "10c_1usd"}),
    ),
    Situation(
        "daily_spend",
        (_spent(30), _spent(21, OPUS)),
        (_spent(30), _spent(19, OPUS)),
    ),
    Situation("projected_spend", (_spent(3.2),), (_spent(3),), "30m"),
    Situation("budget_nearly_used", _budget(81), _budget(79), healthy=True),
    Situation("budget_used", _budget(100), _budget(99)),
    Situation(
        "unpriced_calls",
        _born(semconv.M_COST_UNPRICED, 1, **{n.REASON: "unknown_model"}),
        _born(semconv.M_REQUESTS, 1, **{n.OUTCOME: "completed"}),
    ),
    Situation(
        "refusals_up",
        (_calls("0+90x60"), _calls("0+10x60", **{n.FINISH: "content_filter"})),
        (_calls("0+99x60"), _calls("0+1x60", **{n.FINISH: "content_filter"})),
        "30m",
    ),
    Situation(
        "cut_by_length_up",
        (_calls("0+90x60"), _calls("0+10x60", **{n.FINISH: "length"})),
        (_calls("0+96x60"), _calls("0+4x60", **{n.FINISH: "length"})),
        "30m",
    ),
    Situation(
        "evaluations_failed_up", _check("0+9x60", "0+1x60"), _check("0+96x60", "0+4x60"), "30m"
    ),
    Situation("other_model", _other("claude-haiku-4-5"), _other(f"{SONNET}-20260928")),
    Situation(
        "other_model",
        (_calls("_x8 1 1 stale", **{n.MODEL: "claude-opus-4-1", n.ANSWERED_BY: OPUS}),),
        (
            _calls(
                "_x8 1 1 stale",
                **{
                    n.MODEL: "us.anthropic.claude-sonnet-4-20250514-v1:0",
                    n.ANSWERED_BY: "claude-sonnet-4-0",
                },
            ),
        ),
    ),
    Situation(
        "model_retires",
        (of(semconv.M_RETIREMENT, "59x60", **{n.MODEL: SONNET}),),
        (of(semconv.M_RETIREMENT, "60x60", **{n.MODEL: SONNET}),),
        healthy=True,
    ),
    Situation(
        "model_retires_soon",
        (of(semconv.M_RETIREMENT, "13x60", **{n.MODEL: SONNET}),),
        (of(semconv.M_RETIREMENT, "14x60", **{n.MODEL: SONNET}),),
    ),
    Situation(
        "audit_findings",
        _born(semconv.M_AUDIT_FINDINGS, 1, **_WORST),
        _born(semconv.M_REQUESTS, 1, **{n.OUTCOME: "completed"}),
    ),
    Situation("service_silent", (_calls("0+1x40 stale"),), (_calls("0+1x60"),), "55m"),
    Situation("service_silent", (_calls("0+1x40 stale"),), (_calls("0+1x20 stale"),), "55m"),
    Situation(
        "instrumentation_errors",
        _born(semconv.M_FAULTS, 1, **{label(semconv.FAULT_SITE): "span.end"}),
        _born(semconv.M_REQUESTS, 1, **{n.OUTCOME: "completed"}),
    ),
    Situation(
        "export_failures",
        _collector("exporter_send_failed", "0+5x60"),
        _collector("exporter_sent", "0+5x60"),
        healthy=True,
    ),
    Situation(
        "export_stalled",
        (*_queue(5), *_collector("exporter_sent", "7x60")),
        (*_queue(5), *_collector("exporter_sent", "0+7x60")),
        "20m",
    ),
    Situation("queue_filling", _queue(810), _queue(790), healthy=True),
    Situation(
        "data_refused",
        _collector("receiver_refused", "0+5x60"),
        _collector("receiver_accepted", "0+5x60"),
        healthy=True,
    ),
    Situation("rules_missed", _skipped("0+0x5 1 2 3x60"), _skipped("0x60"), healthy=True),
    Situation("collector_down", _up("1x5 0x50"), _up("1x60"), healthy=True),
)
"""Each of about an hour. `quiet` is as near to the threshold as it can be."""


def _then(per_minute: float, later: float) -> str:
    """A counter that grows by so much a minute for a day, and then by another amount."""
    return f"0+{per_minute:g}x{_DAY} {per_minute * _DAY + later:g}+{later:g}x{_HOURS - _DAY}"


def _slower(later: float) -> tuple[Series, ...]:
    """Calls of a service `slow`: 0.64 to 1.28 s for a day, then up to `later`."""
    where = {n.SERVICE: "slow", n.MODEL: SONNET, n.ENDPOINT: "/chat"}
    found = [of(semconv.M_REQUESTS, f"0+20x{_HOURS}", **where, **{n.OUTCOME: "completed"})]
    for one in (*semconv.SECONDS, None):
        le = "+Inf" if one is None else f"{one:g}"
        first = 20 if one is None or one >= 1.28 else 0
        last = 20 if one is None or one >= later else 0
        found.append(of(semconv.M_DURATION, _then(first, last), "_bucket", **where, le=le))
    return tuple(found)


def _used(service: str, later: float, kind: str = "input") -> tuple[Series, ...]:
    """A service that used 100 tokens a minute in prompts for a day, then `later`."""
    where = {n.SERVICE: service}
    return (
        _calls(f"0+20x{_HOURS}", **where),
        _tokens(_then(100, later), kind, **where),
    )


def _cached(later: float) -> tuple[Series, ...]:
    where = {n.SERVICE: "cached"}
    return (
        _calls(f"0+20x{_HOURS}", **where),
        _tokens(_then(60, later), "cache_read", **where),
        _tokens(_then(40, 100 - later), "input", **where),
    )


def _dear(later: float) -> tuple[Series, ...]:
    where = {n.SERVICE: "dear", n.FEATURE: "search", n.COMPONENT: "output"}
    return (
        _calls(f"0+20x{_HOURS}", **{n.SERVICE: "dear"}),
        of(semconv.M_COST, _then(0.001, later), **where, **{n.ANSWERED_BY: OPUS}),
        of(semconv.M_COST, _then(0.009, 0.01 - later), **where, **{n.ANSWERED_BY: SONNET}),
    )


_LATER = "1540m"

DAYS: tuple[Situation, ...] = (
    Situation("duration_p50_up", _slower(2.56), _slower(1.28), _LATER, service="slow"),
    Situation("tokens_up", _used("more", 160), _used("more", 140), _LATER, service="more"),
    Situation(
        "prompt_size_up", _used("longer", 210), _used("longer", 190), _LATER, service="longer"
    ),
    Situation("cache_hit_rate_down", _cached(25), _cached(35), _LATER, service="cached"),
    Situation("expensive_model_share_up", _dear(0.004), _dear(0.0025), _LATER, service="dear"),
)
"""Those that need a yesterday; each has a service of its own, so that they can share a test."""
