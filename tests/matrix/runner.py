"""Runs in an SDK's environment: every cell without us, then with us; prints what was seen as JSON.

python -m tests.matrix.runner OUTPUT [PATTERN]
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import re
import sys
import time
import warnings
from dataclasses import asdict
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from otel_claude import ClaudeInstrumentor
from otel_claude.testing import Emulator
from tests.matrix import programs
from tests.matrix.cells import Cell
from tests.matrix.checks import problems
from tests.matrix.world import World, drive

# Beside trace context, which instrumentation may add: the port, and signatures with their time.
_NOT_OURS_TO_KEEP = frozenset({"traceparent", "tracestate", "host", "authorization", "x-amz-date"})
_SCOPE = "otel_claude"
# On a machine under load a delay can strike where it should not. So a few cells that go wrong are
# run again, both ways; what is wrong with us or the SDK goes wrong again. Many are never repeated.
_TRIES = 3
_FEW = 40


class Spans(SpanProcessor):
    """Counts spans as they start and keeps them as they end."""

    def __init__(self) -> None:
        self.started = 0
        self.ended: list[ReadableSpan] = []

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        if span.instrumentation_scope.name == _SCOPE:
            self.started += 1

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span)

    def clear(self) -> None:
        self.started, self.ended = 0, []


class Logs(logging.Handler):
    """What is logged at WARNING and above by us, by OpenTelemetry and by asyncio."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.split(".")[0] in ("otel_claude", "opentelemetry", "asyncio"):
            text = f"{record.name} {record.levelname}: {record.getMessage()}"
            if record.exc_info and record.exc_info[1] is not None:
                text += f" [{record.exc_info[1]!r}]"
            self.lines.append(text)


class Runner:
    """One process, one SDK."""

    def __init__(self, api: Emulator) -> None:
        self.api = api
        self.spans = Spans()
        self.logs = Logs()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(self.spans)
        delta = AggregationTemporality.DELTA
        self.reader = InMemoryMetricReader({Counter: delta, Histogram: delta})
        self.meters = MeterProvider([self.reader])
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        # The SDK's own spans go here in both phases, so that a second one for a call would show.
        trace.set_tracer_provider(self.tracers)
        logging.getLogger().addHandler(self.logs)

    def both(self, cells: list[Cell]) -> dict[str, Any]:
        """Run cells without us, then with us; what there is to judge them by."""
        plain = self.phase(cells, instrumented=False)
        watched = self.phase(cells, instrumented=True)
        results = {}
        for cell in cells:
            before, after = json.loads(plain[cell.name]), json.loads(watched[cell.name])
            results[cell.name] = {
                "surface": cell.surface,
                "expect": asdict(cell.expect),
                "seconds": after["seconds"],
                "difference": _difference(before["view"], after["view"], "view"),
                "seen": after["view"]["seen"][-1:],
                "telemetry": after["telemetry"],
                "unwatched": [span["name"] for span in before["telemetry"]["spans"]],
            }
        return results

    def phase(self, cells: list[Cell], *, instrumented: bool) -> dict[str, str]:
        """Run every cell once; what each program saw, and its telemetry."""
        worlds = {
            mode: World(self.api.url, lambda: len(self.api.requests), is_async=mode == "async")
            for mode in ("sync", "async")
        }
        for world in worlds.values():
            world.capture()
        if instrumented:
            ClaudeInstrumentor().instrument(
                tracer_provider=self.tracers, meter_provider=self.meters
            )
        gc.collect()
        gc.freeze()
        # As text: thousands of small objects would make each collection slower than the last.
        results = {
            cell.name: _as_text(self._run(cell, worlds[cell.mode]), self.api.url) for cell in cells
        }
        drive(worlds["sync"].close())
        self.loop.run_until_complete(worlds["async"].close())
        if instrumented:
            ClaudeInstrumentor().uninstrument()
        return results

    def _run(self, cell: Cell, world: World) -> dict[str, Any]:
        self.api.reset()
        self.spans.clear()
        self.logs.lines.clear()
        self.reader.get_metrics_data()
        world.seen = []
        loop_faults: list[str] = []
        self.loop.set_exception_handler(lambda _loop, said: loop_faults.append(_fault(said)))
        began = time.perf_counter()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            if world.is_async:
                self.loop.run_until_complete(cell.program(world))
            else:
                drive(cell.program(world))
            self._settle(cell)
        result = {
            "seconds": round(time.perf_counter() - began, 4),
            "view": {
                "seen": world.seen,
                "warnings": sorted(
                    [w.category.__name__, str(w.message), Path(w.filename).name, w.lineno]
                    for w in warned
                    if w.category is not ResourceWarning
                ),
                "loop": loop_faults,
                "wire": [
                    [
                        request.method,
                        request.path,
                        request.query,
                        {
                            k: v
                            for k, v in sorted(request.headers.items())
                            if k not in _NOT_OURS_TO_KEEP
                        },
                        request.body.decode(),
                    ]
                    for request in self.api.requests
                ],
            },
            "telemetry": self._telemetry(),
        }
        gc.freeze()  # what lives now is not looked at again, which keeps collections fast
        return result

    def _settle(self, cell: Cell) -> None:
        """Let what was dropped die, and its call end (from a thread of ours, for cycles)."""
        gc.collect()
        if cell.mode == "async":
            for _ in range(3):
                self.loop.run_until_complete(asyncio.sleep(0))
            gc.collect()
        deadline = time.monotonic() + 0.5
        while self.spans.started > self._ours() and time.monotonic() < deadline:
            time.sleep(0.002)

    def _ours(self) -> int:
        return sum(_scope(span) == _SCOPE for span in self.spans.ended)

    def _telemetry(self) -> dict[str, Any]:
        data = self.reader.get_metrics_data()
        points = [
            (metric.name, point)
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
        ]
        return {
            "started": self.spans.started,
            "spans": [
                {
                    "name": span.name,
                    "status": span.status.status_code.name,
                    "id": f"{span.context.span_id:016x}" if span.context else "",
                    "trace": f"{span.context.trace_id:032x}" if span.context else "",
                    "kind": span.kind.name,
                    "attributes": dict(span.attributes or {}),
                }
                for span in self.spans.ended
                if _scope(span) == _SCOPE
            ],
            "others": [
                f"{_scope(span)}: {span.name}"
                for span in self.spans.ended
                if _scope(span) != _SCOPE
            ],
            "metrics": [
                [
                    name,
                    dict(point.attributes or {}),
                    point.value if hasattr(point, "value") else [point.count, point.sum],
                ]
                for name, point in points
            ],
            "logs": list(self.logs.lines),
            "traceparents": [r.headers.get("traceparent") for r in self.api.requests],
            "ledger": [
                {"status": e.status, "usage": e.usage, "error": e.error_type, "model": e.model}
                for e in self.api.ledger
            ],
        }


