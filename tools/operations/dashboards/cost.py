"""Cost: who spends what on which model, what will it be, and what did caching save?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.operations import increments as inc, recording as rec
from tools.operations.dashboards.blocks import (
    CALLS,
    CHOSEN,
    GREEN,
    INTERVAL,
    OF_SERVICE,
    ORANGE,
    RANGE,
    RATE,
    RED,
    SHARE,
    USD,
    YELLOW,
    Board,
    Panel,
    amount,
    bars,
    graph,
    stat,
    table,
)
from tools.operations.names import (
    ANSWERED_BY,
    BUDGET,
    BUDGET_SCOPE,
    BUDGET_UNIT,
    BUDGET_WINDOW,
    COMPONENT,
    COST_SIZE,
    ENDPOINT,
    FEATURE,
    REASON,
    SERVICE,
    TEAM,
    TENANT,
    USER,
)
from tools.operations.promql import select, total

if TYPE_CHECKING:
    from tools.operations.thresholds import Thresholds

_PLACE = (("Calls like these", "otel-claude-calls"),)


def _by(title: str, label: str) -> Panel:
    note = f"Cost per interval, by {title.lower()}; without a name where none was given."
    return bars(
        f"By {title.lower()}",
        note,
        (amount(inc.COST, label), f"{{{{{label}}}}}"),
        unit=USD,
        links=CALLS,
    )


def _saved(window: str) -> str:
    return f"{amount(inc.UNCACHED, window=window)} - {amount(inc.COST, window=window)}"


def _sum(record: str) -> str:
    return f"sum({select(record, *OF_SERVICE)})"


def board(limits: Thresholds) -> Board:
    """The dashboard."""
    budget = limits.daily_budget
    steps = ((None, GREEN), (0.8 * budget, YELLOW), (budget, RED))
    factor = limits.limits["projected_spend"].above
    head = (
        stat(
            "Spend",
            "Cost of the chosen time.",
            amount(inc.COST, window=RANGE),
            unit=USD,
            decimals=2,
        ),
        stat(
            "24 hours",
            "Cost of the last 24 hours, against the daily budget.",
            amount(inc.COST, window="1d"),
            unit=USD,
            decimals=2,
            steps=steps,
        ),
        stat(
            "7 days",
            "Cost of the last 7 days.",
            amount(inc.COST, window="7d"),
            unit=USD,
            decimals=2,
        ),
        stat(
            "30 days",
            "Cost of the last 30 days.",
            amount(inc.COST, window="30d"),
            unit=USD,
            decimals=2,
        ),
        stat(
            "A day at this pace",
            "24 times the last hour.",
            _sum(rec.PROJECTED_DAY),
            unit=USD,
            decimals=2,
            steps=((None, GREEN), (budget, YELLOW), (factor * budget, RED)),
        ),
        stat(
            "A month at this pace",
            "30 times the last 24 hours.",
            _sum(rec.PROJECTED_MONTH),
            unit=USD,
            decimals=2,
        ),
        stat(
            "Per call",
            "Mean cost of a call.",
            f"{amount(inc.COST, window=RANGE)} / {amount(inc.REQUESTS, window=RANGE)}",
            unit=USD,
            decimals=5,
        ),
        stat(
            "Saved by caching",
            "What the same calls would have cost without the prompt cache, less what they cost.",
            _saved(RANGE),
            unit=USD,
            decimals=2,
        ),
        stat(
            "Without a price",
            "Calls that are in no sum of money here.",
            f"{amount(inc.UNPRICED, window=RANGE)} or vector(0)",
            steps=((None, GREEN), (1, ORANGE)),
        ),
    )
    split = (
        _by("Model", ANSWERED_BY),
        _by("Tenant", TENANT),
        _by("Team", TEAM),
        _by("Feature", FEATURE),
        _by("Endpoint", ENDPOINT),
        _by("Part of the bill", COMPONENT),
    )
    calls = (
        bars(
            "Calls by cost",
            "How many calls cost how much.",
            (
                amount(inc.REQUESTS, COST_SIZE, of=(*CHOSEN, f'{COST_SIZE}!=""')),
                f"{{{{{COST_SIZE}}}}}",
            ),
            links=CALLS,
        ),
        graph(
            "Cost per call",
            "Mean, by feature.",
            (
                f"{amount(inc.COST, FEATURE, window=RATE)} / ({amount(inc.REQUESTS, FEATURE, window=RATE)} > 0)",
                f"{{{{{FEATURE}}}}}",
            ),
            unit=USD,
        ),
        graph(
            "Saved by caching",
            "Per interval; below zero where writes cost more than reads saved.",
            (_saved(INTERVAL), "saved"),
            unit=USD,
        ),
        table(
            "Most expensive endpoints",
            "Of the chosen time.",
            (
                (SERVICE, "Service"),
                (ENDPOINT, "Endpoint"),
                (ANSWERED_BY, "Model"),
                ("Value", "Spend"),
            ),
            f"topk(20, {amount(inc.COST, SERVICE, ENDPOINT, ANSWERED_BY, window=RANGE)})",
            units=(("Spend", USD),),
            width=12,
            links=_PLACE,
        ),
        table(
            "Calls without a price",
            "Why they have none; see docs/pricing.md for what to do.",
            ((SERVICE, "Service"), (ANSWERED_BY, "Model"), (REASON, "Reason"), ("Value", "Calls")),
            f"{amount(inc.UNPRICED, SERVICE, ANSWERED_BY, REASON, window=RANGE)} > 0",
            units=(("Calls", "short"),),
            width=12,
        ),
    )
    budgets = (
        table(
            "Budgets",
            "How much of each budget's window is spent.",
            (
                (BUDGET, "Budget"),
                (BUDGET_SCOPE, "Scope"),
                (BUDGET_WINDOW, "Window"),
                (BUDGET_UNIT, "Unit"),
                ("Value", "Used"),
            ),
            f"sort_desc(max by ({BUDGET}, {BUDGET_SCOPE}, {BUDGET_WINDOW}, {BUDGET_UNIT}) "
            f"({select(rec.BUDGET_USED, *OF_SERVICE)}))",
            units=(("Used", SHARE),),
            width=12,
        ),
        bars(
            "Refused, warned, overrun",
            "Calls refused, thresholds passed, calls that came out dearer.",
            (total((BUDGET,), inc.REJECTIONS, INTERVAL, *OF_SERVICE), f"refused {{{{{BUDGET}}}}}"),
            (total((BUDGET,), inc.WARNINGS, INTERVAL, *OF_SERVICE), f"warned {{{{{BUDGET}}}}}"),
            (total((BUDGET,), inc.OVERRUNS, INTERVAL, *OF_SERVICE), f"overrun {{{{{BUDGET}}}}}"),
            width=12,
        ),
    )
    spend_of_user = total((USER,), inc.USER_COST, RANGE, *OF_SERVICE)
    others = (
        table(
            "Top users",
            "From the gateway's sums of spans, taken before sampling.",
            (
                (USER, "User"),
                ("Value #A", "Spend"),
                ("Value #B", "Calls"),
                ("Value #C", "Tokens in"),
                ("Value #D", "Tokens out"),
            ),
            f"topk(20, {spend_of_user})",
            *(
                f"{total((USER,), record, RANGE, *OF_SERVICE)} and topk(20, {spend_of_user})"
                for record in (inc.USER_REQUESTS, inc.USER_INPUT, inc.USER_OUTPUT)
            ),
            units=(("Spend", USD),),
            width=12,
        ),
        stat(
            "Users",
            "Different users in the chosen time, from the gateway's sums.",
            f"count({spend_of_user})",
        ),
        bars(
            "Managed agents",
            "List cost of managed agents, as their sessions report it; in no other sum.",
            (total((SERVICE,), inc.SESSION_COST, INTERVAL, *OF_SERVICE), f"{{{{{SERVICE}}}}}"),
            unit=USD,
        ),
    )
    return Board(
        "otel-claude-cost",
        "Claude / Cost",
        "What was spent, on what, for whom; what it will be; what caching saved.",
        (
            ("Spend", head),
            ("Split", split),
            ("Calls and endpoints", calls),
            ("Budgets", budgets),
            ("Users and agents", others),
        ),
        span="now-24h",
    )
