"""Replaces secrets and personal data by placeholders that keep their kind.

Where Google's RE2 is installed (extra `privacy`), one pass over all texts of a message tells whether
there is anything to replace; without it Python's own `re` does the same work, far slower.
"""

from __future__ import annotations

import json
import logging
import re
from bisect import bisect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from otel_claude._characters import sendable
from otel_claude._pseudonym import pseudonym
from otel_claude.privacy.detectors import (
    DETECTORS,
    KINDS,
    Detector,
    is_password,
    names_password,
)
from otel_claude.privacy.encodings import DECODERS, decoded, json_in, levelled

logger = logging.getLogger("otel_claude")

DEFAULT: Final = "default"
PRESIDIO: Final = "presidio"
MARGIN: Final = 4_096
"""Characters within which a secret is recognised where a text was cut."""
_TELLING: Final = re.compile("pass|pwd|secret|key|token", re.IGNORECASE)
_IS: Final = ": "
_ENTRY_KIND: Final = "password"
_SOME_PASSWORD: Final = f"{_ENTRY_KIND}{_IS}123456"  # what is found where passwords are looked for
_PLACEHOLDER: Final = re.compile(r"<[^<>\s]+>")
_KEPT: Final = 10_000  # texts that are known to be clean
_LEAST_NUMBER: Final = 10**6  # smaller numbers are no one's card or phone

Find = Callable[[str], Iterable["Hit"]]


class Hit(NamedTuple):
    """Something that was found: from where to where, and of which kind."""

    start: int
    end: int
    kind: str


class RedactionError(Exception):
    """A redactor failed, so the content must not be emitted."""


class BadRedactionError(ValueError):
    """What was asked for cannot be looked for; the message says why."""


