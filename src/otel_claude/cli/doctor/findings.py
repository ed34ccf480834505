"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: `problem` where data is missing or wrong because of it, `warning` where it may be.
        subject: what was looked at, in a word or two.
        says: what was found.
        do: what to do about it; empty where nothing is to be done.
    """

    level: Level
    subject: str
    says: str
    do: str = ""


def ok(subject: str, says: str) -> Finding:
    """All is well."""
    return Finding("ok", subject, says)


def note(subject: str, says: str, do: str = "") -> Finding:
    """Worth knowing; nothing is wrong."""
    return Finding("note", subject, says, do)


def warning(subject: str, says: str, do: str) -> Finding:
    """Data may be missing or wrong."""
    return Finding("warning", subject, says, do)


def problem(subject: str, says: str, do: str) -> Finding:
    """Data is missing or wrong."""
    return Finding("problem", subject, says, do)
