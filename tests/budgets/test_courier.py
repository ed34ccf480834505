"""How a process talks to a Redis: what is left to do is done, whenever it comes."""

from __future__ import annotations

import threading

import pytest

from otel_claude.budgets.courier import Courier


@pytest.fixture
def done():
    return []


@pytest.fixture
def courier(done):
    class Line:
        def run(self, errands):
            done.extend(errand.script for errand in errands)
            return [b""] * len(errands)

        def close(self):
            pass

    made = Courier(Line, "a line", 0.05)
    yield made
    made.close(5)


def test_what_ends_after_the_end_is_settled_all_the_same(courier, done):
    """A stream may outlive `uninstrument`."""
    courier.tell("in time", [], [])
    courier.close(5)
    courier.tell("late", [], [])
    assert courier.flush(5)
    assert done == ["in time", "late"]


def test_a_thread_that_cannot_be_started_now_is_started_later(courier, done, monkeypatch):
    def no_more(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_more)
        courier.tell("first", [], [])
    courier.tell("second", [], [])
    assert courier.flush(5)
    assert done == ["first", "second"]
