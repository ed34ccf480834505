"""`Run`: work of the SDK around calls: a tool runner's loop, or one run of a client-side tool."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Literal, Protocol

from otel_claude import _faults
from otel_claude.call import garbage
from otel_claude.call.fork import generation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_claude._attribution import Attribution
    from otel_claude.call.call import Call

Kind = Literal["invoke_agent", "execute_tool"]


class RunObserver(Protocol):
    """Something that is told of every run."""

    def before_run(self, run: Run) -> None:
        """Called before it starts."""

    def after_run(self, run: Run) -> None:
        """Called once, when it has ended."""


class Run:
    """What is known of one run. Times as in `Call`.

    Attributes:
        name: of the tool; None for a tool runner's loop.
        model: that the loop asks, None for a tool.
        call_id: the model's id for this tool use.
        calls: how many calls the loop has made; `tools`: how many tools it has run.
        input_tokens: whole prompts of its calls, None where one did not say; `output_tokens`: likewise.
        arguments: of the tool, as it gets them; `result`: what it returned. None until there are any.
        finish_reason: raw stop reason of its last call.
        error_type: set where it failed: the tool raised or returned an error, the loop raised.
        observers: who is told of it, and of the tools it runs.
        waiting: tool uses the model asked for that have not run yet: (name, id).
    """

    __slots__ = (
        "_generation",
        "_once",
        "arguments",
        "attribution",
        "call_id",
        "calls",
        "context",
        "description",
        "ended",
        "error_type",
        "finish_reason",
        "input_tokens",
        "kind",
        "model",
        "name",
        "observers",
        "output_tokens",
        "result",
        "span",
        "started",
        "started_at",
        "tools",
        "waiting",
    )

    def __init__(
        self,
        kind: Kind,
        observers: Sequence[RunObserver],
        *,
        name: str | None = None,
        model: str | None = None,
    ) -> None:
        self.observers = observers
        self._once = threading.Lock()
        self._generation = generation()
        self.kind: Kind = kind
        self.name = name
        self.model = model
        self.call_id: str | None = None
        self.description: str | None = None
        self.arguments: object = None
        self.result: object = None
        self.attribution: Attribution | None = None
        self.started_at = time.time_ns()
        self.started = time.perf_counter_ns()
        self.ended: int | None = None
        self.calls = 0
        self.tools = 0
        self.input_tokens: int | None = 0
        self.output_tokens: int | None = 0
        self.finish_reason: str | None = None
        self.error_type: str | None = None
        self.waiting: list[tuple[str, str]] = []
        self.span: Any = None
        self.context: Any = None

    def begin(self) -> None:
        """Tell every observer. Never raises."""
        for observer in self.observers:
            try:
                observer.before_run(self)
            except Exception:
                _faults.report(f"{type(observer).__name__}.before_run")

    def finish(self, error_type: str | None = None) -> None:
        """End the run and tell every observer. Only the first end counts. Never raises."""
        if self._generation != generation() or not self._once.acquire(blocking=False):
            return
        self.ended = time.perf_counter_ns()
        self.error_type = error_type
        if not garbage.postpone(self._tell):
            self._tell()

    def _tell(self) -> None:
        if self._generation != generation():
            return
        for observer in self.observers:
            try:
                observer.after_run(self)
            except Exception:
                _faults.report(f"{type(observer).__name__}.after_run")

    def add(self, call: Call) -> None:
        """One of its calls has ended. Never raises."""
        self.calls += 1
        usage = call.usage
        prompt, output = usage.prompt_tokens, usage.output_tokens
        known = self.input_tokens is not None and prompt is not None
        self.input_tokens = (self.input_tokens or 0) + (prompt or 0) if known else None
        known = self.output_tokens is not None and output is not None
        self.output_tokens = (self.output_tokens or 0) + (output or 0) if known else None
        self.finish_reason = call.stop_reason

    def take_call_id(self, name: str) -> str | None:
        """The id of the next tool use of that name that the model asked for."""
        for index, (waiting, call_id) in enumerate(self.waiting):
            if waiting == name:
                del self.waiting[index]
                return call_id
        return None
