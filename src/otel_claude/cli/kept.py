"""The demo's data in a file of the embedded backend, for the dashboard."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from rich.text import Text

from otel_claude.cli.extras import LOCAL, installed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from otel_claude.cli.received import Received
    from otel_claude.local.backend import Backend

_A_DAY = 120  # sessions and single calls of the made-up past


class Kept:
    """A file with the demo's calls.

    Attributes:
        path: of the file.
        backend: what writes to it.
        days: of made-up past in it.
    """

    def __init__(self, path: str, backend: Backend) -> None:
        self.path = path
        self.backend = backend
        self.days = 0.0

    def keep(self, name: str, message: Any, size: int) -> None:
        """Store what a message brings; returns when it is on disk."""
        from otel_claude.local.rows import DECODERS

        self.backend.take(DECODERS[name](message, size)).result()

    def add_past(self, received: Received, days: float, seed: int) -> None:
        """Put a made-up past before the run, so that charts over time have something to show."""
        from otel_claude.cli.history import logs, messages, replay

        spans = received.spans
        if not spans:
            return
        began = min(span.start for span in spans)
        past = list(
            replay(spans, received.records, days=days, a_day=_A_DAY, until=began, seed=seed)
        )
        for message in messages(span for session in past for span in session.spans):
            self.keep("traces", message, message.ByteSize())
        said = (record for session in past for record in session.records)
        for told in logs(said, spans[0].resource):
            self.keep("logs", told, told.ByteSize())
        self.days = days

    def _say_past(self, console: Console) -> None:
        if self.days:
            told = f"with {self.days:g} made-up days before them (--past 0: none)"
            console.print(Text(f"           {told}", style="dim"), soft_wrap=True)

    def say(self, console: Console) -> None:
        """How to see it in a browser."""
        from otel_claude.local.server import PORT

        command = shlex.join([_ourselves(), "up", "--db", self.path])
        console.print()
        console.print(Text.assemble(("Dashboard  ", "bold"), command), soft_wrap=True)
        console.print(Text(f"           then open http://127.0.0.1:{PORT}"), soft_wrap=True)
        self._say_past(console)

    def serve(self, console: Console) -> None:
        """Show it in a browser until Ctrl-C."""
        from otel_claude.cli.up import end_on_sigterm
        from otel_claude.local.address import Address, announced
        from otel_claude.local.server import PORT, Server, listen_near

        end_on_sigterm()
        server = Server(self.backend, listen_near(PORT))
        with announced(self.path, Address(server.url, os.getpid())):
            console.print()
            console.print(Text.assemble(("Dashboard  ", "bold"), f"{server.url} (Ctrl-C ends it)"))
            self._say_past(console)
            server.run()


def _ourselves() -> str:
    """How this program was called, as a person would."""
    called = Path(sys.argv[0])
    if called.name != "otel-claude":
        return "otel-claude"
    near = os.path.relpath(called)
    return str(called) if near.startswith("..") else near


@contextlib.contextmanager
def kept(db: str | None, *, wanted: bool) -> Iterator[Kept | None]:
    """A new file for the demo's calls; None where nothing is to be kept, or cannot be.

    Args:
        db: the file; by default one of the demo's own, which is made anew each time.
        wanted: whether it was asked for: then it is an error if it cannot be.
    """
    missing = next((name for name in LOCAL if not installed(name)), None)
    if missing is not None:
        if wanted:
            _end(f'{missing} is missing; pip install "otel-claude[local]"')
        yield None
        return
    from otel_claude.local.address import find
    from otel_claude.local.backend import Backend, default_path
    from otel_claude.local.store import StoreError

    path = db or str(Path(default_path()).with_name("demo.duckdb"))
    try:
        if db is None and find(path) is None:  # one that is served says so itself
            for name in (path, f"{path}.wal"):
                Path(name).unlink(missing_ok=True)
        backend = Backend(path)
    except (StoreError, OSError) as error:
        if wanted:
            _end(str(error))
        typer.echo(f"otel-claude demo: no dashboard of these calls: {error}", err=True)
        yield None
        return
    try:
        yield Kept(path, backend)
    finally:
        backend.close()


def _end(message: str) -> NoReturn:
    typer.echo(f"otel-claude demo: {message}", err=True)
    raise typer.Exit(2)
