"""A few kills; tests/e2e/test_crash.py has the hundred."""

from __future__ import annotations

import pytest

from tests.local.crash import crash


@pytest.mark.skipif("not hasattr(__import__('os'), 'fork')", reason="needs fork")
def test_nothing_acknowledged_is_lost_and_nothing_is_there_twice(tmp_path):
    stored, repeated = crash(str(tmp_path / "calls.duckdb"), 6)
    assert stored
    assert repeated, "some requests were under way when the server died"
