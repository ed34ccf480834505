"""One call in a child process under the launcher, as the application would be started."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

from otel_claude.cli.doctor.findings import Finding, ok, problem, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

_WAIT: Final = 90.0  # seconds: the first start compiles a few hundred modules
_LAUNCH: Final = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"
_SUBJECT: Final = "test call"
_SEE: Final = "look at the log of your application's start, or set OTEL_LOG_LEVEL=debug"


def check(environ: Mapping[str, str]) -> Finding:
    """What a call leaves behind: one span, ours, with tokens and a cost."""
    try:
        done = subprocess.run(  # noqa: S603 - our own module, in this very Python
            [sys.executable, "-c", _LAUNCH, sys.executable, "-m", f"{__package__}.probe"],
            env=_environment(environ),
            capture_output=True,
            text=True,
            timeout=_WAIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return problem(_SUBJECT, f"the launcher did not come back in {_WAIT:.0f} s", _SEE)
    for line in reversed(done.stdout.splitlines()):
        if line.startswith("{"):
            return _judged(json.loads(line))
    last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return problem(_SUBJECT, f"it failed under the launcher: {last}", _SEE)


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """That of the application, but this call goes to the emulator, and its telemetry nowhere."""
    left = {"OTEL_CONFIG_FILE", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}
    kept = {name: value for name, value in environ.items() if name not in left}
    none = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
    # Python 3.11 and later would otherwise put the current folder before the packages.
    return {**kept, **none, "OTEL_TRACES_SAMPLER": "always_on", "PYTHONSAFEPATH": "1"}


def _judged(said: dict[str, Any]) -> Finding:
    spans: list[dict[str, Any]] = said["spans"]
    ours = [span for span in spans if span["scope"] == "otel_claude"]
    if not said["sdk"]:
        says = "no OpenTelemetry SDK is active under the launcher"
        return problem(_SUBJECT, says, 'pip install "otel-claude[otlp]"')
    if not ours:
        return problem(_SUBJECT, "a Claude call under the launcher left no span of ours", _SEE)
    if len(spans) > 1:
        others = ", ".join(sorted({span["scope"] for span in spans if span not in ours})) or "ours"
        says = f"one Claude call left {len(spans)} spans; the other is of {others}"
        return warning(_SUBJECT, says, "turn that instrumentation off")
    cost = ours[0]["cost"]
    price = "no cost (strict)" if cost is None else f"{cost:.6f} USD"
    return ok(_SUBJECT, f"one span, {ours[0]['tokens']} output tokens, {price}")
