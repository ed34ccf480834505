"""`otel-claude demo`: a workload, its telemetry over OTLP, and a report made from that alone."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from otel_claude.cli.extras import need
from otel_claude.cli.kept import kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_claude.cli.aggregate import Report
    from otel_claude.cli.kept import Kept
    from otel_claude.cli.received import Received
    from otel_claude.cli.workload import Conversation
    from otel_claude.testing import LedgerEntry

_NEEDED = (
    "anthropic",
    "opentelemetry.sdk",
    "opentelemetry.proto",
    "opentelemetry.exporter.otlp.proto.http",
)
_CALLS = 200
_CALLS_API = 8
_KEY = "ANTHROPIC_API_KEY"


def demo(  # noqa: PLR0913 - the options of a command
    *,
    calls: Annotated[
        int | None,
        typer.Option(min=1, help=f"How many calls. (default: {_CALLS}; {_CALLS_API} with --api)"),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same calls.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ledger: Annotated[
        bool, typer.Option("--ledger", help="With --json: every entry of the emulator's ledger.")
    ] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Then show them in the dashboard, until Ctrl-C.")
    ] = False,
    db: Annotated[
        str | None, typer.Option("--db", help="File that keeps them. (default: the demo's own)")
    ] = None,
    past: Annotated[
        float, typer.Option(min=0, max=90, help="Made-up days before the run, for the dashboard.")
    ] = 30.0,
    api: Annotated[
        bool, typer.Option("--api", help=f"Call the real API, with {_KEY}. Costs a little money.")
    ] = False,
) -> None:
    """Run a made-up product on Claude (emulated, free) and show what the telemetry tells of it."""
    _refuse_if_impossible(api=api)
    # Not before it is known that all of it is installed.
    from otel_claude.cli import aggregate, pipeline, report as reports, workload

    said = Console(stderr=True)
    number = calls or (_CALLS_API if api else _CALLS)
    plan = workload.plan(number, seed, real=api)
    if api:
        said.print(_price_of(plan), highlight=False)
    began = time.monotonic()
    wanted = serve or db is not None
    with kept(db, wanted=wanted) if wanted or not as_json else nullcontext() as file:
        with pipeline.closed_world(offline=not api), _progress(said, number) as called:
            received, entries = _run(plan, called, file, seed=seed, api=api)
        found = aggregate.report(received)
        if as_json:
            told = _as_json(found, entries if not api else None, whole=ledger)
            sys.stdout.write(json.dumps({"seed": seed, **told}, indent=2) + "\n")
        else:
            reports.show(found, Console(), took=time.monotonic() - began)
        if file is not None and past and not api:
            file.add_past(received, past, seed)
        if file is not None and serve:
            file.serve(said)
        elif file is not None and not as_json:
            file.say(Console(highlight=False))


def _refuse_if_impossible(*, api: bool) -> None:
    need("demo", _NEEDED, "all")
    if api and not os.environ.get(_KEY):
        typer.echo(
            f"otel-claude demo: --api needs {_KEY}; without --api nothing needs a key.", err=True
        )
        raise typer.Exit(2)


def _price_of(plan: list[Conversation]) -> str:
    """What the real API may cost at most, said before it is called."""
    from otel_claude.pricing import Unpriced, estimate

    most = 0.0
    for conversation in plan:
        # Later turns repeat the first one with little more: twice its price is never reached.
        found = estimate(next(conversation.talk()).params)
        if isinstance(found, Unpriced) or found.upper is None:
            return "The real API is called; what that costs is not known beforehand."
        most += float(found.upper) * conversation.calls * 2
    number, model = sum(conversation.calls for conversation in plan), plan[0].model
    return f"Up to {number} calls of the real API with {model}: at most ${most:.4f}."


@contextmanager
def _progress(console: Console, calls: int) -> Iterator[Callable[[], None]]:
    columns = (TextColumn("Calling Claude"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("", total=calls)
        yield lambda: progress.advance(task)


def _run(
    plan: list[Conversation],
    called: Callable[[], None],
    file: Kept | None,
    *,
    seed: int,
    api: bool,
) -> tuple[Received, list[LedgerEntry]]:
    """Make the calls; return what arrived, and what the emulator says it served."""
    from otel_claude.cli import pipeline
    from otel_claude.cli.receiver import Receiver
    from otel_claude.testing import Emulator

    with Receiver(None if file is None else file.keep) as receiver:
        pipe = pipeline.start(receiver.url)
        try:
            if api:
                _call(plan, called, pipe, None)
                entries = []
            else:
                with Emulator(seed) as emulator:
                    _call(plan, called, pipe, emulator.url)
                    entries = list(emulator.ledger)
        finally:
            pipe.shutdown()
        return receiver.received, entries


def _call(
    plan: list[Conversation], called: Callable[[], None], pipe: Any, base_url: str | None
) -> None:
    from otel_claude import ClaudeInstrumentor
    from otel_claude.budgets import Budget
    from otel_claude.cli import features
    from otel_claude.cli.runner import Runner

    instrumentor = ClaudeInstrumentor()
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()  # started by opentelemetry-instrument: to other providers
    instrumentor.instrument(
        tracer_provider=pipe.tracer_provider,
        meter_provider=pipe.meter_provider,
        logger_provider=pipe.logger_provider,
        evaluate=True,
        feedback=True,
        budgets=[Budget(**policy) for policy in features.BUDGETS],
    )
    try:
        tracer = pipe.tracer_provider.get_tracer(__name__)
        Runner(tracer, called, base_url).run(plan)
    finally:
        instrumentor.uninstrument()


def _as_json(report: Report, entries: list[LedgerEntry] | None, *, whole: bool) -> dict[str, Any]:
    from otel_claude.cli.aggregate import CALLS_A_DAY, DAYS
    from otel_claude.cli.served import served

    told: dict[str, Any] = {
        "totals": report.total.to_dict(),
        "by_model": {name: group.to_dict() for name, group in report.by_model.items()},
        "by_feature": {name: group.to_dict() for name, group in report.by_feature.items()},
        "projection": {
            "calls_a_day": CALLS_A_DAY,
            "days": DAYS,
            "cost_usd": report.projected,
        },
        "metrics": report.counted.to_dict(),
        "evaluations": report.verdicts,
        "disagreements": report.disagreements(),
        "received": {
            "spans": report.spans,
            "metric_points": report.points,
            "log_records": report.records,
        },
        "span": None if report.span is None else asdict(report.span),
    }
    if entries is not None:
        told["served"] = served(entries)
        if whole:
            told["ledger"] = [entry.to_dict() for entry in entries]
    return told
