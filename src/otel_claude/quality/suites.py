"""Suites: for a kind of content, what its checks weigh in one score from 0 to 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_claude.quality.answer import FAIL, PASS, PlainVerdict, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

# Check, or aspect that the judge grades -> weight. What gave no score is left out of the mean.
SUITES: Final[Mapping[str, Mapping[str, float]]] = {
    "code": {
        "complete": 2,
        "as_asked": 1,
        "varied": 1,
        "code_parses": 4,
        "code_imports": 2,
        "code_safe": 2,
        "adherence": 4,
    },
    "documents": {
        "complete": 2,
        "as_asked": 2,
        "varied": 1,
        "length": 1,
        "coherence": 2,
        "adherence": 2,
        "grounding": 4,
    },
    "support": {
        "complete": 1,
        "varied": 1,
        "length": 1,
        "coherence": 2,
        "adherence": 4,
        "grounding": 3,
    },
    "content": {
        "complete": 2,
        "varied": 2,
        "length": 1,
        "coherence": 3,
        "adherence": 3,
    },
}
ASPECTS: Final[Mapping[str, str]] = {
    "coherence": "is it clear, well ordered and free of contradictions?",
    "adherence": "does it do what was asked, all of it and nothing else?",
    "grounding": "is what it claims supported by the material it was given, or common knowledge?",
}
"""What the judge grades -> what that means."""
_NEEDED: Final = ("answered", "nonempty")
"""Without these an answer is worth nothing, whatever else is said of it."""


def name_of(suite: str) -> str:
    """The name of a suite's evaluations."""
    return f"suite_{suite}"


def score(suite: str, verdicts: Mapping[str, Verdict], threshold: float) -> Verdict | None:
    """The verdict of a suite; None where none of its checks gave a score."""
    missed = [name for name in _NEEDED if name in verdicts and verdicts[name].label == FAIL]
    if missed:
        return PlainVerdict(0.0, FAIL, f"not {', '.join(missed)}", graded=True)
    scores = [
        (weight, said.score)
        for name, weight in SUITES[suite].items()
        if (said := verdicts.get(name)) is not None and said.score is not None
    ]
    if not scores:
        return None
    mean = sum(weight * value for weight, value in scores) / sum(weight for weight, _ in scores)
    low = [name for name in SUITES[suite] if name in verdicts and verdicts[name].label == FAIL]
    explanation = f"failed: {', '.join(low)}" if low else None
    return PlainVerdict(mean, PASS if mean >= threshold else FAIL, explanation, graded=True)
