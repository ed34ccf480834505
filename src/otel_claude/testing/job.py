"""A messages request that has passed validation, with all that answering it needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otel_claude.testing.cache import CacheUse
from otel_claude.testing.tokens import Segment, as_blocks

if TYPE_CHECKING:
    from otel_claude.testing.identity import Identity
    from otel_claude.testing.models import Model
    from otel_claude.testing.scenarios import Scenario

Json = dict[str, Any]
"""A JSON object."""


@dataclass
class Job:
    """One inference to be done.

    Attributes:
        body: the request, as validated; on a thread with the messages held on the server.
        model: the model that was asked for.
        identity: source of ids and randomness.
        scenario: how to behave.
        beta: whether beta fields (`usage.iterations`) are shown.
        betas: the `anthropic-beta` header.
        batch: whether this is an item of a batch.
        cloud: "" for the API itself, else "bedrock" or "vertex".
        pieces: the prompt as the cache sees it.
        cache: what the cache did for it.
    """

    body: Json
    model: Model
    identity: Identity
    scenario: Scenario
    beta: bool = False
    betas: str = ""
    batch: bool = False
    cloud: str = ""
    pieces: list[Segment] = field(default_factory=list)
    cache: CacheUse = field(default_factory=CacheUse)

    @property
    def last_blocks(self) -> list[Json]:
        """The content of the last message."""
        return as_blocks(self.body["messages"][-1].get("content"))

    @property
    def last_text(self) -> str:
        """The text of the last message."""
        return " ".join(str(b.get("text", "")) for b in self.last_blocks if b.get("type") == "text")

    @property
    def tools(self) -> list[Json]:
        """The tools of the request."""
        return [tool for tool in self.body.get("tools") or () if isinstance(tool, dict)]
