"""When an alert fires and when it is over: a state machine that does not flap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["quiet", "pending", "firing"]
Change = Literal["fired", "resolved"]


@dataclass(slots=True)
class Watch:
    """One rule's state. All times are seconds of one clock, which `look` is told.

    The alert fires once the condition has held for `hold`, and is over once it has not held for
    `resolve`: what goes to and fro within these times changes nothing. Two messages that it fires
    are `cooldown` apart; one that would come earlier is kept back, and sent where it still fires
    then. What was never told has no end to tell.
    """

    hold: float
    resolve: float
    cooldown: float
    state: State = "quiet"
    since: float | None = None
    _held: float | None = None
    _over: float | None = None
    _told: bool = False
    _told_at: float | None = None

    def look(self, now: float, holds: bool) -> Change | None:
        """Take in what is found now; what there is to tell, if anything."""
        if holds:
            return self._holds(now)
        self._held = None
        if self.state == "pending":
            self._become("quiet", now)
        elif self.state == "firing":
            self._over = now if self._over is None else self._over
            if now - self._over >= self.resolve:
                self._become("quiet", now)
                told, self._told, self._over = self._told, False, None
                return "resolved" if told else None
        return None

    def _holds(self, now: float) -> Change | None:
        self._over = None
        self._held = now if self._held is None else self._held
        if self.state == "quiet":
            self._become("pending", now)
        if self.state == "pending" and now - self._held >= self.hold:
            self._become("firing", now)
        cool = self._told_at is None or now - self._told_at >= self.cooldown
        if self.state == "firing" and not self._told and cool:
            self._told, self._told_at = True, now
            return "fired"
        return None

    def _become(self, state: State, now: float) -> None:
        self.state, self.since = state, now
