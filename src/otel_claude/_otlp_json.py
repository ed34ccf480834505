"""OTLP in JSON: attributes as plain values.

The encoding: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def attributes(pairs: Any) -> dict[str, Any]:
    """The attributes of a span, a record or a resource."""
    return {pair.get("key", ""): value(pair.get("value") or {}) for pair in pairs or ()}


def value(said: Mapping[str, Any]) -> Any:
    """One value; None for a kind that attributes of ours never have."""
    if "intValue" in said:
        return int(said["intValue"])  # a string in OTLP's JSON
    if "doubleValue" in said:
        return float(said["doubleValue"])
    if "arrayValue" in said:
        return [value(item) for item in said["arrayValue"].get("values") or ()]
    return next((said[kind] for kind in ("stringValue", "boolValue") if kind in said), None)
