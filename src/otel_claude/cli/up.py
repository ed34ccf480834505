"""`otel-claude up` and `down`: the embedded backend in the foreground, and its end."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from otel_claude.cli.alerts import rules_of
from otel_claude.cli.extras import LOCAL, need
from otel_claude.cli.source import Source, exit_code
from otel_claude.local.engine import is_clickhouse

if TYPE_CHECKING:
    from otel_claude.local.address import Address

TOKEN = "OTEL_CLAUDE_TOKEN"  # noqa: S105 - a name, no secret
_GIB = 1024**3
_PATIENCE = 15.0  # seconds that a server has to end
_POLL = 0.05


def _only_a_file(value: str | None) -> str | None:
    if value is not None and "://" in value:  # it may hold a password: it is not shown
        raise typer.BadParameter("takes a file here, and no address")
    return value


Db = Annotated[
    str | None,
    typer.Option(
        "--db",
        callback=_only_a_file,
        help="File of the calls, or :memory:. (default: in the data directory)",
    ),
]


def up(
    *,
    host: Annotated[str, typer.Option(help="Other than loopback only with a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for a free one.")] = 4318,
    db: Source = None,
    token_file: Annotated[
        Path | None, typer.Option(help=f"File with a token to ask for; or set {TOKEN}.")
    ] = None,
    keep_days: Annotated[
        float, typer.Option(min=0, help="Days that calls are kept; 0 for ever.")
    ] = 90.0,
    keep_gb: Annotated[
        float, typer.Option(min=0, help="GiB of the file from which the oldest go; 0 for any.")
    ] = 5.0,
    alerts: Annotated[
        Path | None,
        typer.Option(help="Alert rules. (default: alerts.yaml in the data directory, if any)"),
    ] = None,
) -> None:
    """Receive OTLP on one port, keep it in a file, and show it in the browser.

    With --from clickhouse://... only show: what the collector has put there, of a whole fleet.
    """
    need("up", LOCAL)
    from otel_claude.local.address import Address, announced
    from otel_claude.local.backend import Backend, default_path
    from otel_claude.local.retention import Retention
    from otel_claude.local.server import AddressError, Server, listen, url_of
    from otel_claude.local.store import StoreError
    from otel_claude.local.watch import Watch

    path = db or default_path()
    token = _token(token_file)
    if is_clickhouse(path):
        _show(path, host, port, token, alerts)
        return
    rules = rules_of(alerts, path)
    retention = Retention(keep_days or None, int(keep_gb * _GIB) or None)
    try:
        listener = listen(host, port, token=token)
    except AddressError as error:
        _end(_busy_with(path) or str(error))
    try:
        backend = Backend(path, retention=retention)
    except StoreError as error:
        listener.close()
        _end(_busy_with(path) or str(error))
    end_on_sigterm()
    try:
        rules.watch(backend, url_of(listener))
        server = Server(backend, listener, token=token)
        with announced(path, Address(server.url, os.getpid(), token)):
            typer.echo(told(server.url, path, token=token is not None), err=True)
            with Watch(backend):
                server.run()
    finally:
        backend.close()


def _show(url: str, host: str, port: int, token: str | None, alerts: Path | None) -> None:
    """Serve the dashboard of a fleet until SIGINT or SIGTERM."""
    from otel_claude.local.address import clickhouse
    from otel_claude.local.fleet.view import NO_FLEET_ALERTS, View
    from otel_claude.local.server import AddressError, Server, listen
    from otel_claude.local.store import StoreError

    if alerts is not None:
        _end(f"{NO_FLEET_ALERTS}; leave --alerts out", 2)
    end_on_sigterm()
    try:
        with (
            closing(listen(host, port, token=token)) as listener,
            closing(clickhouse(url)) as engine,
        ):
            server = Server(View(engine), listener, token=token)
            typer.echo(f"Dashboard   {server.url}\nData        {engine}", err=True)
            server.run()
    except AddressError as error:
        _end(str(error))
    except StoreError as error:
        _end(str(error), exit_code(error))


def _token(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get(TOKEN) or None
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        _end(f"the token cannot be read: {error}")
    if not token:
        _end(f"{file} is empty")
    return token


def end_on_sigterm() -> None:
    """Have SIGTERM end the program as Ctrl-C does: everything is closed on the way."""
    signal.signal(signal.SIGTERM, _ended)


def _ended(_signal: int, _frame: object) -> NoReturn:
    raise SystemExit(0)


def _end(message: str, code: int = 1) -> NoReturn:
    typer.echo(f"otel-claude: {message}", err=True)
    raise typer.Exit(code)


def _busy_with(path: str) -> str | None:
    from otel_claude.local.address import find

    address = find(path)
    if address is None:
        return None
    return f"{path} is served at {address.url} already (process {address.pid})"


def told(url: str, path: str, *, token: bool) -> str:
    """What to do with a server that has just started."""
    lines = [
        f"Dashboard   {url}",
        f"OTLP        OTEL_EXPORTER_OTLP_ENDPOINT={url}",
        "            OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        f"Data        {path}",
    ]
    if token:
        header = "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20<token>"
        lines.insert(3, f"            {header}")
    return "\n".join(lines)


def down(*, db: Db = None) -> None:
    """Stop the server of a file, also one that `otel-claude run` has started."""
    need("down", LOCAL)
    from otel_claude.local.address import find
    from otel_claude.local.backend import default_path

    path = db or default_path()
    address = find(path)
    if address is None:
        typer.echo(f"otel-claude: no server has {path} open", err=True)
        raise typer.Exit(1)
    _stop(address)
    typer.echo(f"otel-claude: stopped the server at {address.url}", err=True)


def _stop(address: Address) -> None:
    from otel_claude.local.engine import QueryError

    os.kill(address.pid, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            address.ask("/health", wait=1.0)
        except (OSError, QueryError):
            return
        time.sleep(_POLL)
    _end(f"process {address.pid} does not end")
