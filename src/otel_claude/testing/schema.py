"""Values that satisfy a JSON schema: tool inputs and structured outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

_FORMATS = {
    "date": "2026-11-21",
    "date-time": "2026-11-21T09:30:00Z",
    "time": "09:30:00Z",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "uuid": "3f2b8f0e-5a86-4f6e-9d0e-0d6b1a0c7b11",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "hostname": "example.com",
    "duration": "PT5M",
}
_STRINGS = {
    "location": "San Francisco, CA",
    "city": "Paris",
    "query": "weather in Paris",
    "command": "ls -la",
    "name": "Ada Lovelace",
    "path": "notes.txt",
    "url": "https://example.com/",
    "unit": "celsius",
    "language": "en",
}
_WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor")
_DEEP = 8


def example(schema: object, rng: Random) -> Any:
    """A value that satisfies `schema`.

    Covers objects, arrays, strings, numbers, booleans, null, enum, const, default, anyOf, oneOf,
    allOf, and `$ref` into the same document. Other keywords (e.g. `pattern`) are not looked at.
    Optional properties are left out below eight levels, so recursive schemas end.
    """
    root = schema if isinstance(schema, Mapping) else {}
    return _value(root, root, rng, "", 0)


def _resolve(ref: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    node: Any = root
    for part in ref.removeprefix("#").strip("/").split("/"):
        if part and isinstance(node, Mapping):
            node = node.get(part.replace("~1", "/").replace("~0", "~"), {})
    return node if isinstance(node, Mapping) else {}


def _pick(options: list[Any], depth: int, rng: Random) -> Any:
    """One of several schemas; the plainest where we are deep already."""
    if depth < _DEEP:
        return rng.choice(options)
    plain = [
        o
        for o in options
        if isinstance(o, Mapping) and o.get("type") not in ("object", "array") and "$ref" not in o
    ]
    return (plain or options)[0]


def _value(  # noqa: PLR0911 - one return per keyword
    schema: Any, root: Mapping[str, Any], rng: Random, name: str, depth: int
) -> Any:
    if not isinstance(schema, Mapping):
        return rng.choice(_WORDS)
    if "$ref" in schema:
        return _value(_resolve(str(schema["$ref"]), root), root, rng, name, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return rng.choice(list(schema["enum"]))
    for key in ("anyOf", "oneOf"):
        if schema.get(key):
            return _value(_pick(list(schema[key]), depth, rng), root, rng, name, depth + 1)
    if schema.get("allOf"):
        return _value(_merge(schema, root), root, rng, name, depth + 1)
    kind = schema.get("type") or ("object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), "null")
    return _typed(str(kind), schema, root, rng, name, depth)


def _merge(schema: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
    for part in schema["allOf"]:
        actual = _resolve(str(part["$ref"]), root) if "$ref" in part else part
        properties = {**merged.get("properties", {}), **actual.get("properties", {})}
        required = [*merged.get("required", ()), *actual.get("required", ())]
        merged = {**merged, **actual, "required": required}
        if properties:
            merged["properties"] = properties
    return merged


def _typed(
    kind: str,
    schema: Mapping[str, Any],
    root: Mapping[str, Any],
    rng: Random,
    name: str,
    depth: int,
) -> Any:
    if kind == "object":
        required = schema.get("required", ())
        return {
            key: _value(part, root, rng, key, depth + 1)
            for key, part in (schema.get("properties") or {}).items()
            if key in required or depth < _DEEP // 2
        }
    if kind == "array":
        least = int(schema.get("minItems", 0))
        size = least if depth >= _DEEP // 2 else max(least, min(int(schema.get("maxItems", 2)), 2))
        return [_value(schema.get("items"), root, rng, name, depth + 1) for _ in range(size)]
    if kind == "string":
        return _string(schema, rng, name)
    if kind in ("integer", "number"):
        return _numeric(kind, schema, rng)
    return rng.random() < 0.5 if kind == "boolean" else None


def _string(schema: Mapping[str, Any], rng: Random, name: str) -> str:
    text = _FORMATS.get(str(schema.get("format"))) or _STRINGS.get(name)
    text = text or f"{rng.choice(_WORDS)} {rng.choice(_WORDS)}"
    text = text.ljust(int(schema.get("minLength", 0)), "x")
    return text[: int(schema.get("maxLength", len(text)))]


def _numeric(kind: str, schema: Mapping[str, Any], rng: Random) -> float:
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    if least is None:
        least = 0 if most is None else most - 100
    if most is None:
        most = least + 100
    step = schema.get("multipleOf")
    if step:
        return step * -(-(least + ("exclusiveMinimum" in schema)) // step)  # type: ignore[no-any-return]
    if kind == "integer":
        low = int(-(-least // 1)) + ("exclusiveMinimum" in schema)
        high = int(most // 1) - ("exclusiveMaximum" in schema)
        return rng.randint(low, max(low, high))
    return float(round(least + (most - least) * (0.25 + rng.random() / 2), 4))
