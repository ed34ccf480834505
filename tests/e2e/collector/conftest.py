"""Servers for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.backends import Collector, Prometheus
from tests.e2e.collector.sink import Sink


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as made:
        yield made


@pytest.fixture
def collector(tmp_path: Path, sink: Sink) -> Iterator[Collector]:
    """The one-file configuration, which sends to `sink`."""
    with Collector(tmp_path, env=sink.env) as made:
        yield made


@pytest.fixture
def prometheus(tmp_path: Path, collector: Collector) -> Iterator[Prometheus]:
    """It scrapes `collector`."""
    with Prometheus(tmp_path, collector.pages) as made:
        yield made
