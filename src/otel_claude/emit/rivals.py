"""Says once that another instrumentation of the Anthropic SDK is active in this process."""

from __future__ import annotations

import logging
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined] # the module tells checkers to skip it
    BaseInstrumentor,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger("otel_claude")

_OURS = "otel_claude."


def warn_of_rivals() -> bool:
    """Log one warning per other active instrumentation of the SDK; False where there is none.

    Entry points load in any order, so this is asked when ours is switched on and at the first call.
    """
    found = False
    for kind in _active(BaseInstrumentor):
        found = True
        logger.warning(
            "otel-claude: %s.%s instruments the Anthropic SDK too, so calls are recorded twice. "
            "Turn one off: OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=%s, or =claude for this one.",
            kind.__module__,
            kind.__qualname__,
            _entry_point(kind),
        )
    return found


def _active(base: Any) -> Iterator[type]:
    for kind in base.__subclasses__():
        yield from _active(kind)
        instance = kind.__dict__.get("_instance")
        if kind.__module__.startswith(_OURS) or instance is None:
            continue
        try:
            if instance.is_instrumented_by_opentelemetry and any(
                dependency.startswith("anthropic")
                for dependency in instance.instrumentation_dependencies()
            ):
                yield kind
        except Exception:
            logger.debug("otel-claude: %r cannot be asked", kind, exc_info=True)


def _entry_point(kind: type) -> str:
    value = f"{kind.__module__}:{kind.__qualname__}"
    for entry in entry_points(group="opentelemetry_instrumentor"):
        module, _, name = entry.value.partition(":")
        # The entry point may name a package that re-exports the class.
        if entry.value == value or (
            name == kind.__qualname__ and kind.__module__.startswith(module)
        ):
            return entry.name
    return "anthropic"