def _scope(span: ReadableSpan) -> str:
    return span.instrumentation_scope.name if span.instrumentation_scope else ""


def _fault(said: dict[str, Any]) -> str:
    return f"{said.get('message')}: {said.get('exception')!r}"


def _difference(plain: Any, watched: Any, where: str = "") -> str | None:
    """The first difference of two views, as one line."""
    if type(plain) is not type(watched):
        return f"{where}: {plain!r:.300} without us, {watched!r:.300} with us"
    if isinstance(plain, dict):
        for key in sorted(plain.keys() | watched.keys(), key=str):
            if key not in plain or key not in watched:
                return f"{where}.{key}: only {'with' if key in watched else 'without'} us"
            if found := _difference(plain[key], watched[key], f"{where}.{key}"):
                return found
        return None
    if isinstance(plain, list):
        for index, (a, b) in enumerate(zip(plain, watched, strict=False)):
            if found := _difference(a, b, f"{where}[{index}]"):
                return found
        if len(plain) != len(watched):
            more = (plain if len(plain) > len(watched) else watched)[min(len(plain), len(watched))]
            return f"{where}: {len(plain)} without us, {len(watched)} with us; first extra: {more!r:.300}"
        return None
    return (
        None
        if plain == watched
        else f"{where}: {plain!r:.300} without us, {watched!r:.300} with us"
    )


def _as_text(value: Any, url: str) -> str:
    """JSON, without the emulator's port and the addresses of objects."""
    text = json.dumps(value, default=str).replace(url, "EMULATOR")
    return re.sub(r"0x[0-9a-f]{6,}", "0x", text)


def main(output: str, wanted: str = "*") -> None:
    """Run the wanted cells; write JSON."""
    import anthropic

    began = time.perf_counter()
    skipped, cells = {}, []
    names = json.loads(Path(wanted).read_text()) if wanted.endswith(".json") else None
    for cell in programs.CELLS:
        if not (fnmatch(cell.name, wanted) if names is None else cell.name in names):
            continue
        reason = cell.lacks()
        if reason is None:
            cells.append(cell)
        else:
            skipped[cell.name] = reason
    with Emulator() as api:
        runner = Runner(api)
        results = runner.both(cells)
        again = []
        for _ in range(_TRIES - 1):
            wrong = [cell for cell in cells if problems(results[cell.name])]
            if not 0 < len(wrong) <= _FEW:
                break
            again += [cell.name for cell in wrong]
            results.update(runner.both(wrong))
    Path(output).write_text(
        json.dumps(
            {
                "sdk": anthropic.__version__,
                "seconds": round(time.perf_counter() - began, 1),
                "skipped": skipped,
                "again": again,
                "surfaces": {cell.name: cell.surface for cell in programs.CELLS},
                "cells": results,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
