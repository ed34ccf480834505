"""`otel-claude run -- COMMAND`: a program under instrumentation, and what it cost."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from otel_claude import semconv
from otel_claude.cli.extras import LOCAL, need
from otel_claude.cli.up import Db  # noqa: TC001 - typer reads the annotations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_claude.local.address import Address
    from otel_claude.local.engine import Engine

_NEEDED = (*LOCAL, "opentelemetry.sdk", "opentelemetry.distro", "opentelemetry.exporter.otlp")
_START = 60.0  # seconds that a server has to start
_POLL = 0.05
_LAUNCH = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"
_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
)
_NOT_FOUND = 127  # as shells have it


def run(
    command: Annotated[list[str], typer.Argument(help="The program, with its arguments.")],
    *,
    db: Db = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Of a server started here. (default: 4318, or a free one)"
        ),
    ] = None,
    ui: Annotated[
        bool, typer.Option("--ui/--no-ui", help="Without: no server stays, nothing is kept.")
    ] = True,
) -> None:
    """Run a Python program under instrumentation and print what its Claude calls cost.

    Its output, exit code and signals stay its own. The server is started in the background where
    there is none, and stays: `otel-claude down` ends it.
    """
    need("run", _NEEDED, "all")
    if shutil.which(command[0]) is None:
        typer.echo(f"otel-claude: there is no program {command[0]}", err=True)
        raise typer.Exit(_NOT_FOUND)
    run_id = uuid.uuid4().hex
    began = time.time_ns()
    with _backend(db, port, ui=ui) as (url, token, dashboard, engine):
        code = _call(command, environment(dict(os.environ), url, run_id, token=token))
        from otel_claude.cli.closing import show

        show(engine, run_id, began, dashboard=dashboard)
    raise typer.Exit(code)


@contextlib.contextmanager
def _backend(
    db: str | None, port: int | None, *, ui: bool
) -> Iterator[tuple[str, str | None, str | None, Engine]]:
    """Address to send to, its token, address of the page, and where to ask after."""
    from otel_claude.local.address import Remote
    from otel_claude.local.backend import Backend, default_path
    from otel_claude.local.server import Server, listen
    from otel_claude.local.store import MEMORY, StoreError

    try:
        if ui:
            address = _server_of(db or default_path(), port)
            yield address.url, address.token, address.url, Remote(address)
            return
        backend = Backend(db or MEMORY)
    except StoreError as error:
        typer.echo(f"otel-claude: {error}", err=True)
        raise typer.Exit(1) from error
    try:
        with Server(backend, listen("127.0.0.1", 0, token=None)) as server:
            yield server.url, None, None, backend.engine
    finally:
        backend.close()


def _server_of(path: str, port: int | None) -> Address:
    """The server of a file; started in the background where there is none."""
    from otel_claude.local.address import find
    from otel_claude.local.server import PORT, listen_near
    from otel_claude.local.store import StoreError

    if (address := find(path)) is not None:
        return address
    if port is None:
        with listen_near(PORT) as listener:
            port = listener.getsockname()[1]
    given = ["--db", path, "--port", str(port)]
    log = Path(f"{path}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-c", "from otel_claude.cli import main; main()", "up", *given],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,  # Ctrl-C is for the program
        )
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        if (address := find(path)) is not None:
            return address
        if process.poll() is not None:
            why = log.read_text(encoding="utf-8", errors="replace").strip()
            raise StoreError(why.removeprefix("otel-claude: ") or "the server ended")
        time.sleep(_POLL)
    process.terminate()
    raise StoreError(f"the server did not start within {_START:g} seconds")


def environment(
    environ: dict[str, str], url: str, run_id: str, *, token: str | None
) -> dict[str, str]:
    """The environment of the program: everything is sent to the server, nothing sampled away."""
    found = {
        name: value
        for name, value in environ.items()
        if not name.startswith(("OTEL_EXPORTER_OTLP_", "OTEL_TRACES_SAMPLER"))
        and name not in ("OTEL_SDK_DISABLED", "OTEL_CONFIG_FILE", "OTEL_CLAUDE_ENABLED")
    }
    found |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_TRACES_SAMPLER": "always_on",
    }
    found.setdefault("OTEL_BSP_MAX_QUEUE_SIZE", "65536")
    if token:
        found["OTEL_EXPORTER_OTLP_HEADERS"] = "authorization=" + quote(f"Bearer {token}")
    said = found.get("OTEL_RESOURCE_ATTRIBUTES")
    run = f"{semconv.RUN_ID}={run_id}"
    found["OTEL_RESOURCE_ATTRIBUTES"] = f"{said},{run}" if said else run
    for name in ("NO_PROXY", "no_proxy"):  # no proxy knows our loopback
        found[name] = ",".join(filter(None, (found.get(name), "127.0.0.1,localhost,::1")))
    return found


def _call(command: list[str], environ: dict[str, str]) -> int:
    """Run the program; its exit code, or 128 and the signal that ended it."""
    process = subprocess.Popen([sys.executable, "-c", _LAUNCH, *command], env=environ)  # noqa: S603 - what the user asks for

    def hand_on(number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)

    before = {number: signal.signal(number, hand_on) for number in _SIGNALS}
    # Ctrl-C reaches the program by itself; what that means is its business.
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 - code if code < 0 else code
