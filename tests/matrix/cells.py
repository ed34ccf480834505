"""What a cell of the matrix is, and what is expected of its telemetry. Imports no SDK."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from tests.matrix.world import CLASSES, World

Program = Callable[[World], Coroutine[Any, Any, None]]
Lacks = Callable[[], "str | None"]

PROVIDERS = {"bedrock": "aws.bedrock", "mantle": "aws.bedrock", "vertex": "gcp.vertex_ai"}


@dataclass(frozen=True)
class Expect:
    """What the telemetry of a cell must say.

    Attributes:
        calls: how many calls, and so spans, the program makes.
        outcome: allowed outcomes.
        error: `error.type`, or several with `|` between; None for none.
        usage: `ledger` (all of it, as billed), `input` (the prompt, but no output), `none`,
            `any` (not checked, as it hangs on timing).
        content: whether content came on a stream; None for not checked.
        retries: how many attempts failed and were repeated.
        operation, provider, stream: as the span says them.
    """

    calls: int = 1
    outcome: tuple[str, ...] = ("completed",)
    error: str | None = None
    usage: str = "ledger"
    content: bool | None = None
    retries: int = 0
    operation: str = "chat"
    provider: str = "anthropic"
    stream: bool = False

    def but(self, **changes: Any) -> Expect:
        """The same with changes."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Cell:
    """A surface, an ending and a mode."""

    surface: str
    ending: str
    mode: str
    program: Program
    expect: Expect
    lacks: Lacks = field(default=lambda: None)

    @property
    def name(self) -> str:
        """As the test is called."""
        return f"{self.surface}-{self.ending}-{self.mode}"


@cache
def lacks(path: str, kind: str = "anthropic") -> Lacks:
    """Tells why the SDK at hand lacks a surface: its client class, or a method of the client."""

    @cache
    def why() -> str | None:
        import anthropic

        client = getattr(anthropic, CLASSES[kind], None)
        if client is None:
            return f"no {CLASSES[kind]}"
        found: Any = World("http://127.0.0.1:9", lambda: 0, is_async=False)._make(kind)
        try:
            for name in path.split("."):
                found = getattr(found, name)
        except AttributeError:
            return f"no {path}"
        return None

    return why
