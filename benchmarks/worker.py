"""The process of one subject: does a round of a workload on command and answers with its cost.

Commands and answers are JSON, one a line, on stdin and stdout.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import concurrency, floor, subjects

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.workloads import Workloads


class Worker:
    """One subject, turned on, and what can be asked of it."""

    def __init__(self, subject: subjects.Subject) -> None:
        self._providers = subject.turn_on()
        # After the subject is on: the order in which applications do it.
        from benchmarks.workloads import Workloads

        self._workloads: Workloads = Workloads()
        self._floor: floor.Floor | None = None
        self._label_at = 0

    def run(self, workload: str, times: int) -> dict[str, Any]:
        """CPU seconds of the whole process, all threads, for a round; exporting it is included."""
        return {"cpu": self._timed(lambda: getattr(self._workloads, workload)(times))}

    def labels(self, sets: int, times: int) -> dict[str, Any]:
        """The same for `create` with the attribution going round `sets` values."""
        from otel_claude import attribution

        start = self._label_at
        self._label_at = (start + times) % sets
        create = self._workloads.create

        def round_() -> None:
            for number in range(start, start + times):
                with attribution(feature=f"feature-{number % sets}"):
                    create(1)

        gc.collect()
        before = time.process_time()
        round_()
        between = time.process_time()
        self._flush()
        return {"cpu": between - before, "collection": time.process_time() - between}

    def floor(self, times: int) -> dict[str, Any]:
        """CPU seconds of the OpenTelemetry SDK's primitives and of `pricing.cost`."""
        if self._floor is None:
            self._floor = floor.Floor()
        return self._floor.run(times)

    def memory(self, times: int) -> dict[str, Any]:
        """Resident and traced memory before and after `times` calls, in bytes."""
        self._workloads.create(1000)
        self._flush()
        gc.collect()
        resident = _resident()
        self._workloads.create(times)
        self._flush()
        gc.collect()
        grown = _resident() - resident
        tracemalloc.start()
        self._workloads.create(300)
        self._flush()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        self._workloads.create(times // 4)
        self._flush()
        gc.collect()
        after, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return {
            "resident": resident,
            "resident_growth": grown,
            "traced_growth": after - before,
            "traced_peak": peak - before,
            "calls": times,
            "traced_calls": times // 4,
        }

    def concurrent(
        self, streams: int, events: int, period: float, seconds: float
    ) -> dict[str, Any]:
        """Latencies of the events of many streams on one loop, in seconds."""
        found = concurrency.latencies(streams, events, period, seconds)
        self._flush()
        return found

    def recorded(self) -> dict[str, Any]:
        """What the subject's exporters saw so far."""
        self._flush()
        providers = self._providers
        if providers is None:
            return {"spans": 0, "attributes": 0, "metrics": []}
        last = providers.last_span
        return {
            "spans": providers.exported_spans,
            "attributes": len(last.attributes) if last is not None else 0,
            "metrics": sorted(n for n in providers.metric_names if not n.startswith("otel.sdk")),
        }

    def versions(self) -> dict[str, Any]:
        """The distributions that matter, with their versions."""
        from importlib.metadata import distributions

        wanted = (
            "anthropic",
            "opentelemetry-",
            "openinference-",
            "logfire",
            "otel-claude",
            "httpx",
        )
        return {
            d.name: d.version
            for d in sorted(distributions(), key=lambda d: d.name)
            if d.name.startswith(wanted)
        }

    def _flush(self) -> None:
        if self._providers is not None:
            self._providers.flush()

    def _timed(self, work: Callable[[], None]) -> float:
        gc.collect()
        before = time.process_time()
        work()
        self._flush()
        return time.process_time() - before


def _resident() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:  # not Linux: the peak is all that can be had
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")


def main(name: str) -> None:
    """Turn the subject `name` on and serve until stdin ends."""
    # Packages print what they like; the answers get a channel of their own.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(said: dict[str, Any]) -> None:
        answers.write(json.dumps(said) + "\n")
        answers.flush()

    try:
        worker = Worker(subjects.BY_NAME[name])
    except Exception as error:
        if isinstance(error, subjects.NotAvailableError):
            answer({"unavailable": str(error)})
        else:
            answer({"unavailable": f"{type(error).__name__}: {error}"})
        return
    answer({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer(getattr(worker, asked.pop("do"))(**asked))
        except Exception as error:
            answer({"error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main(sys.argv[1])
