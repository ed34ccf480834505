"""Attribution in W3C baggage (https://www.w3.org/TR/baggage/), which crosses services.

Both ways are off by default: what comes in may be anybody's word, and what goes out goes to every
host. What comes in is read by an allow-list, the setting `baggage_keys`; what goes out is said
where it goes, with `attribution.propagated(...)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry import baggage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.context import Context

_LONGEST: Final = 256  # of a value from outside: what is longer is the name of nothing


def read(names: Mapping[str, str], context: Context) -> dict[str, str]:
    """What the baggage of a context says.

    Args:
        names: attribution key -> name in baggage.
        context: where to look.
    """
    found = {key: baggage.get_baggage(name, context) for key, name in names.items()}
    return {
        key: value
        for key, value in found.items()
        if isinstance(value, str) and 0 < len(value) <= _LONGEST
    }


def written(values: Mapping[str, str | None], context: Context) -> Context:
    """The context with these values, by their names in baggage; None is left out."""
    for name, value in values.items():
        if value is not None:
            context = baggage.set_baggage(name, value, context)
    return context


def without(names: Iterable[str], context: Context) -> Context:
    """The context without these names in its baggage; the same where it has none of them."""
    found = baggage.get_all(context)
    for name in names:
        if name in found:
            context = baggage.remove_baggage(name, context)
    return context
