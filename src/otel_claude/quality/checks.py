"""The checks of any answer: is it whole, is it one, is it what was asked for?

Their explanations are counts and kinds, never words of the content.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from otel_claude.call.usage import fields
from otel_claude.quality.answer import Answer, Verdict, verdict
from otel_claude.quality.history import Histories

logger = logging.getLogger("otel_claude")

_CUT: Final = frozenset({"max_tokens", "model_context_window_exceeded"})
_UNUSUAL: Final = 3.5  # standard deviations
_LEAST_DEVIATION: Final = 0.1  # of the logarithm of a length
_LATEST: Final = (
    4_000  # words in which loops are looked for: they are at the end, where there are any
)
_LONGEST_LOOP: Final = 60  # words
_LOOP: Final = 40  # words that must be in a loop
_ROUNDS: Final = 4
_WHOLE_TEXT: Final = 30  # letters a word, from which it is a language without spaces
_FENCED: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_APOLOGY: Final = re.compile(
    r"\s*(?:(?:i'?m|i am)\s+(?:very\s+|so\s+)?sorry|sorry|i\s+apologi[sz]e|unfortunately)?[\s,.:;-]*"
    r"(?:but\s+)?i\s*(?:'m|\s+am)?\s*(?:cannot|can't|won't|will\s+not|not\s+able\s+to|unable\s+to)\s+"
    r"(?:help|assist|provide|comply|answer|fulfil+|do\s+that|discuss|create|write|generate)\b",
    re.IGNORECASE,
)
_SHORT: Final = 600  # characters; who says that he cannot, and then goes on, does something


def complete(answer: Answer) -> Verdict:
    """Fails where an answer was cut: by the limit of its length, or by the server."""
    if answer.outcome == "truncated":
        return verdict(passed=False, explanation="the server ended the stream early")
    cut = answer.stop_reason in _CUT
    return verdict(not cut, f"cut by length ({answer.stop_reason})")


def answered(answer: Answer) -> Verdict:
    """Fails where Claude refused, or says in English that it cannot."""
    if answer.stop_reason == "refusal":
        return verdict(
            passed=False, explanation=f"refused ({answer.stop_category or 'no category'})"
        )
    text = answer.text.replace("\u2019", "'")
    says_no = len(text) <= _SHORT and _APOLOGY.match(text) and not answer.tool_uses
    return verdict(not says_no, "reads as a refusal")


def nonempty(answer: Answer) -> Verdict:
    """Fails where there is neither text nor the use of a tool."""
    return verdict(bool(answer.text.strip() or answer.tool_uses), "no text and no tool use")


def as_asked(answer: Answer) -> Verdict | None:
    """Fails where JSON was asked for and is none, or breaks its schema; likewise inputs of tools."""
    if answer.stop_reason == "refusal":
        return None
    schema = _asked_schema(answer.request)
    found: list[tuple[Any, Mapping[str, Any]]] = []
    if schema is not None and not answer.tool_uses:
        try:
            found.append((json.loads(answer.text), schema))
        except (ValueError, RecursionError):
            return verdict(passed=False, explanation="the answer is not JSON")
    schemas = _tool_schemas(answer.request)
    for use in answer.tool_uses:
        if not isinstance(use.get("input"), Mapping):
            return verdict(passed=False, explanation="the input of a tool is not JSON")
        if (of_tool := schemas.get(use.get("name"))) is not None:
            found.append((use["input"], of_tool))
    if not found:
        return None
    broken: Counter[str] = Counter()
    for value, asked in found:
        broken.update(_broken_rules(value, asked))
    rules = ", ".join(f"{count} x {rule}" for rule, count in broken.most_common(3))
    return verdict(not broken, f"breaks the schema: {rules}")


def _asked_schema(request: Mapping[str, Any]) -> Mapping[str, Any] | None:
    config = request.get("output_config")
    asked = config.get("format") if isinstance(config, Mapping) else None
    asked = asked or request.get("output_format")
    if not isinstance(asked, Mapping) or asked.get("type") != "json_schema":
        return None
    schema = asked.get("schema")
    return schema if isinstance(schema, Mapping) else {}


def _tool_schemas(request: Mapping[str, Any]) -> dict[Any, Mapping[str, Any]]:
    tools = request.get("tools")
    said = [fields(tool) for tool in (tools if isinstance(tools, list | tuple) else ())]
    return {
        tool.get("name"): tool["input_schema"]
        for tool in said
        if isinstance(tool.get("input_schema"), Mapping)
    }


_said: Final[set[str]] = set()


def missing(what: str, check: str) -> None:
    """Say once that a check needs a package of the extra `quality`."""
    if what not in _said:
        _said.add(what)
        logger.warning(
            "otel-claude: setting evaluate: the check %s needs %s: pip install"
            ' "otel-claude[quality]"',
            check,
            what,
        )


def _broken_rules(value: Any, schema: Mapping[str, Any]) -> list[str]:
    """The keywords of JSON Schema that a value breaks; nothing is fetched for it."""
    if not schema:
        return []
    try:
        from jsonschema.validators import validator_for
        from referencing import Registry
    except ImportError:
        missing("jsonschema", "as_asked")
        return []
    registry: Any = Registry()
    validator = validator_for(schema)(schema, registry=registry)
    return [str(error.validator) for error in validator.iter_errors(value)]


def varied(answer: Answer) -> Verdict | None:
    """Fails where a passage repeats itself over and over; the score is the share of the rest."""
    # Tables and code repeat themselves with good reason.
    text = _FENCED.sub(" ", answer.text)
    words: Sequence[str] = [word for word in text.split()[-_LATEST:] if any(map(str.isalnum, word))]
    if words and sum(map(len, words)) / len(words) > _WHOLE_TEXT:
        words = [letter for letter in text[-_LATEST:] if letter.isalnum()]
    if len(words) < _LOOP:
        return None
    longest, period = max((_run(words, period), period) for period in range(1, _LONGEST_LOOP + 1))
    looped = longest + period
    if looped < _LOOP or looped < _ROUNDS * period:
        return verdict(passed=True)
    explanation = f"a passage of {period} words, {looped // period} times in a row"
    return verdict(passed=False, explanation=explanation, score=1 - looped / len(words))


def _run(words: Sequence[str], period: int) -> int:
    """The most words in a row that are what stood `period` words before."""
    longest = run = 0
    for before, word in zip(words, words[period:], strict=False):
        run = run + 1 if before == word else 0
        longest = max(longest, run)
    return longest


class UsualLength:
    """Fails where an answer is far longer or shorter than those of its feature and model."""

    def __init__(self) -> None:
        self._histories = Histories()

    def __call__(self, answer: Answer) -> Verdict | None:
        """Judge an answer by those before it, of which it becomes one."""
        length = math.log1p(len(answer.text))
        usual = self._histories.add((answer.feature, answer.model), length)
        if usual is None or not answer.text:
            return None
        away = (length - usual.mean) / max(usual.deviation, _LEAST_DEVIATION)
        kind = "longer" if away > 0 else "shorter"
        explanation = f"{kind} than usual: {len(answer.text)} characters, {away:+.1f} deviations"
        return verdict(abs(away) <= _UNUSUAL, explanation)
