"""The alert rules, with what to do when one fires."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_claude import semconv
from tools.operations import increments as inc, recording as rec
from tools.operations.names import (
    ANSWERED_BY,
    BUDGET,
    BUDGET_SCOPE,
    BUDGET_WINDOW,
    CATEGORY,
    COST_SIZE,
    ENDPOINT,
    ERROR,
    EVALUATION,
    FEATURE,
    FINDING,
    LIMIT_KIND,
    MODEL,
    NEARLY_FULL,
    OUTCOME,
    REASON,
    SERVICE,
    SEVERITY,
    SITE,
    series,
)
from tools.operations.promql import BY_SERVICE, total
from tools.operations.runbooks import RUNBOOKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.operations.thresholds import Limit, Thresholds

Make = "Callable[[Thresholds, Limit], str]"


@dataclass(frozen=True)
class Alert:
    """One alert rule.

    Attributes:
        key: its entry in the threshold file.
        expr: makes the expression.
        summary: one line; Prometheus' templates.
    """

    key: str
    expr: Callable[[Thresholds, Limit], str]
    summary: str

    @property
    def name(self) -> str:
        """`ClaudeErrorRatePage` for `error_rate_page`."""
        return alert_name(self.key)


def alert_name(key: str) -> str:
    """The name of the alert that an entry of the threshold file makes."""
    return "Claude" + "".join(part.capitalize() for part in key.split("_"))


_ON = f"on ({', '.join(BY_SERVICE)})"
_WHERE = "{{ $labels." + SERVICE + " }}"


def _label(name: str) -> str:
    return "{{ $labels." + name + " }}"


def _enough(t: Thresholds, window: str) -> str:
    """Only where there were calls enough for a share to say something."""
    return f"and {_ON} {rec.calls(window)} >= {t.minimum_calls}"


def _error_rate(t: Thresholds, a: Limit) -> str:
    return f"{rec.error_ratio(a.window)} > {a.above} {_enough(t, a.window)}"


def _success(t: Thresholds, a: Limit) -> str:
    return f"{rec.SUCCESS_RATIO} < {a.below} {_enough(t, a.window)}"


def _count(record: str, by: tuple[str, ...], *matchers: str) -> Callable[[Thresholds, Limit], str]:
    """More than so many increments in the window."""

    def expr(t: Thresholds, a: Limit) -> str:
        return f"{total((*BY_SERVICE, *by), record, t.window(a.window), *matchers)} > {a.above}"

    return expr


def _attempts(error: str) -> Callable[[Thresholds, Limit], str]:
    """An error that a call ended with, or that a retry healed."""

    def expr(t: Thresholds, a: Limit) -> str:
        by = (*BY_SERVICE, MODEL)
        match, window = f'{ERROR}="{error}"', t.window(a.window)
        ended = total(by, inc.REQUESTS, window, match)
        healed = total(by, inc.RETRIES, window, match)
        return f"(({ended} + {healed}) or {ended} or {healed}) > {a.above}"

    return expr


def _percentile(what: str, name: str) -> Callable[[Thresholds, Limit], str]:
    def expr(t: Thresholds, a: Limit) -> str:
        return f"{rec.percentile(what, name, a.window)} > {a.above:g} {_enough(t, a.window)}"

    return expr


def _over_yesterday(record: str) -> Callable[[Thresholds, Limit], str]:
    def expr(t: Thresholds, a: Limit) -> str:
        return f"{record} > {a.above} * ({record} offset {t.time('1d')} > 0) {_enough(t, a.window)}"

    return expr


def _tokens_up(t: Thresholds, a: Limit) -> str:
    """Over the same hour of yesterday, and of a week ago where there was one."""
    now, day, week = rec.TOKENS_HOUR, t.time("1d"), t.time("7d")
    before = f"({now} offset {day} > 0)"
    return f"{now} > {a.above} * {before} unless {now} <= {a.above} * ({now} offset {week})"


def _daily_spend(t: Thresholds, a: Limit) -> str:
    return f"{total(BY_SERVICE, inc.COST, t.window(a.window))} > {a.above}"


def _projected(t: Thresholds, a: Limit) -> str:
    return f"{rec.PROJECTED_DAY} > {a.above} * {t.daily_budget}"


def _collapsed(t: Thresholds, a: Limit) -> str:
    usual = f"avg_over_time({rec.CACHE_HIT_RATIO}[{t.time('1d')}] offset {t.time('1h')})"
    return f"{rec.CACHE_HIT_RATIO} < {a.below} * ({usual} > 0.1) {_enough(t, a.window)}"


def _share_up(t: Thresholds, a: Limit) -> str:
    usual = f"avg_over_time({rec.EXPENSIVE_SHARE}[{t.time('1d')}] offset {t.time('1h')})"
    return f"({rec.EXPENSIVE_SHARE} - {usual}) > {a.above} {_enough(t, a.window)}"


def _unusual(record: str) -> Callable[[Thresholds, Limit], str]:
    """Above its usual share; what never occurred before is unusual too."""

    def expr(t: Thresholds, a: Limit) -> str:
        usual = f"avg_over_time({record}[{t.time('1d')}] offset {t.time('1h')})"
        bound = f"{a.above} * ({usual} or {record} * 0)"
        return f"({record} > {bound}) > {a.at_least} {_enough(t, a.window)}"

    return expr


def _failed_checks(t: Thresholds, a: Limit) -> str:
    record = rec.EVALUATION_RATIO
    usual = f"avg_over_time({record}[{t.time('1d')}] offset {t.time('1h')})"
    run = total((*BY_SERVICE, EVALUATION), inc.EVALUATIONS, t.window(a.window))
    bound = f"{a.above} * ({usual} or {record} * 0)"
    return f"({record} > {bound}) > {a.at_least} and {run} >= {t.minimum_calls}"


_BASE = r"(?:.*[./])?(claude-.+?)(?:-latest|-0|[-@][0-9]{8}.*|-v[0-9]+.*)?"


def _other_model(t: Thresholds, a: Limit) -> str:
    """Calls answered by another model, once dates, `-latest` and cloud prefixes are taken off."""
    by = (*BY_SERVICE, MODEL, ANSWERED_BY)
    matchers = (f'{MODEL}=~".*claude-.*"', f'{ANSWERED_BY}=~".*claude-.*"')
    moved = total(by, inc.REQUESTS, t.window(a.window), *matchers)
    pattern = _BASE.replace("\\", "\\\\")

    def base(label: str) -> str:
        return f'label_replace({moved}, "model", "$1", "{label}", "{pattern}")'

    return f"({base(MODEL)} unless {base(ANSWERED_BY)}) > {a.above}"


def _retires(_t: Thresholds, a: Limit) -> str:
    days = series(semconv.M_RETIREMENT)
    return f"min by ({', '.join((*BY_SERVICE, MODEL))}) ({days}) < {a.below:g}"


def _silent(t: Thresholds, a: Limit) -> str:
    seen = int(_minutes(t, a) / 2)
    return f"count_over_time({rec.PRESENT}[{t.time(a.window)}]) >= {seen} unless {rec.PRESENT}"


def _minutes(t: Thresholds, a: Limit) -> float:
    from tools.operations.thresholds import seconds

    return seconds(a.window) / t.interval_seconds


def _of_collector(record: str) -> Callable[[Thresholds, Limit], str]:
    def expr(t: Thresholds, a: Limit) -> str:
        return f"{total(('signal',), record, t.window(a.window))} > {a.above}"

    return expr


def _stalled(t: Thresholds, a: Limit) -> str:
    """Data waits, and none of it goes: what a retrying exporter's outage looks like."""
    waits = (
        f"max by (exporter) (min_over_time(otelcol_exporter_queue_size[{t.time(a.window)}])) > 0"
    )
    return f"{waits} unless on (exporter) {total(('exporter',), inc.SENT, t.window(a.window))} > 0"


