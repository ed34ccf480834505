"""Programs under the real launcher, as child processes that send to a collector."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from otel_claude.testing import Emulator, LedgerEntry
from tests.e2e.servers import ROOT

WORKLOAD = Path(__file__).with_name("workload.py")
_HIDDEN = ("OTEL_", "ANTHROPIC_")
_TOKENS = {
    "input": "uncached_input_tokens",
    "cache_write_5m": "cache_creation.ephemeral_5m_input_tokens",
    "cache_write_1h": "cache_creation.ephemeral_1h_input_tokens",
    "cache_read": "cache_read_input_tokens",
    "output": "output_tokens",
}
"""Our names of the kinds of token, in the order of the bill's columns."""


def environment(api: Emulator, otlp: str, **more: str) -> dict[str, str]:
    """What a user sets: where the collector is, who the service is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_HIDDEN)}
    return {
        **kept,
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "ANTHROPIC_BASE_URL": api.url,
        "ANTHROPIC_API_KEY": "emulator",
        "OTEL_SERVICE_NAME": "shop",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        "OTEL_EXPORTER_OTLP_ENDPOINT": otlp,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        **more,
    }


def launch(
    program: Path,
    *arguments: object,
    env: Mapping[str, str],
    stdin: int | None = None,
    stdout: int | None = None,
) -> subprocess.Popen[str]:
    """Start a program under `opentelemetry-instrument`."""
    launcher = Path(sys.executable).parent / "opentelemetry-instrument"
    return subprocess.Popen(
        [str(launcher), sys.executable, str(program), *map(str, arguments)],
        env=dict(env),
        text=True,
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


def finish(processes: Sequence[subprocess.Popen[str]], patience: float = 300) -> None:
    """Wait for all of them; each must have ended well."""
    for process in processes:
        _, errors = process.communicate(timeout=patience)
        assert process.returncode == 0, errors
        assert "Traceback" not in errors, errors


@dataclass(frozen=True)
class Bill:
    """What the emulator says it served.

    Attributes:
        tokens: by kind, as `claude.token.type` names them.
        usd: what they cost, as far as anybody outside the API can know.
    """

    tokens: dict[str, int]
    usd: Decimal


def bill_of(api: Emulator, unpriced: Container[str] = ()) -> Bill:
    """The ledger's sums; of a stream that was cut nobody knows the output but the API.

    Args:
        unpriced: models whose price the book does not know: their tokens count, no money.
    """
    known = [_known(entry) for entry in api.ledger.billed()]
    charges = list(api.billing.charges(known, "any"))
    tokens = zip(_TOKENS, zip(*(charge.tokens for charge in charges), strict=True), strict=True)
    priced = [charge for charge in charges if charge.group["model"] not in unpriced]
    cents = sum((sum(charge.cents, Decimal(0)) for charge in priced), Decimal(0))
    return Bill({name: sum(counts) for name, counts in tokens}, cents / 100)


def _known(entry: LedgerEntry) -> LedgerEntry:
    if entry.complete:
        return entry
    usage: dict[str, Any] = {**entry.usage, "output_tokens": 0}
    return replace(entry, usage=usage)
