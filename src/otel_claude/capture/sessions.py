"""Managed agents: usage that sessions report, as differences.

What a session used is cumulative and stands in every answer that has the session in it; the same
answer may come twice. Nothing is recorded as a call: the inference happens at Anthropic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from otel_claude.call.session import Sessions, SessionUse
from otel_claude.call.usage import fields

if TYPE_CHECKING:
    from collections.abc import Sequence


class SessionObserver(Protocol):
    """Something that is told what sessions use."""

    def used_in_session(self, use: SessionUse) -> None:
        """Called with what is new."""


_sessions = Sessions()
_observers: Sequence[SessionObserver] = ()


def activate(observers: Sequence[SessionObserver]) -> None:
    """Tell these observers from now on; none: let everything pass."""
    global _observers  # noqa: PLW0603 - the patches are module-wide, as the classes they patch
    _observers = observers


def saw(answer: Any) -> None:
    """An answer of the sessions endpoints: one session, or a page of them."""
    page = fields(answer).get("data")
    for session in page if isinstance(page, list) else (answer,):
        use = _sessions.saw(session)
        if use is not None:
            for observer in _observers:
                observer.used_in_session(use)