class Redactor:
    """Replaces what its detectors find.

    Args:
        kinds: the built-in kinds to look for; `default` is all of them; `presidio` is none of them.
        patterns: further kinds: name -> regular expression.
        hash_key: where given, placeholders carry a keyed hash (HMAC-SHA-256, 12 hex digits) of what
            they stand for, so that equal values stay equal.

    Raises:
        BadRedactionError: there is no such kind, a pattern is no regular expression, or Presidio is
            not installed.
    """

    def __init__(
        self,
        kinds: Sequence[str] = (DEFAULT,),
        patterns: Mapping[str, str] | None = None,
        *,
        hash_key: bytes | None = None,
    ) -> None:
        if unknown := set(kinds) - {*KINDS, DEFAULT, PRESIDIO}:
            known = ", ".join((DEFAULT, *KINDS, PRESIDIO))
            raise BadRedactionError(f"redact: there is no kind {min(unknown)!r}, only {known}")
        own = [Detector(name, pattern) for name, pattern in (patterns or {}).items()]
        built_in = (detector for detector in DETECTORS if {detector.kind, DEFAULT} & set(kinds))
        found = [*own, *built_in]
        self._passwords = bool({_ENTRY_KIND, DEFAULT} & set(kinds))
        self._key = hash_key
        self._finders: list[tuple[Detector, Find]] = []
        quick = []
        for detector in found:
            try:
                compiled, is_quick = _compiled(detector.pattern)
            except re.error as error:
                raise BadRedactionError(f"redact_patterns: {detector.kind!r}: {error}") from None
            self._finders.append((detector, _finder(detector, compiled)))
            if is_quick:
                quick.append(f"(?m:{detector.pattern})")
        # RE2 looks for all patterns at once; where one of them is beyond it, there is no short cut.
        whole = len(quick) == len(found) and quick
        self._suspect: Any = _compiled("|".join(quick))[0] if whole else None
        self._clean: set[tuple[int, int]] = set()
        self._more: Find | None = None
        if PRESIDIO in kinds:
            self._suspect = None
            try:
                from otel_claude.privacy.presidio import finder

                self._more = finder()
            except ImportError:
                raise BadRedactionError(
                    'Presidio needs pip install "otel-claude[presidio]"'
                ) from None
            except (Exception, SystemExit) as error:
                raise BadRedactionError(f"Presidio cannot be used: {error!r}") from None

    def redact(self, value: Any) -> Any:
        """A JSON value without secrets: in its strings, in JSON inside strings, in keys, in numbers.

        Returns:
            The same object where there is nothing to replace.

        Raises:
            RedactionError: a detector failed.
        """
        try:
            if self._suspect is not None:
                texts: list[str] = []
                _collect(value, texts)
                if self._is_clean(texts):
                    return value
            return self._replace_in(value)
        except UnicodeEncodeError:
            return self.redact(_whole_characters(value))
        except (Exception, SystemExit) as error:
            raise RedactionError(type(error).__name__) from None

    def kinds(self, value: Any) -> set[str]:
        """The kinds of what there is to replace in a JSON value.

        Raises:
            RedactionError: a detector failed.
        """
        texts: list[str] = []
        try:
            _collect(_whole_characters(value), texts)
            if self._suspect is not None and self._is_clean(texts):
                return set()
            return {hit.kind for text in texts for hit in self._hits(text)}
        except (Exception, SystemExit) as error:
            raise RedactionError(type(error).__name__) from None

    def redact_split(self, texts: Sequence[str]) -> list[str]:
        """Texts that a reader sees as one, with secrets replaced that reach over their borders.

        Raises:
            RedactionError: a detector failed.
        """
        found: list[str] = _whole_characters(texts)
        try:
            for run in _runs(texts):
                pieces = [found[n][start:end] for n, start, end in run]
                whole = "".join(pieces)
                if self._suspect is not None and self._suspect.search(levelled(whole)) is None:
                    continue
                hits = self._hits(whole)
                placeholders = {hit: self._placeholder(whole, hit) for hit in hits}
                spread = _spread(pieces, placeholders)
                # From the right: a text may be in two runs, by its beginning and by its end.
                for (n, start, end), piece in zip(reversed(run), reversed(spread), strict=True):
                    found[n] = found[n][:start] + piece + found[n][end:]
        except (Exception, SystemExit) as error:
            raise RedactionError(type(error).__name__) from None
        return found

    def _is_clean(self, texts: list[str]) -> bool:
        """Whether there is nothing to replace in any of these texts.

        A conversation is sent again with every turn. Of texts that were found clean, length and
        hash are kept, and nothing else; Python keeps the hash of a string with it.
        """
        known = self._clean
        unknown = [text for text in texts if (len(text), hash(text)) not in known]
        if not unknown:
            return True
        # No word goes on behind what joins them, and it is a line of its own.
        if self._suspect.search(levelled("\n\x00\n".join(unknown))) is not None:
            return False
        if len(known) > _KEPT:
            known.clear()
        known.update((len(text), hash(text)) for text in unknown)
        return True

    def _replace_in(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._replace(value)
        if isinstance(value, Mapping):
            return dict(self._replace_entry(key, item) for key, item in value.items())
        if isinstance(value, list | tuple):
            return [self._replace_in(item) for item in value]
        if _is_long(value):
            text = str(value)
            replaced = self._replace(text)
            return value if replaced == text else replaced
        return value

    def _replace_entry(self, key: Any, item: Any) -> tuple[Any, Any]:
        replaced = self._replace_in(item)
        if not isinstance(key, str):
            return key, replaced
        if replaced == item and (entry := _entry(key, item)) is not None:
            whole = self._replace(entry)
            start = len(key) + len(_IS)
            if whole[:start] == entry[:start]:
                replaced = whole[start:]
        if self._passwords and names_password(key, item):
            replaced = self._replace_password(item, replaced)
        return self._replace(key), replaced

    def _replace_password(self, item: Any, replaced: Any) -> Any:
        """What an entry with the name of a password holds, replaced as a whole.

        Args:
            item: what it holds.
            replaced: the same with what was found in it replaced.
        """
        if isinstance(item, list | tuple):
            pairs = zip(item, replaced, strict=True)
            return [self._replace_password(each, known) for each, known in pairs]
        if not is_password(item) or (
            isinstance(replaced, str) and _PLACEHOLDER.fullmatch(replaced)
        ):
            return replaced
        text = str(item)
        return self._placeholder(text, Hit(0, len(text), _ENTRY_KIND))

    def _replace(self, text: str) -> str:
        if (inner := json_in(text)) is not None:
            replaced = self._replace_in(inner)
            return text if replaced == inner else json.dumps(replaced, ensure_ascii=False)
        found = self._put(text)
        # Only where something is found behind it is an encoding undone.
        for decode in DECODERS:
            plain = decode(found)
            if plain != found and (clear := self._put(plain)) != plain:
                found = clear
        return found

    def _put(self, text: str) -> str:
        """The text with placeholders in it."""
        pieces = []
        at = 0
        for hit in self._hits(text):
            pieces += [text[at : hit.start], self._placeholder(text, hit)]
            at = hit.end
        return "".join([*pieces, text[at:]]) if pieces else text

    def _hits(self, text: str) -> list[Hit]:
        """What is found, from left to right and never overlapping: the earlier detector wins."""
        text = levelled(text)
        lowered = text.lower()
        found: list[Hit] = []
        for detector, find in self._finders:
            if not detector.hints or any(hint in lowered for hint in detector.hints):
                found += find(text)
        if self._more is not None:
            found += self._more(text)
        taken: list[Hit] = []
        for hit in found:
            at = bisect(taken, hit)
            after_left = at == 0 or taken[at - 1].end <= hit.start
            before_right = at == len(taken) or hit.end <= taken[at].start
            if after_left and before_right:
                taken.insert(at, hit)
        return taken

    def _placeholder(self, text: str, hit: Hit) -> str:
        kind = hit.kind.upper()
        if self._key is None:
            return f"<{kind}>"
        # The same number, however it is written.
        said = re.sub(r"[\s().-]", "", levelled(text[hit.start : hit.end])).casefold()
        return f"<{kind}:{pseudonym(self._key, f'{kind}:{said}').removeprefix('hmac:')[:12]}>"


def _compiled(pattern: str) -> tuple[Any, bool]:
    """The pattern compiled, and whether by RE2.

    Raises:
        re.error: it is no regular expression.
    """
    try:
        import re2
    except ImportError:
        return re.compile(pattern, re.ASCII), False
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 64 << 20
    try:
        return re2.compile(pattern, options), True
    except re2.error:
        return re.compile(pattern, re.ASCII), False


def _finder(detector: Detector, compiled: Any) -> Find:
    group = 1 if compiled.groups else 0
    check = detector.check

    def find(text: str) -> Iterator[Hit]:
        for match in compiled.finditer(text):
            start, end = match.span(group)
            if start < end and (check is None or check(text[start:end])):
                yield Hit(start, end, detector.kind)
            elif check is not None and (shorter := _shorter(check, text[start:end])):
                yield Hit(start, start + shorter, detector.kind)

    return find


def _shorter(check: Callable[[str], bool], text: str) -> int:
    """How much of the beginning passes, by whole groups: words follow where an IBAN is written."""
    end = text.rfind(" ")
    while end > 0:
        if check(text[:end]):
            return end
        end = text.rfind(" ", 0, end)
    return 0


def _collect(value: Any, texts: list[str]) -> None:
    """All texts in a JSON value."""
    if isinstance(value, str):
        inner = json_in(value)
        if inner is None:
            texts.append(value)
            texts += decoded(value)
        else:
            _collect(inner, texts)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(key, str):
                texts.append(key)
                if (entry := _entry(key, item)) is not None:
                    texts.append(entry)
                if names_password(key, item) and _holds_password(item):
                    texts.append(_SOME_PASSWORD)
            _collect(item, texts)
    elif isinstance(value, list | tuple):
        for item in value:
            _collect(item, texts)
    elif _is_long(value):
        texts.append(str(value))


def _holds_password(item: Any) -> bool:
    return any(map(_holds_password, item)) if isinstance(item, list | tuple) else is_password(item)


def _entry(key: str, item: Any) -> str | None:
    """An entry of an object as a text where its name may tell that it is a secret, else None."""
    return f"{key}{_IS}{item}" if isinstance(item, str) and _TELLING.search(key) else None


def _is_long(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) >= _LEAST_NUMBER


def _whole_characters(value: Any) -> Any:
    """The same without half characters, for which UTF-8 has no bytes: JSON can hold them."""
    if isinstance(value, str):
        return sendable(value)
    if isinstance(value, Mapping):
        return {_whole_characters(key): _whole_characters(item) for key, item in value.items()}
    return [_whole_characters(item) for item in value] if isinstance(value, list | tuple) else value


def _runs(texts: Sequence[str]) -> list[list[tuple[int, int, int]]]:
    """Where to look for what reaches over borders: the index of a text, from where, to where.

    Of a long text that is its beginning and its end. The last run comes first.
    """
    runs: list[list[tuple[int, int, int]]] = [[]]
    for n, text in enumerate(texts):
        if len(text) <= 2 * MARGIN:
            runs[-1].append((n, 0, len(text)))
        else:
            runs[-1].append((n, 0, MARGIN))
            runs.append([(n, len(text) - MARGIN, len(text))])
    return [run for run in reversed(runs) if len(run) > 1]


def _spread(texts: Sequence[str], placeholders: Mapping[Hit, str]) -> list[str]:
    """The texts with what reaches over a border replaced: by a placeholder in the first of them."""
    found = list(texts)
    borders = [0]
    for text in texts:
        borders.append(borders[-1] + len(text))
    for hit in sorted(placeholders, reverse=True):
        touched = [
            n for n in range(len(texts)) if borders[n] < hit.end and hit.start < borders[n + 1]
        ]
        if len(touched) < 2:
            continue
        for n in touched:
            start, end = max(hit.start - borders[n], 0), hit.end - borders[n]
            put = placeholders[hit] if n == touched[0] else ""
            found[n] = found[n][:start] + put + found[n][end:]
    return found
