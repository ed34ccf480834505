"""The threshold file: what holds, for how long, and how fast time runs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parents[2] / "deploy" / "prometheus" / "thresholds.yaml"

_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def seconds(duration: str) -> float:
    """Seconds of a Prometheus duration such as `1h30m`.

    Raises:
        ValueError: it is none.
    """
    parts = re.findall(r"(\d+)(ms|[dhms])", duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        raise ValueError(f"no duration: {duration!r}")
    return sum(int(number) * _SECONDS[unit] for number, unit in parts)


def duration(length: float) -> str:
    """A Prometheus duration of that many seconds, to the millisecond."""
    left = round(length * 1000)
    found = ""
    for unit, size in _SECONDS.items():
        number, left = divmod(left, round(size * 1000))
        if number:
            found += f"{number}{unit}"
    return found or "0s"


@dataclass(frozen=True)
class Limit:
    """When one alert holds. What an alert does not use is 0 or empty.

    Attributes:
        above: it holds above this, or ...
        below: ... below this.
        at_least: and only where the share is at least this.
        window: over how long it is measured, as written in the file, e.g. `5m`.
        lasting: how long it must hold, scaled, as PromQL.
        severity: page, critical, warning or none.
        kind: decides how often it is repeated.
    """

    severity: str
    kind: str
    lasting: str
    window: str = ""
    above: float = 0
    below: float = 0
    at_least: float = 0


@dataclass(frozen=True)
class Burn:
    """One pair of windows of the objective's error budget."""

    burn: float
    long: str
    short: str
    lasting: str
    severity: str


@dataclass(frozen=True)
class Thresholds:
    """The threshold file, read.

    Attributes:
        scale: all durations are multiplied by it.
        settle_seconds: how late increments are taken, scaled.
    """

    scale: float
    interval_seconds: float
    settle_seconds: float
    gap_seconds: float
    minimum_calls: int
    daily_budget: float
    expensive_models: str
    expected_seconds: dict[str, dict[str, float]]
    objective: float
    burns: tuple[Burn, ...]
    limits: dict[str, Limit] = field(repr=False)

    def time(self, written: str) -> str:
        """A duration of the file, scaled, as PromQL."""
        return duration(seconds(written) * self.scale)

    @property
    def interval(self) -> str:
        """How often increments are recorded, scaled."""
        return duration(self.interval_seconds * self.scale)

    @property
    def gap(self) -> str:
        """How long a series may be away, scaled."""
        return duration(self.gap_seconds * self.scale)

    def window(self, written: str) -> str:
        """A range over recorded increments: a millisecond short of the duration.

        A range of Prometheus 2 contains both its ends. Increments lie exactly an interval apart,
        so a range evaluated at the same instants would count one of them too many.
        """
        return duration(seconds(written) * self.scale - 0.001)


def load(path: Path = FILE, scale: float | None = None) -> Thresholds:
    """Read the file.

    Args:
        path: where it is.
        scale: instead of its `time_scale`.

    Raises:
        KeyError: something is missing in it.
        ValueError: a duration is none.
    """
    raw: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    factor = float(raw["time_scale"]) if scale is None else scale

    def lasting(entry: dict[str, Any]) -> str:
        return duration(seconds(str(entry["for"])) * factor)

    limits = {}
    for name, entry in raw["alerts"].items():
        numbers = {k: v for k, v in entry.items() if k != "for"}
        limits[name] = Limit(lasting=lasting(entry), **numbers)
    burns = tuple(
        Burn(b["burn"], b["long"], b["short"], lasting(b), b["severity"])
        for b in raw["slo"]["burns"]
    )
    return Thresholds(
        scale=factor,
        interval_seconds=seconds(raw["interval"]),
        settle_seconds=seconds(raw["settle"]) * factor,
        gap_seconds=seconds(raw["gap"]),
        minimum_calls=raw["minimum_calls"],
        daily_budget=raw["daily_budget"],
        expensive_models=raw["expensive_models"],
        expected_seconds=raw["expected_seconds"],
        objective=raw["slo"]["objective"],
        burns=burns,
        limits=limits,
    )
