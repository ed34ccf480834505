"""Microsoft Presidio as a further detector: its pattern recognisers alone.

No language model is loaded and nothing is downloaded. The recognisers of e-mail addresses and URLs
are left out: they fetch a list of domains, and ours do that work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_claude.privacy.redaction import Hit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LEFT_OUT: Final = frozenset({"EmailRecognizer", "UrlRecognizer", "IpRecognizer"})
_LEAST_SCORE: Final = 0.5
_LANGUAGE: Final = "en"


def finder() -> Callable[[str], Iterator[Hit]]:
    """Presidio's recognisers for English text as one detector.

    Raises:
        ImportError: Presidio is not installed.
    """
    from presidio_analyzer import PatternRecognizer, predefined_recognizers

    recognizers: list[Any] = []
    for name in dir(predefined_recognizers):
        kind = getattr(predefined_recognizers, name)
        if isinstance(kind, type) and issubclass(kind, PatternRecognizer) and name not in _LEFT_OUT:
            made = kind()
            if made.supported_language == _LANGUAGE:
                recognizers.append(made)

    def find(text: str) -> Iterator[Hit]:
        for recognizer in recognizers:
            for result in recognizer.analyze(text, recognizer.supported_entities, None) or ():
                if result.score >= _LEAST_SCORE:
                    yield Hit(result.start, result.end, result.entity_type.lower())

    return find