def _queue(_t: Thresholds, a: Limit) -> str:
    used = "max by (exporter) (otelcol_exporter_queue_size / (otelcol_exporter_queue_capacity > 0))"
    return f"{used} > {a.above}"


def _down(_t: Thresholds, _a: Limit) -> str:
    return 'up{job="otel-collector"} == 0'


def _missed(t: Thresholds, a: Limit) -> str:
    group = f'{{rule_group=~".*;claude-.*"}}[{t.time(a.window)}]'
    missed = f"increase(prometheus_rule_group_iterations_missed_total{group})"
    return f"max by (rule_group) ({missed}) > {a.above}"


def _always(_t: Thresholds, _a: Limit) -> str:
    return "vector(1)"


def _budget(_t: Thresholds, a: Limit) -> str:
    return f"{rec.BUDGET_USED} >= {a.above:g}"


_SHARE = "{{ $value | humanizePercentage }}"
_NUMBER = "{{ $value | humanize }}"
_SECONDS = "{{ $value | humanizeDuration }}"
_USD = '${{ $value | printf "%.2f" }}'
_AT = f"{_label(ENDPOINT)} with {_label(MODEL)} in {_WHERE}"

ALERTS: tuple[Alert, ...] = (
    Alert("error_rate_warning", _error_rate, f"{_SHARE} of the calls of {_WHERE} fail"),
    Alert("error_rate_critical", _error_rate, f"{_SHARE} of the calls of {_WHERE} fail"),
    Alert("error_rate_page", _error_rate, f"{_SHARE} of the calls of {_WHERE} fail"),
    Alert("success_low", _success, f"Only {_SHARE} of the calls to {_label(MODEL)} succeed"),
    Alert(
        "authentication_failures",
        _count(inc.REQUESTS, (), f'{CATEGORY}="auth_error"'),
        f"{_NUMBER} calls of {_WHERE} failed to authenticate",
    ),
    Alert(
        "rate_limited",
        _attempts("rate_limit_error"),
        f"{_NUMBER} requests of {_WHERE} to {_label(MODEL)} met a rate limit",
    ),
    Alert(
        "overloaded",
        _attempts("overloaded_error"),
        f"{_NUMBER} requests of {_WHERE} met an overloaded {_label(MODEL)}",
    ),
    Alert(
        "truncated",
        _count(inc.REQUESTS, (MODEL,), f'{OUTCOME}="truncated"'),
        f"{_NUMBER} streams of {_WHERE} broke off",
    ),
    Alert(
        "rate_limit_headroom",
        lambda _t, a: f"{rec.HEADROOM} < {a.below}",
        f"{_SHARE} of the limit on {_label(LIMIT_KIND)} of {_label(MODEL)} are left",
    ),
    Alert("duration_p95_critical", _percentile("duration", "p95"), f"p95 is {_SECONDS}: {_AT}"),
    Alert("duration_p95_page", _percentile("duration", "p95"), f"p95 is {_SECONDS}: {_AT}"),
    Alert(
        "first_token_p95",
        _percentile("first_token", "p95"),
        f"p95 of the first token is {_SECONDS}: {_AT}",
    ),
    Alert(
        "duration_p50_up",
        _over_yesterday(rec.percentile("duration", "p50", "1h")),
        f"The median is {_SECONDS}, much more than yesterday: {_AT}",
    ),
    Alert(
        "apdex_low",
        lambda t, a: f"{rec.APDEX} < {a.below} {_enough(t, a.window)}",
        f"Apdex of {_label(rec.MODEL_LINE)} in {_WHERE} is {_NUMBER}",
    ),
    Alert("tokens_up", _tokens_up, f"{_WHERE} used {_NUMBER} tokens in an hour, more than usual"),
    Alert(
        "prompt_size_up",
        _over_yesterday(rec.PROMPT_SIZE),
        f"Prompts of {_label(FEATURE)} in {_WHERE} have {_NUMBER} tokens, twice yesterday's",
    ),
    Alert(
        "context_nearly_full",
        _count(inc.REQUESTS, (MODEL, FEATURE), f'{NEARLY_FULL}="true"'),
        f"{_NUMBER} prompts of {_label(FEATURE)} fill over 80% of {_label(MODEL)}'s context",
    ),
    Alert(
        "expensive_call",
        _count(inc.REQUESTS, (MODEL, FEATURE), f'{COST_SIZE}=~"1_10usd|over_10usd"'),
        f"{_NUMBER} calls of {_label(FEATURE)} in {_WHERE} cost over $1 each",
    ),
    Alert("daily_spend", _daily_spend, f"{_WHERE} spent {_USD} in 24 hours"),
    Alert(
        "budget_nearly_used",
        _budget,
        f"{_SHARE} of the {_label(BUDGET_WINDOW)} budget {_label(BUDGET)} are spent",
    ),
    Alert(
        "budget_used",
        _budget,
        f"The {_label(BUDGET_WINDOW)} budget {_label(BUDGET)} ({_label(BUDGET_SCOPE)}) is spent",
    ),
    Alert("projected_spend", _projected, f"At this pace {_WHERE} spends {_USD} a day"),
    Alert(
        "cache_hit_rate_down",
        _collapsed,
        f"Only {_SHARE} of {_WHERE}'s prompts to {_label(MODEL)} come from the cache",
    ),
    Alert(
        "expensive_model_share_up",
        _share_up,
        f"Expensive models' share of {_label(FEATURE)}'s cost rose by {_SHARE}",
    ),
    Alert(
        "unpriced_calls",
        _count(inc.UNPRICED, (ANSWERED_BY, REASON)),
        f"{_NUMBER} calls of {_WHERE} have no price: {_label(REASON)} {_label(ANSWERED_BY)}",
    ),
    Alert("refusals_up", _unusual(rec.REFUSAL_RATIO), f"{_SHARE} of {_WHERE}'s calls are refused"),
    Alert(
        "cut_by_length_up",
        _unusual(rec.LENGTH_RATIO),
        f"{_SHARE} of {_WHERE}'s answers are cut by length",
    ),
    Alert(
        "evaluations_failed_up",
        _failed_checks,
        f"{_SHARE} of the evaluations {_label(EVALUATION)} of {_WHERE} fail",
    ),
    Alert(
        "other_model",
        _other_model,
        f"{_NUMBER} calls to {_label(MODEL)} were answered by {_label(ANSWERED_BY)}",
    ),
    Alert("model_retires", _retires, f"{_label(MODEL)} in {_WHERE} retires in {_NUMBER} days"),
    Alert("model_retires_soon", _retires, f"{_label(MODEL)} in {_WHERE} retires in {_NUMBER} days"),
    Alert(
        "audit_findings",
        _count(inc.FINDINGS, (FINDING, SEVERITY)),
        f"{_NUMBER} audit findings in {_WHERE}: {_label(FINDING)} ({_label(SEVERITY)})",
    ),
    Alert("service_silent", _silent, f"{_WHERE} sends no telemetry any more"),
    Alert(
        "instrumentation_errors",
        _count(inc.FAULTS, (SITE,)),
        f"{_NUMBER} faults of otel-claude in {_WHERE} at {_label(SITE)}",
    ),
    Alert(
        "export_failures",
        _of_collector(inc.SEND_FAILED),
        f"The collector could not send {_NUMBER} {_label('signal')}",
    ),
    Alert(
        "export_stalled",
        _stalled,
        f"{_label('exporter')} sends nothing; {_NUMBER} wait in its queue",
    ),
    Alert("queue_filling", _queue, f"The queue of {_label('exporter')} is {_SHARE} full"),
    Alert(
        "data_refused",
        _of_collector(inc.REFUSED),
        f"The collector refused {_NUMBER} {_label('signal')}",
    ),
    Alert(
        "rules_missed",
        _missed,
        f"Prometheus skipped {_NUMBER} rounds of {_label('rule_group')}",
    ),
    Alert("collector_down", _down, f"The collector at {_label('instance')} does not answer"),
    Alert("watchdog", _always, "Alerting works; silence of this alert means that it does not"),
)


