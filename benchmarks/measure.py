"""One run of everything: processes started, rounds interleaved, figures worked out."""

from __future__ import annotations

import os
import platform
import random
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import environments, startup
from benchmarks.process import Process
from benchmarks.spread import Cost, Spread
from benchmarks.subjects import BY_HAND, DEFAULT, PLAIN, SUBJECTS, NotAvailableError, Subject
from benchmarks.workloads import WORKLOADS, Workload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LABEL_SETS: Final = (10, 100, 1_000, 10_000)
_LABEL_CALLS: Final = 200
_MEMORY_CALLS: Final = 4_000
_FLOOR_TIMES: Final = 2_000
_FRESH_AFTER: Final = 3
"""Rounds until the processes are started anew: where things lie in the memory of one makes it up to
a tenth slower or faster than the next."""
_STREAMS: Final = 500
_STREAM_EVENTS: Final = (50, 1_000)
_PERIOD: Final = 0.05
_SECONDS: Final = 3.0
_BY_NAME: Final = {subject.name: subject for subject in SUBJECTS}


@dataclass
class Results:
    """Everything that a run found, ready for reports and JSON.

    Attributes:
        costs: workload -> subject -> cost.
        concurrency: events of a stream -> subject -> p50 and p99 in us, and their ratios to the
            plain SDK's.
        recorded: subject -> what it recorded of a call.
        unavailable: subject -> why it was not measured.
        versions: subject -> distributions of its environment.
    """

    machine: dict[str, Any]
    rounds: int
    costs: dict[str, dict[str, Cost]] = field(default_factory=dict)
    recorded: dict[str, dict[str, Any]] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    floor: dict[str, Spread] = field(default_factory=dict)
    labels: dict[int, dict[str, Spread]] = field(default_factory=dict)
    concurrency: dict[int, dict[str, dict[str, Spread]]] = field(default_factory=dict)
    memory: dict[str, dict[str, int]] = field(default_factory=dict)
    startup: dict[str, Any] = field(default_factory=dict)


