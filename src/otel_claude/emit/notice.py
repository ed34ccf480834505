"""What a user should know, said once.

Why nothing will be seen: no OpenTelemetry SDK, or one without an exporter. And that another
instrumentation of the Anthropic SDK is active in this process, so that calls are seen twice.
"""

from __future__ import annotations

import logging
import os
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics, trace
from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined] # the module tells checkers to skip it
    BaseInstrumentor,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger("otel_claude")

_OURS = "otel_claude."
_ADVICE = (
    "Install it with: pip install 'otel-claude[otlp]' and start your program with "
    "opentelemetry-instrument, or set providers in code."
)


def warn_if_unheard(tracer_provider: Any, meter_provider: Any) -> None:
    """Log one warning where nobody listens, or what listens sends nothing anywhere. Never raises.

    Silent where that was asked for, by `OTEL_SDK_DISABLED` or an exporter called `none`.
    """
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return
    exporters = (os.environ.get("OTEL_TRACES_EXPORTER"), os.environ.get("OTEL_METRICS_EXPORTER"))
    if "none" in exporters:
        return
    tracers = tracer_provider or trace.get_tracer_provider()
    meters = meter_provider or metrics.get_meter_provider()
    if not is_sdk(tracers) and not is_sdk(meters):
        logger.warning(
            "otel-claude: no OpenTelemetry SDK is set up, so nothing is recorded. %s", _ADVICE
        )
    elif _sends_nothing(tracers) and _sends_nothing(meters):
        logger.warning(
            "otel-claude: an OpenTelemetry SDK is set up, but without any exporter. %s", _ADVICE
        )


def is_sdk(provider: Any) -> bool:
    """Whether a provider does anything: not the API's stand-in, and not its no-op."""
    # By name: the SDK is an extra, and an import would cost those who do not have it.
    return type(provider).__name__ not in (
        "ProxyTracerProvider",
        "NoOpTracerProvider",
        "_ProxyMeterProvider",
        "NoOpMeterProvider",
    )


def _sends_nothing(provider: Any) -> bool:
    """Whether a provider of the SDK has no processor and no reader; False where it cannot be told."""
    if not is_sdk(provider):
        return True
    processor = getattr(provider, "_active_span_processor", None)
    processors = getattr(processor, "_span_processors", None)
    if processors is not None:
        return len(processors) == 0
    readers = getattr(provider, "_all_metric_readers", None)
    config = getattr(provider, "_sdk_config", None)
    readers = getattr(config, "metric_readers", readers)
    try:
        return len(readers) == 0 if readers is not None else False
    except TypeError:
        return False


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
