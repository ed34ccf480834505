"""`Answer` and `Verdict`: what an evaluator sees, and what it says."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from otel_claude.call.content import copied
from otel_claude.call.usage import fields, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_claude.call.call import Call
    from otel_claude.call.content import Content

PASS: Final = "pass"  # noqa: S105 - a verdict, no secret
FAIL: Final = "fail"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of Claude with what it answers, in this process only: nothing in it is redacted.

    Attributes:
        text: the text blocks of the answer, one after the other.
        blocks: all of its blocks, as the API's JSON.
        request: the body of the request, as the API's JSON; empty for results of a batch.
        prompt: the text of the last message of the user.
        system: the system prompt.
        model: that answered.
        response_id: the message id.
        stop_reason: as the API says it.
        stop_category: of a refusal.
        outcome: how the call ended: `completed`, or `truncated` by the server.
        feature: of the attribution; likewise the tags.
    """

    text: str
    blocks: Sequence[Mapping[str, Any]] = ()
    request: Mapping[str, Any] = field(default_factory=dict)
    prompt: str = ""
    system: str = ""
    model: str | None = None
    response_id: str | None = None
    stop_reason: str | None = None
    stop_category: str | None = None
    outcome: str | None = "completed"
    feature: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, call: Call, content: Content) -> Answer:
        """The answer of a call that has ended."""
        attribution = call.attribution
        return cls(
            text=content.answer_text,
            blocks=content.blocks,
            request=content.request,
            prompt=_last_words(content.request),
            system=_words(content.request.get("system")),
            model=call.resolved_model,
            response_id=call.response_id,
            stop_reason=call.stop_reason,
            stop_category=call.stop_category,
            outcome=call.outcome,
            feature=attribution.feature if attribution else None,
            tags=attribution.tags if attribution else {},
        )

    def copy(self) -> Answer:
        """One whose blocks and request are its own, so that nobody else sees what is done to them."""
        return replace(
            self,
            blocks=copy.deepcopy(self.blocks),
            request=copied(self.request),
            tags=dict(self.tags),
        )

    @property
    def tool_uses(self) -> list[Mapping[str, Any]]:
        """The uses of the application's tools: `name` and `input`."""
        return [block for block in self.blocks if block.get("type") == "tool_use"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an evaluator says of an answer.

    Attributes:
        score: from 0 (worthless) to 1; None for none.
        label: one word, `pass` or `fail` by custom; of few different ones: it is a metric label.
        explanation: why. It is content: recorded only where content is, and redacted.
        graded: whether the score is a grade, which has a history, and not just yes or no.
    """

    score: float | None = None
    label: str | None = None
    explanation: str | None = None
    graded: bool = False


@dataclass(frozen=True, slots=True)
class PlainVerdict(Verdict):
    """A verdict whose explanation is in words of ours and says nothing of the content."""


def verdict(passed: bool, explanation: str = "", score: float | None = None) -> PlainVerdict:
    """What a check says; the explanation only where it failed."""
    return PlainVerdict(
        float(passed) if score is None else score,
        PASS if passed else FAIL,
        None if passed else explanation or None,
        graded=False,
    )


def read(said: object, threshold: float) -> Verdict | None:
    """What an evaluator returned, as a verdict: a bool, a score, a label, a `Verdict`, or None.

    Args:
        said: what it returned.
        threshold: the score from which an answer passes.

    Raises:
        TypeError: it is none of these, or its label or explanation is no text.
        ValueError: a score is not from 0 to 1.
    """
    if said is None:
        return None
    if isinstance(said, bool):
        return Verdict(float(said), PASS if said else FAIL)
    if isinstance(said, str):
        return Verdict(label=said)
    if isinstance(said, int | float):
        said = Verdict(float(said), graded=True)
    if not isinstance(said, Verdict):
        raise TypeError("an evaluator returns a bool, a score, a label, a Verdict or None")
    for name, words in (("label", said.label), ("explanation", said.explanation)):
        if not isinstance(words, str | None):
            raise TypeError(f"the {name} of a verdict is a text or None")
    score = said.score
    if score is None:
        return said
    if not (math.isfinite(score) and 0 <= score <= 1):
        raise ValueError("a score is from 0 to 1")
    label = said.label or (PASS if score >= threshold else FAIL)
    return type(said)(float(score), label, said.explanation, said.graded)


def _last_words(request: Mapping[str, Any]) -> str:
    if (prompt := text(request.get("prompt"))) is not None:
        return prompt
    messages = request.get("messages")
    for message in reversed(messages if isinstance(messages, list | tuple) else ()):
        said = fields(message)
        if said.get("role") == "user" and (words := _words(said.get("content"))):
            return words
    return ""


def _words(content: object) -> str:
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list | tuple) else ()
    found = (text(fields(block).get("text")) for block in blocks)
    return "\n".join(words for words in found if words)
