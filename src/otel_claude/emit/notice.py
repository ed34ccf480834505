"""Says once why nothing will be seen: no OpenTelemetry SDK, or one without an exporter."""

from __future__ import annotations

import logging
import os
from typing import Any

from opentelemetry import metrics, trace

logger = logging.getLogger("otel_claude")

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