def machine() -> dict[str, Any]:
    """Shape of this machine, and the date."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "cores": os.cpu_count() or 1,
        "cpu": model,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "os": f"{platform.system()} {platform.release()}",
    }


class Run:
    """A run over `subjects` (all by default) and `workloads`.

    Args:
        rounds: how often everything is done, in another order each time.
        subjects: names; the plain SDK is always among them.
        workloads: names.
        say: is told what is going on.
    """

    def __init__(
        self,
        rounds: int,
        subjects: Sequence[str],
        workloads: Sequence[str],
        say: Callable[[str], None],
    ) -> None:
        names = {PLAIN.name, DEFAULT.name, *(subjects or _BY_NAME)}
        self._subjects = [subject for subject in SUBJECTS if subject.name in names]
        self._workloads = [w for w in WORKLOADS if not workloads or w.name in workloads]
        self._rounds = rounds
        self._say = say
        self._pythons: dict[str, str] = {}
        self.results = Results(machine(), rounds)

    def all(self, *, only_costs: bool = False) -> Results:
        """Measure everything, or only what calls and events cost."""
        self._costs()
        self._floor()
        if not only_costs:
            self._labels()
            self._concurrency()
            self._memory()
            self._say("import and enable, in fresh processes")
            enabled = [s for s in self._subjects if s.enable and s.name in self._pythons]
            self.results.startup = startup.measure(self._pythons, enabled, self._rounds)
        return self.results

    def _start(self, subjects: Sequence[Subject], stack: ExitStack) -> dict[str, Process]:
        processes = {}
        for subject in subjects:
            self._say(f"starting {subject.title}")
            try:
                if subject.name not in self._pythons:
                    self._pythons[subject.name] = environments.python_of(subject)
                process = stack.enter_context(Process(subject, self._pythons[subject.name]))
            except NotAvailableError as problem:
                self.results.unavailable[subject.name] = str(problem)
                self._pythons.pop(subject.name, None)
                continue
            processes[subject.name] = process
            self.results.versions[subject.name] = process.ask("versions")
        return processes

    def _costs(self) -> None:
        seconds: dict[str, dict[str, list[float]]] = {w.name: {} for w in self._workloads}
        for first in range(0, self._rounds, _FRESH_AFTER):
            with ExitStack() as stack:
                processes = self._start(self._subjects, stack)
                self._warm_up(processes)
                for number in range(first, min(first + _FRESH_AFTER, self._rounds)):
                    self._say(f"round {number + 1} of {self._rounds}")
                    for workload in _shuffled(self._workloads):
                        for name in _shuffled(processes):
                            found = seconds[workload.name].setdefault(name, [])
                            found.append(_per_unit(processes[name], workload))
        for workload_name, of_workload in seconds.items():
            self.results.costs[workload_name] = {
                name: Cost.beside(of_workload[PLAIN.name], values)
                for name, values in of_workload.items()
            }

    def _warm_up(self, processes: Mapping[str, Process]) -> None:
        """Until caches are warm and bytecode is specialised; and look at what is recorded."""
        for process in processes.values():
            process.ask("run", workload="create", times=200)
            self.results.recorded[process.subject.name] = process.ask("recorded")
            for workload in self._workloads:
                process.ask("run", workload=workload.name, times=max(1, workload.times // 4))

    def _floor(self) -> None:
        """In a process of its own: its many spans would leave another one's memory in pieces."""
        self._say("the floor")
        floor: dict[str, list[float]] = {}
        with ExitStack() as stack:
            process = self._start([DEFAULT], stack)[DEFAULT.name]
            for _ in range(self._rounds):
                for name, value in process.ask("floor", times=_FLOOR_TIMES).items():
                    floor.setdefault(name, []).append(value * 1e6)
        self.results.floor = {name: Spread.of(values) for name, values in floor.items()}

    def _labels(self) -> None:
        for sets in LABEL_SETS:
            self._say(f"{sets:,} label sets")
            added: list[float] = []
            collections: list[float] = []
            with ExitStack() as stack:
                found = self._start([PLAIN, DEFAULT], stack)
                plain, watched = found[PLAIN.name], found[DEFAULT.name]
                plain.ask("labels", sets=sets, times=_LABEL_CALLS)
                watched.ask("labels", sets=sets, times=max(sets, _LABEL_CALLS))
                for _ in range(self._rounds):
                    beside = plain.ask("labels", sets=sets, times=_LABEL_CALLS)["cpu"]
                    said = watched.ask("labels", sets=sets, times=_LABEL_CALLS)
                    added.append((said["cpu"] - beside) / _LABEL_CALLS * 1e6)
                    collections.append(said["collection"] * 1e3)
            self.results.labels[sets] = {
                "added_us": Spread.of(added),
                "collection_ms": Spread.of(collections),
            }

    def _concurrency(self) -> None:
        subjects = [PLAIN, BY_HAND, DEFAULT]
        for events in _STREAM_EVENTS:
            self._say(f"{_STREAMS} streams of {events:,} events at once")
            seen: dict[str, list[dict[str, float]]] = {subject.name: [] for subject in subjects}
            for _ in range(max(5, self._rounds // 2)):
                with ExitStack() as stack:
                    processes = self._start(subjects, stack)
                    for name in _shuffled(processes):
                        asked = {
                            "streams": _STREAMS,
                            "events": events - 5,
                            "period": _PERIOD,
                            "seconds": _SECONDS,
                        }
                        processes[name].ask("concurrent", **{**asked, "seconds": 0.5})  # warm-up
                        seen[name].append(processes[name].ask("concurrent", **asked))
            self.results.concurrency[events] = {
                name: _late(found, seen[PLAIN.name]) for name, found in seen.items()
            }

    def _memory(self) -> None:
        for subject in (PLAIN, DEFAULT):
            self._say(f"memory of {subject.title}")
            with ExitStack() as stack:
                process = self._start([subject], stack)[subject.name]
                self.results.memory[subject.name] = process.ask("memory", times=_MEMORY_CALLS)


def _late(
    found: Sequence[Mapping[str, float]], plain: Sequence[Mapping[str, float]]
) -> dict[str, Spread]:
    spreads = {}
    for key in ("p50", "p99"):
        spreads[key] = Spread.of([said[key] * 1e6 for said in found])
        ratios = [said[key] / beside[key] for said, beside in zip(found, plain, strict=True)]
        spreads[f"{key} ratio"] = Spread.of(ratios)
    return spreads


def _per_unit(process: Process, workload: Workload) -> float:
    seconds: float = process.ask("run", workload=workload.name, times=workload.times)["cpu"]
    return seconds / (workload.times * (workload.events or 1))


def _shuffled(things: Any) -> list[Any]:
    mixed = list(things)
    random.shuffle(mixed)
    return mixed


def python_line(results: Results) -> str:
    """The machine in one line."""
    m = results.machine
    return f"{m['date']}, {m['cores']} cores of {m['cpu']}, {m['python']}, {m['os']}"
