"""Which packages are here, and do they fit together?"""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, entry_points, version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

from otel_claude import __version__
from otel_claude.cli.doctor.findings import Finding, ok, problem, warning
from otel_claude.instrumentor import ClaudeInstrumentor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.metadata import EntryPoint

_GROUP = "opentelemetry_instrumentor"
_OURS = "claude"
_EXTRA = 'pip install "otel-claude[otlp]"'


def check(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Versions, what the launcher needs, and who else instruments the SDK."""
    yield ok("versions", f"otel-claude {__version__}, Python {platform.python_version()}")
    yield _sdk()
    yield from _opentelemetry()
    yield _activation(environ)
    yield from _rivals(environ)
    if _installed("anthropic"):
        yield _native(environ)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _sdk() -> Finding:
    wanted = Requirement(*ClaudeInstrumentor().instrumentation_dependencies())
    found = _installed(wanted.name)
    if found is None:
        return problem("anthropic", "not installed in this Python", "pip install anthropic")
    if not wanted.specifier.contains(found, prereleases=True):
        says = f"{found} is not one of {wanted.specifier}, so nothing is instrumented"
        return problem("anthropic", says, f'pip install "{wanted}"')
    return ok("anthropic", found)


def _opentelemetry() -> Iterator[Finding]:
    found = {name: _installed(f"opentelemetry-{name}") for name in ("api", "sdk", "distro")}
    if found["sdk"] is None:
        says = "opentelemetry-sdk is missing: without it nothing is recorded"
        yield problem("OpenTelemetry", says, _EXTRA)
        return
    yield ok("OpenTelemetry", f"API {found['api']}, SDK {found['sdk']}")
    if found["distro"] is None:
        yield warning(
            "launcher",
            "opentelemetry-distro is missing: opentelemetry-instrument then has no exporter",
            f"{_EXTRA}, or set OTEL_TRACES_EXPORTER and OTEL_METRICS_EXPORTER",
        )


def _activation(environ: Mapping[str, str]) -> Finding:
    if not any(entry.name == _OURS for entry in entry_points(group=_GROUP)):
        says = "the launcher does not see this package: its metadata is missing"
        return problem("launcher", says, "install it again with pip")
    if (off := {_OURS, "*"} & _disabled(environ)) and environ.get("OTEL_CONFIG_FILE") is None:
        says = f"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS has {off.pop()!r}: this package is off"
        return problem("launcher", says, "take it out of that variable")
    return ok("launcher", "opentelemetry-instrument finds this package")


def _disabled(environ: Mapping[str, str]) -> set[str]:
    names = environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")
    return {name.strip() for name in names}


def _rivals(environ: Mapping[str, str]) -> Iterator[Finding]:
    off = _disabled(environ)
    for entry in entry_points(group=_GROUP):
        if entry.name == _OURS or not _is_for_the_sdk(entry):
            continue
        name = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
        if {entry.name, "*"} & off:
            yield ok("duplicates", f"{name} is installed, and off")
        else:
            yield warning(
                "duplicates",
                f"{name} instruments the SDK, too: the launcher records every call twice",
                f"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS={entry.name}, or uninstall it",
            )


def _is_for_the_sdk(entry: EntryPoint) -> bool:
    """Whether an instrumentation says that it is for `anthropic`; asked of its metadata alone."""
    for text in (entry.dist.requires if entry.dist else None) or ():
        try:
            if Requirement(text).name == "anthropic":
                return True
        except InvalidRequirement:
            continue
    return False


def _native(environ: Mapping[str, str]) -> Finding:
    subject = "SDK's own spans"
    if find_spec("anthropic._tracing") is None:
        return ok(subject, "this SDK makes none")
    if environ.get("ANTHROPIC_OPEN_TELEMETRY", "").lower() == "false":
        return ok(subject, "off by ANTHROPIC_OPEN_TELEMETRY")
    return ok(subject, "this SDK makes them; the setting native says what becomes of them")
