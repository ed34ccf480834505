"""OTLP values as plain ones, of bounded size."""

from __future__ import annotations

import json
import math
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST: Final = 1024  # attributes of one item, items of one list
_LONGEST: Final = 32 * 1024  # characters of one value
_LONGEST_REST: Final = 256 * 1024  # of all attributes without a column, as JSON


def value_of(value: Any) -> Any:
    """An OTLP value as one that JSON has; a number that JSON has not, as a text."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return cut(value.string_value)
    if kind == "double_value":
        number = value.double_value
        return number if math.isfinite(number) else str(number)
    if kind == "array_value":
        return [value_of(item) for item in islice(value.array_value.values, MOST)]
    if kind == "kvlist_value":
        return attributes_of(value.kvlist_value.values)
    if kind == "bytes_value":
        return cut(value.bytes_value.hex())
    return None if kind is None else getattr(value, kind)


def cut(text: str, longest: int = _LONGEST) -> str:
    """A text, shortened where it is too long; it then says so."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]}... [cut, {len(text)} characters]"


def dumped(value: Any) -> str:
    """A value as short JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def rest_of(attributes: dict[str, Any]) -> str:
    """Attributes as a JSON object, of bounded size: the longest are left out first."""
    text = dumped(attributes)
    if len(text) <= _LONGEST_REST:
        return text
    kept: dict[str, Any] = {}
    room = _LONGEST_REST
    for name, value in sorted(attributes.items(), key=lambda item: len(dumped(item))):
        room -= len(dumped(name)) + len(dumped(value)) + 2
        if room < 0:
            break
        kept[name] = value
    return dumped(kept)


def attributes_of(pairs: Iterable[Any]) -> dict[str, Any]:
    """Attributes by name; of a name that is there twice, the last."""
    return {cut(pair.key, 256): value_of(pair.value) for pair in islice(pairs, MOST)}
