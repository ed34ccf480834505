"""Which process a call belongs to: a forked child must not end, and so report, its parent's."""

from __future__ import annotations

import os

_generation = 0


def generation() -> int:
    """A number that differs between a process and what it forks."""
    return _generation


def _forked() -> None:
    global _generation  # noqa: PLW0603 - one number per process is the point
    _generation += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
