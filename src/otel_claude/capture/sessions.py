"""Managed agents: usage that sessions report, as differences.

What a session used is cumulative and stands in every answer that has the session in it; the same
answer may come twice. Nothing is recorded as a call: the inference happens at Anthropic.
"""

from __future__ import annotations

from typing import Any, Protocol

from otel_claude.call.session import Sessions, SessionUse
from otel_claude.call.usage import fields
from otel_claude.capture import seams


class SessionObserver(Protocol):
    """Something that is told what sessions use."""

    def used_in_session(self, use: SessionUse) -> None:
        """Called with what is new."""


_sessions = Sessions()


def saw(answer: Any) -> None:
    """An answer of the sessions endpoints: one session, or a page of them."""
    watch = seams.active()
    observers = () if watch is None else watch.session_observers
    page = fields(answer).get("data")
    for session in page if isinstance(page, list) else (answer,):
        use = _sessions.saw(session)
        if use is not None:
            for observer in observers:
                observer.used_in_session(use)
