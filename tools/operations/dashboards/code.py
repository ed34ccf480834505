"""Claude Code: what the team's own use of it costs and brings. Its telemetry is in no other sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.operations import increments as inc
from tools.operations.dashboards.blocks import (
    INTERVAL,
    RANGE,
    SECONDS,
    SHARE,
    USD,
    Board,
    bars,
    stat,
    table,
)
from tools.operations.names import CODE_DECISION, CODE_MODEL, CODE_TYPE, CODE_USER
from tools.operations.promql import share, total

if TYPE_CHECKING:
    from tools.operations.thresholds import Thresholds

_ACCEPTED = f'{CODE_DECISION}="accept"'


def _sum(record: str) -> str:
    return total((), record, RANGE)


def board(_limits: Thresholds) -> Board:
    """The dashboard."""
    head = (
        stat(
            "Cost",
            "At list prices, as Claude Code estimates it; subscriptions are not billed so.",
            _sum(inc.CODE_COST),
            unit=USD,
            decimals=2,
        ),
        stat("Sessions", "Begun in the chosen time.", _sum(inc.CODE_SESSIONS)),
        stat(
            "Active",
            "Time in which people or the tool worked.",
            _sum(inc.CODE_ACTIVE),
            unit=SECONDS,
        ),
        stat("Commits", "Made with Claude Code.", _sum(inc.CODE_COMMITS)),
        stat("Pull requests", "Made with Claude Code.", _sum(inc.CODE_PULL_REQUESTS)),
        stat(
            "Edits accepted",
            "Share of proposed edits.",
            share((), inc.CODE_DECISIONS, RANGE, _ACCEPTED),
            unit=SHARE,
            decimals=0,
        ),
    )
    trends = (
        bars(
            "Cost by model",
            "Per interval.",
            (total((CODE_MODEL,), inc.CODE_COST, INTERVAL), f"{{{{{CODE_MODEL}}}}}"),
            unit=USD,
        ),
        bars(
            "Tokens by type",
            "Per interval.",
            (total((CODE_TYPE,), inc.CODE_TOKENS, INTERVAL), f"{{{{{CODE_TYPE}}}}}"),
        ),
        bars(
            "Lines of code",
            "Added and removed, per interval.",
            (total((CODE_TYPE,), inc.CODE_LINES, INTERVAL), f"{{{{{CODE_TYPE}}}}}"),
        ),
        bars(
            "Edits",
            "Accepted and rejected, per interval.",
            (total((CODE_DECISION,), inc.CODE_DECISIONS, INTERVAL), f"{{{{{CODE_DECISION}}}}}"),
        ),
        bars(
            "Active time",
            "Of people and of the tool, per interval.",
            (total((CODE_TYPE,), inc.CODE_ACTIVE, INTERVAL), f"{{{{{CODE_TYPE}}}}}"),
            unit=SECONDS,
        ),
        table(
            "By person",
            "Accounts by cost.",
            ((CODE_USER, "Account"), ("Value #A", "Cost"), ("Value #B", "Sessions")),
            f"topk(20, {total((CODE_USER,), inc.CODE_COST, RANGE)})",
            total((CODE_USER,), inc.CODE_SESSIONS, RANGE),
            units=(("Cost", USD),),
        ),
    )
    return Board(
        "otel-claude-code",
        "Claude / Claude Code",
        "The team's use of Claude Code: cost, tokens, lines, edits, commits.",
        (("In the chosen time", head), ("Over time", trends)),
        filtered=False,
        span="now-7d",
    )
