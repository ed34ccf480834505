"""kill -9 during ingest, a hundred times."""

from __future__ import annotations

import pytest

pytest.importorskip("duckdb")

from tests.local.crash import crash


@pytest.mark.timeout(1200)
def test_a_hundred_kills(tmp_path):
    stored, repeated = crash(str(tmp_path / "calls.duckdb"), 100)
    assert stored > 2_000
    assert repeated > 50
