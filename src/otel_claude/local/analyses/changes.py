"""What changed from one week to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Change:
    """Of one value of a dimension.

    Attributes:
        key: the value; None for calls that say nothing there.
        now: USD of this week.
        before: USD of the week before.
    """

    key: str | None
    now: float
    before: float

    @property
    def by(self) -> float:
        """USD more than before."""
        return self.now - self.before


def changes(
    now: Mapping[str | None, float], before: Mapping[str | None, float], *, limit: int = 5
) -> list[Change]:
    """The values whose cost changed most, up or down; those that did not change are left out."""
    keys = {**before, **now}
    found = [Change(key, now.get(key, 0.0), before.get(key, 0.0)) for key in keys]
    found.sort(key=lambda one: (-abs(one.by), one.key or ""))
    return [one for one in found if one.by][:limit]


def share(now: float | None, before: float | None) -> float | None:
    """How much more than before, as a share of it; None where there is nothing to compare with."""
    return None if now is None or not before else now / before - 1
