"""Quality and feedback: are the answers any good, and by which model?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_claude import semconv
from tools.operations import increments as inc, recording as rec
from tools.operations.dashboards.blocks import (
    CHOSEN,
    GREEN,
    INTERVAL,
    OF_MODEL,
    OF_SERVICE,
    ORANGE,
    RANGE,
    RATE,
    RED,
    SHARE,
    YELLOW,
    Board,
    bars,
    graph,
    part,
    some,
    stat,
    table,
)
from tools.operations.names import (
    ANSWERED_BY,
    EVALUATION,
    FEATURE,
    FINDING,
    MODEL,
    SERVICE,
    SEVERITY,
    VERDICT,
    series,
)
from tools.operations.promql import CUT, REFUSED, select, share, total

if TYPE_CHECKING:
    from tools.operations.thresholds import Thresholds

_FAILED = f'{VERDICT}="fail"'
_FEEDBACK = f'{EVALUATION}="{semconv.FEEDBACK}"'
_CHECKS = f'{EVALUATION}!="{semconv.FEEDBACK}"'
_ACCEPTED = f'{VERDICT}="{semconv.FEEDBACK_ACCEPT}"'
_ANSWERED = f'{ANSWERED_BY}!=""'


def _score(window: str, *by: str) -> str:
    return f"{total(by, inc.SCORE_SUM, window, *CHOSEN)} / ({total(by, inc.SCORE_COUNT, window, *CHOSEN)} > 0)"


def _failed(*by: str, window: str) -> str:
    return share(by, inc.EVALUATIONS, window, _FAILED, *CHOSEN, _CHECKS)


def _accepted(*by: str, window: str) -> str:
    return share(by, inc.EVALUATIONS, window, _ACCEPTED, *CHOSEN, _FEEDBACK)


def board(limits: Thresholds) -> Board:
    """The dashboard."""
    months, days = limits.limits["model_retires"].below, limits.limits["model_retires_soon"].below
    failed = limits.limits["evaluations_failed_up"].at_least
    bad = ((None, GREEN), (failed, YELLOW), (4 * failed, RED))
    findings = total((), inc.FINDINGS, RANGE, *OF_SERVICE)
    head = (
        stat(
            "Accepted",
            "Share of users' feedback.",
            _accepted(window=RANGE),
            unit=SHARE,
            decimals=1,
        ),
        stat(
            "Failed",
            "Share of the evaluations by checks and judges.",
            _failed(window=RANGE),
            unit=SHARE,
            decimals=1,
            steps=bad,
        ),
        stat("Mean score", "Of evaluations that score.", _score(RANGE), decimals=2),
        stat(
            "Refused",
            "Share of calls that the model refused.",
            part(inc.REQUESTS, REFUSED, window=RANGE),
            unit=SHARE,
            decimals=2,
        ),
        stat(
            "Cut by length",
            "Share of answers that ran into max_tokens.",
            part(inc.REQUESTS, CUT, window=RANGE),
            unit=SHARE,
            decimals=2,
        ),
        stat(
            "Audit findings",
            "In the chosen time.",
            f"{findings} or vector(0)",
            steps=((None, GREEN), (1, ORANGE)),
        ),
    )
    checks = (
        bars(
            "Evaluations",
            "Per interval, by verdict of checks and judges.",
            (some(inc.EVALUATIONS, _CHECKS, by=(VERDICT,)), f"{{{{{VERDICT}}}}}"),
        ),
        graph(
            "Failed by evaluation",
            "Share.",
            (_failed(EVALUATION, window=RATE), f"{{{{{EVALUATION}}}}}"),
            unit=SHARE,
            maximum=1,
        ),
        graph(
            "Mean score by evaluation",
            "0 to 1, where evaluations score.",
            (_score(RATE, EVALUATION), f"{{{{{EVALUATION}}}}}"),
            maximum=1,
        ),
        table(
            "By model",
            "Share of failed evaluations: which model does a check's work?",
            (
                (EVALUATION, "Evaluation"),
                (MODEL, "Model"),
                ("Value #A", "Failed"),
                ("Value #B", "Evaluations"),
            ),
            _failed(EVALUATION, MODEL, window=RANGE),
            some(inc.EVALUATIONS, _CHECKS, by=(EVALUATION, MODEL), window=RANGE),
            units=(("Failed", SHARE),),
            width=24,
        ),
    )
    users = (
        bars(
            "Feedback",
            "Per interval: what users did with answers.",
            (some(inc.EVALUATIONS, _FEEDBACK, by=(VERDICT,)), f"{{{{{VERDICT}}}}}"),
        ),
        graph(
            "Accepted by feature",
            "Share of the feedback.",
            (_accepted(FEATURE, window=RATE), f"{{{{{FEATURE}}}}}"),
            unit=SHARE,
            maximum=1,
        ),
        table(
            "Accepted by model",
            "Which model's answers do users keep?",
            (
                (FEATURE, "Feature"),
                (ANSWERED_BY, "Answered by"),
                ("Value #A", "Accepted"),
                ("Value #B", "Feedback"),
            ),
            _accepted(FEATURE, ANSWERED_BY, window=RANGE),
            some(inc.EVALUATIONS, _FEEDBACK, by=(FEATURE, ANSWERED_BY), window=RANGE),
            units=(("Accepted", SHARE),),
            width=8,
        ),
    )
    answers = (
        graph(
            "Refused",
            "Share of calls, by feature.",
            (part(inc.REQUESTS, REFUSED, FEATURE), f"{{{{{FEATURE}}}}}"),
            unit=SHARE,
        ),
        graph(
            "Cut by length",
            "Share of calls, by feature.",
            (part(inc.REQUESTS, CUT, FEATURE), f"{{{{{FEATURE}}}}}"),
            unit=SHARE,
        ),
        graph(
            "Share of expensive models",
            "Of a feature's cost: a rise is a router or fallback at work.",
            (
                f"max by ({SERVICE}, {FEATURE}) ({select(rec.EXPENSIVE_SHARE, *OF_SERVICE)})",
                f"{{{{{SERVICE}}}}} {{{{{FEATURE}}}}}",
            ),
            unit=SHARE,
            maximum=1,
        ),
    )
    models = (
        table(
            "Asked for and answered by",
            "Which model answered; an alias is answered by a dated one.",
            ((MODEL, "Asked for"), (ANSWERED_BY, "Answered by"), ("Value", "Calls")),
            f"{some(inc.REQUESTS, _ANSWERED, by=(MODEL, ANSWERED_BY), window=RANGE)} > 0",
            units=(("Calls", "short"),),
            width=8,
        ),
        table(
            "Models that retire",
            "Days left; after that every call fails.",
            ((SERVICE, "Service"), (MODEL, "Model"), ("Value", "Days left")),
            f"min by ({SERVICE}, {MODEL}) ({select(series(semconv.M_RETIREMENT), *OF_MODEL)})",
            units=(("Days left", "d"),),
            width=8,
            steps=((None, RED), (days, YELLOW), (months, GREEN)),
        ),
        bars(
            "Audit findings",
            "Per interval, by finding.",
            (
                total((FINDING, SEVERITY), inc.FINDINGS, INTERVAL, *OF_SERVICE),
                f"{{{{{FINDING}}}}} ({{{{{SEVERITY}}}}})",
            ),
        ),
    )
    return Board(
        "otel-claude-quality",
        "Claude / Quality and feedback",
        "Evaluations and users' feedback, refusals, answers cut by length, models, audit.",
        (
            ("Now", head),
            ("Evaluations", checks),
            ("Users' feedback", users),
            ("Answers", answers),
            ("Models and audit", models),
        ),
        span="now-24h",
    )
