"""The recording rules: increments of counters, and what is asked often of them."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from otel_claude import semconv
from tools.operations import increments as inc
from tools.operations.names import (
    ANSWERED_BY,
    BUDGET,
    BUDGET_RANK,
    BUDGET_SCOPE,
    BUDGET_UNIT,
    BUDGET_WINDOW,
    ENDPOINT,
    ENVIRONMENT,
    ERROR,
    EVALUATION,
    FEATURE,
    LIMIT_KIND,
    MODEL,
    ORGANIZATION,
    OUTCOME,
    SERVICE,
    SIZE,
    TEAM,
    TENANT,
    TOKEN_TYPE,
    VERDICT,
    WORKSPACE,
    series,
)
from tools.operations.promql import BY_SERVICE, CUT, FAILED, REFUSED, quantile, select, share, total

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tools.operations.thresholds import Thresholds

Rule = dict[str, Any]

SPEND_HOUR = "claude:spend_usd:1h"
SPEND_DAY = "claude:spend_usd:1d"
PROJECTED_DAY = "claude:spend_usd:projected_day"
PROJECTED_MONTH = "claude:spend_usd:projected_month"
CACHE_HIT_RATIO = "claude:cache_hit_ratio:1h"
SUCCESS_RATIO = "claude:success_ratio:15m"
TOKENS_HOUR = "claude:tokens:1h"
PROMPT_SIZE = "claude:prompt_tokens_per_call:1h"
EXPENSIVE_SHARE = "claude:expensive_cost_share:1h"
REFUSAL_RATIO = "claude:refusal_ratio:1h"
LENGTH_RATIO = "claude:cut_by_length_ratio:1h"
EVALUATION_RATIO = "claude:evaluation_failed_ratio:1h"
HEADROOM = "claude:ratelimit_headroom_ratio"
BUDGET_USED = "claude:budget_used_ratio"
PRESENT = "claude:service_series:count"
APDEX_POINTS = "claude:apdex_points:15m"
APDEX = "claude:apdex:15m"
MODEL_LINE = "model_line"

BY_USE = (*BY_SERVICE, ANSWERED_BY, TENANT, TEAM, FEATURE)
BY_PLACE = (*BY_SERVICE, MODEL, ENDPOINT)
BY_BUDGET = (*BY_SERVICE, BUDGET, BUDGET_SCOPE, BUDGET_WINDOW, BUDGET_UNIT, BUDGET_RANK)
PROMPT = f'{TOKEN_TYPE}!="output"'
READ = f'{TOKEN_TYPE}="cache_read"'
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def calls(window: str) -> str:
    """The record of the number of calls per service over a window."""
    return f"claude:calls:{window}"


def error_ratio(window: str) -> str:
    """The record of the share of failed calls per service over a window."""
    return f"claude:error_ratio:{window}"


def percentile(what: str, name: str, window: str) -> str:
    """The record of a percentile of `duration` or `first_token`."""
    return f"claude:{what}_seconds:{name}_{window}"


def _rule(record: str, expr: str, **labels: str) -> Rule:
    return {"record": record, "expr": expr, **({"labels": labels} if labels else {})}


def _increments(limits: Thresholds) -> Iterator[Rule]:
    for counter in inc.INCREMENTS:
        yield _rule(counter.record, counter.expr(limits), **dict(counter.labels))


def _money(limits: Thresholds) -> Iterator[Rule]:
    hour, day = limits.window("1h"), limits.window("1d")
    yield _rule(SPEND_HOUR, total(BY_USE, inc.COST, hour))
    yield _rule(SPEND_DAY, total(BY_USE, inc.COST, day))
    # At the pace of the last hour, and of the last day.
    yield _rule(PROJECTED_DAY, f"{total(BY_SERVICE, inc.COST, hour)} * 24")
    yield _rule(PROJECTED_MONTH, f"{total(BY_SERVICE, inc.COST, day)} * 30")
    of_model = (*BY_SERVICE, MODEL)
    prompt = total(of_model, inc.TOKENS, hour, PROMPT)
    read = total(of_model, inc.TOKENS, hour, READ)
    yield _rule(CACHE_HIT_RATIO, f"({read} or {prompt} * 0) / ({prompt} > 0)")
    yield _rule(TOKENS_HOUR, total(BY_SERVICE, inc.TOKENS, hour))
    by_feature = (*BY_SERVICE, FEATURE)
    answered = total(by_feature, inc.REQUESTS, hour, f'{OUTCOME}="completed"')
    yield _rule(PROMPT_SIZE, f"{total(by_feature, inc.TOKENS, hour, PROMPT)} / ({answered} > 0)")
    dear = f'{ANSWERED_BY}=~".*({limits.expensive_models}).*"'
    yield _rule(EXPENSIVE_SHARE, share(by_feature, inc.COST, hour, dear))


def _outcomes(limits: Thresholds) -> Iterator[Rule]:
    windows = {limit.window for limit in limits.limits.values() if limit.window}
    windows |= {window for burn in limits.burns for window in (burn.long, burn.short)}
    for window in sorted(windows, key=lambda w: (len(limits.time(w)), w)):
        yield _rule(calls(window), total(BY_SERVICE, inc.REQUESTS, limits.window(window)))
        yield _rule(
            error_ratio(window), share(BY_SERVICE, inc.REQUESTS, limits.window(window), FAILED)
        )
    by_model = (*BY_SERVICE, MODEL)
    failed = share(by_model, inc.REQUESTS, limits.window("15m"), FAILED)
    yield _rule(SUCCESS_RATIO, f"1 - {failed}")
    hour = limits.window("1h")
    yield _rule(REFUSAL_RATIO, share(BY_SERVICE, inc.REQUESTS, hour, REFUSED))
    yield _rule(LENGTH_RATIO, share(BY_SERVICE, inc.REQUESTS, hour, CUT))
    failed_verdict = f'{VERDICT}="fail"'
    by_check = (*BY_SERVICE, EVALUATION)
    yield _rule(EVALUATION_RATIO, share(by_check, inc.EVALUATIONS, hour, failed_verdict))


def _speed(limits: Thresholds) -> Iterator[Rule]:
    for what, record in (("duration", inc.DURATION), ("first_token", inc.FIRST_TOKEN)):
        for name, q in QUANTILES.items():
            expr = quantile(q, BY_PLACE, record, limits.window("5m"))
            yield _rule(percentile(what, name, "5m"), expr)
    median = quantile(0.5, BY_PLACE, inc.DURATION, limits.window("1h"))
    yield _rule(percentile("duration", "p50", "1h"), median)
    yield from _apdex(limits)


def _apdex(limits: Thresholds) -> Iterator[Rule]:
    window = limits.window("15m")
    for line, sizes in limits.expected_seconds.items():
        by_size = [_points(line, size, expected, window) for size, expected in sizes.items()]
        yield _rule(APDEX_POINTS, "\nor\n".join(by_size), **{MODEL_LINE: line})
    for line in limits.expected_seconds:
        # Calls that failed are in the denominator only, whatever their size.
        whole = total(BY_SERVICE, inc.DURATION, window, f'{MODEL}=~".*{line}.*"', 'le="+Inf"')
        points = f'sum by ({", ".join(BY_SERVICE)}) ({APDEX_POINTS}{{{MODEL_LINE}="{line}"}})'
        yield _rule(APDEX, f"({points} or {whole} * 0) / ({whole} > 0)", **{MODEL_LINE: line})


def _points(line: str, size: str, expected: float, window: str) -> str:
    """Answers that satisfied, and half of those that were tolerated."""
    # Prompts of 50,000 tokens and more are expected like large ones.
    # What has no size (usage was not said) is taken for small.
    sizes = {"large": "large|xlarge", "small": "small|"}.get(size, size)
    match = f'{SIZE}=~"{sizes}"'
    matchers = (f'{MODEL}=~".*{line}.*"', match, f'{ERROR}=""')
    by = (*BY_SERVICE, SIZE)
    satisfied = _within(expected, by, window, matchers)
    tolerated = _within(4 * expected, by, window, matchers)
    return f"(({satisfied}) + ({tolerated})) / 2"


def _within(seconds: float, by: Iterable[str], window: str, matchers: tuple[str, ...]) -> str:
    """Calls that took at most that long: between two bounds of the histogram, in proportion."""
    bounds = semconv.SECONDS
    at = bisect_right(bounds, seconds)
    if at == 0 or at == len(bounds):
        raise ValueError(f"an expected time of {seconds} s lies outside the histogram's bounds")
    low, high = bounds[at - 1], bounds[at]
    part = (seconds - low) / (high - low)
    by = tuple(by)
    below = total(by, inc.DURATION, window, *matchers, f'le="{low:g}"')
    above = total(by, inc.DURATION, window, *matchers, f'le="{high:g}"')
    return f"{1 - part:.4f} * {below} + {part:.4f} * {above}"


def _state(limits: Thresholds) -> Iterator[Rule]:
    del limits
    by = ", ".join((*BY_SERVICE, LIMIT_KIND, MODEL, ORGANIZATION, WORKSPACE))
    remaining, limit = series(semconv.M_RATELIMIT_REMAINING), series(semconv.M_RATELIMIT_LIMIT)
    used = series(semconv.M_RATELIMIT_UTILIZATION)
    yield _rule(
        HEADROOM, f"min by ({by}) ({remaining} / ({limit} > 0))\nor\nmin by ({by}) (1 - {used})"
    )
    spent, allowed = series(semconv.M_BUDGET_SPENT), series(semconv.M_BUDGET_LIMIT)
    budgets = ", ".join(BY_BUDGET)
    yield _rule(BUDGET_USED, f"max by ({budgets}) ({spent} / ({allowed} > 0))")
    requests = select(series(semconv.M_REQUESTS), f'{SERVICE}!=""')
    yield _rule(PRESENT, f"count by ({ENVIRONMENT}, {SERVICE}) ({requests})")


def groups(limits: Thresholds) -> list[dict[str, Any]]:
    """The groups of a rules file. Rules of a group see the results of those before them."""
    made = (
        ("claude-increments", _increments),
        ("claude-money", _money),
        ("claude-outcomes", _outcomes),
        ("claude-speed", _speed),
        ("claude-state", _state),
    )
    return [
        {"name": name, "interval": limits.interval, "rules": list(make(limits))}
        for name, make in made
    ]