def _rule(key: str, name: str, expr: str, limit: Limit, summary: str) -> dict[str, Any]:
    what, todo = RUNBOOKS[key]
    return {
        "alert": name,
        "expr": expr,
        **({} if limit.lasting == "0s" else {"for": limit.lasting}),
        "labels": {"severity": limit.severity, "kind": limit.kind},
        "annotations": {"summary": summary, "description": what, "runbook": todo},
    }


def _burns(t: Thresholds) -> list[dict[str, Any]]:
    from tools.operations.thresholds import Limit

    rules = []
    for burn in t.burns:
        bound = f"{burn.burn:g} * (1 - {t.objective})"
        expr = (
            f"{rec.error_ratio(burn.long)} > {bound} "
            f"and {_ON} {rec.error_ratio(burn.short)} > {bound} {_enough(t, burn.long)}"
        )
        limit = Limit(burn.severity, "outage", burn.lasting)
        name = f"ClaudeErrorBudgetBurn{burn.long}"
        summary = f"{_WHERE} uses its error budget up {burn.burn:g} times too fast"
        rules.append(_rule("error_budget_burn", name, expr, limit, summary))
    return rules


def groups(t: Thresholds) -> list[dict[str, Any]]:
    """The groups of a rules file, one per kind of alert."""
    found: dict[str, list[dict[str, Any]]] = {}
    for alert in ALERTS:
        limit = t.limits[alert.key]
        made = _rule(alert.key, alert.name, alert.expr(t, limit), limit, alert.summary)
        found.setdefault(limit.kind, []).append(made)
    found["outage"] += _burns(t)
    return [
        {"name": f"claude-alerts-{kind}", "interval": t.interval, "rules": rules}
        for kind, rules in found.items()
    ]
