"""Does what is recorded get anywhere? A test span is sent as the application would send its own."""

from __future__ import annotations

import logging
import re
import time
from contextlib import contextmanager
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from otel_claude.cli.doctor.findings import Finding, note, ok, problem, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WAIT: Final = 5.0  # seconds for the test span
_SKEW: Final = 30.0  # seconds that the clocks may differ
_PORTS: Final = {"grpc": 4317, "http/protobuf": 4318}
_EXPORTERS: Final = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}
_PACKAGES: Final = {name: name.replace("_", "-") for name in _EXPORTERS.values()}
_OWN: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_NO_SUCH_PATH: Final = re.compile(r"\b40[45]\b")
SENT: Final = "otel-claude doctor"
"""Name of the test span."""


def check(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Switches, then the endpoint, then a span that is sent there; and the two clocks."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        yield problem("exporter", "OTEL_SDK_DISABLED=true turns all telemetry off", "unset it")
        return
    if path := environ.get("OTEL_CONFIG_FILE"):
        yield note("exporter", f"set up by {path} (OTEL_CONFIG_FILE), which is not followed here")
        return
    yield from _switches(environ)
    if "otlp" in _exporter(environ, "TRACES"):
        yield from _otlp(environ)


def _exporter(environ: Mapping[str, str], signal: str) -> str:
    return environ.get(f"OTEL_{signal}_EXPORTER", "").strip().lower() or "otlp"


def _switches(environ: Mapping[str, str]) -> Iterator[Finding]:
    for signal in ("TRACES", "METRICS"):
        if (exporter := _exporter(environ, signal)) == "none":
            says = f"OTEL_{signal}_EXPORTER=none: {signal.lower()} go nowhere"
            yield problem("exporter", says, "unset it, or set otlp")
        elif "otlp" not in exporter:
            yield note("exporter", f"{signal.lower()} go to {exporter!r}, not over OTLP")
    sampler = environ.get("OTEL_TRACES_SAMPLER", "")
    if "always_off" in sampler:
        says = f"OTEL_TRACES_SAMPLER={sampler}: there are no spans, only metrics"
        yield warning("sampler", says, "unset it to see single calls")
    elif "ratio" in sampler:
        share = environ.get("OTEL_TRACES_SAMPLER_ARG", "1")
        yield note("sampler", f"{sampler} {share}: the rest has no span; metrics count every call")


def _protocol(environ: Mapping[str, str]) -> str:
    return (
        environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
        or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        or ("http/protobuf" if _exporter(environ, "TRACES") == "otlp_proto_http" else "grpc")
    ).strip()


def _otlp(environ: Mapping[str, str]) -> Iterator[Finding]:
    protocol = _protocol(environ)
    name = _EXPORTERS.get(protocol)
    if name is None:
        says = f"protocol {protocol!r} is none that Python's exporter speaks"
        yield problem("protocol", says, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf or grpc")
        return
    found = list(entry_points(group="opentelemetry_traces_exporter", name=name))
    if not found:
        says = f"the exporter for {protocol} is not installed"
        yield problem("exporter", says, f"pip install opentelemetry-exporter-{_PACKAGES[name]}")
        return
    try:
        exporter = found[0].load()(timeout=_WAIT)
    except Exception as error:
        yield problem("exporter", f"it cannot be made: {error}", "see the OTEL_EXPORTER_* settings")
        return
    where = getattr(exporter, "_endpoint", "?")
    yield _port(protocol, where)
    yield _sent(exporter, protocol, where, environ)
    if protocol == "http/protobuf":
        yield from _clock(where)


def _port(protocol: str, where: str) -> Finding:
    shown = f"{where} by {protocol}"
    port = urlsplit(where if "//" in where else f"//{where}").port
    for other, usual in _PORTS.items():
        if port == usual and other != protocol:
            return warning(
                "endpoint",
                f"{shown}; {usual} is the usual port of {other}",
                f"OTEL_EXPORTER_OTLP_PROTOCOL={other}, or port {_PORTS[protocol]}",
            )
    return ok("endpoint", shown)


def _sent(exporter: Any, protocol: str, where: str, environ: Mapping[str, str]) -> Finding:
    from opentelemetry.sdk.trace.export import SpanExportResult

    with _heard() as words:
        started = time.perf_counter()
        try:
            done = exporter.export([_span()]) is SpanExportResult.SUCCESS
        except Exception as error:
            done = False
            words.append(f"{type(error).__name__}: {error}")
        took = time.perf_counter() - started
        exporter.shutdown()
    if done:
        return ok("test span", f"acknowledged after {took * 1000:.0f} ms (its name is {SENT!r})")
    why = words[-1] if words else "no reason given"
    do = (
        f"is something listening for {protocol} at {where}? `otel-claude up` does, and needs "
        "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf. Behind a proxy: set NO_PROXY"
    )
    complete = where.rstrip("/").endswith("/v1/traces")
    if environ.get(_OWN) and not complete and _NO_SUCH_PATH.search(why):
        do = (
            f"{_OWN} is used as it is: make it {where.rstrip('/')}/v1/traces, or set "
            "OTEL_EXPORTER_OTLP_ENDPOINT, to which the path is added"
        )
    return problem("test span", f"not acknowledged within {_WAIT:.0f} s: {why}", do)


def _span() -> Any:
    """A span that has ended, with the resource that the application's spans would have."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    provider = TracerProvider(sampler=ALWAYS_ON, resource=Resource.create(), shutdown_on_exit=False)
    span = provider.get_tracer("otel_claude.doctor").start_span(SENT)
    span.end()
    return span


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What the exporters log meanwhile, which is where they say why."""
    words: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            words.append(record.getMessage())

    logger = logging.getLogger("opentelemetry")
    listener = Listener(logging.WARNING)
    quiet = logger.propagate
    logger.propagate = False
    logger.addHandler(listener)
    try:
        yield words
    finally:
        logger.removeHandler(listener)
        logger.propagate = quiet


def _clock(where: str) -> Iterator[Finding]:
    """This clock beside that of the server, which says its time in every answer."""
    import requests  # the exporter's own client

    try:
        answer = requests.head(where, timeout=_WAIT)
        there = parsedate_to_datetime(answer.headers.get("date", ""))
    except (requests.RequestException, TypeError, ValueError):
        return
    ahead = (datetime.now(timezone.utc) - there).total_seconds()
    if abs(ahead) > _SKEW:
        word = "ahead of" if ahead > 0 else "behind"
        says = f"this clock is {abs(ahead):.0f} s {word} that of {urlsplit(where).hostname}"
        yield warning("clock", says, "set the clock by NTP: dashboards look at the last minutes")
    else:
        yield ok("clock", f"within {_SKEW:.0f} s of that of {urlsplit(where).hostname}")
