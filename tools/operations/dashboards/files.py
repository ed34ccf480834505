"""The dashboards as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.operations.dashboards import (
    calls,
    code,
    cost,
    errors,
    latency,
    overview,
    pipeline,
    quality,
    tokens,
)
from tools.operations.dashboards.build import build

if TYPE_CHECKING:
    from tools.operations.thresholds import Thresholds

MODULES = (overview, cost, latency, errors, tokens, calls, quality, code, pipeline)


def made(limits: Thresholds) -> dict[str, str]:
    """Path, from the repository's root -> JSON."""
    boards = [module.board(limits) for module in MODULES]
    return {f"deploy/grafana/dashboards/{board.uid}.json": build(board) for board in boards}
