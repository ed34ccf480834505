"""The models the emulator knows, and what the API makes of a model name.

Ids of 4.6 and later are dateless and are the pinned snapshot. Aliases of older models come back
as the dated id. Any other `claude-` id is accepted as it is, so that tomorrow's model works too;
ids that do not start with `claude-`, and `claude-unknown...`, are 404.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ALIASES = {
    "claude-opus-4-5": "claude-opus-4-5-20251101",
    "claude-sonnet-4-5": "claude-sonnet-4-5-20250929",
    "claude-haiku-4-5": "claude-haiku-4-5-20251001",
    "claude-opus-4-1": "claude-opus-4-1-20250805",
    "claude-opus-4-0": "claude-opus-4-20250514",
    "claude-sonnet-4-0": "claude-sonnet-4-20250514",
    "claude-3-7-sonnet-latest": "claude-3-7-sonnet-20250219",
    "claude-3-5-sonnet-latest": "claude-3-5-sonnet-20241022",
    "claude-3-5-haiku-latest": "claude-3-5-haiku-20241022",
    "claude-3-opus-latest": "claude-3-opus-20240229",
}

FAST = frozenset(
    {
        "claude-fable-5-2",
        "claude-mythos-5-2",
        "claude-opus-5-5",
        "claude-opus-5",
        "claude-opus-4-8",
    }
)
"""Models on which `speed: fast` runs (and bills) fast."""

FAST_IGNORED = frozenset({"claude-opus-4-6"})
"""Models that accept `speed: fast` and run standard."""


@dataclass(frozen=True)
class Model:
    """One row of the catalogue; token limits as published."""

    id: str
    display_name: str
    created_at: str
    max_input_tokens: int = 1_000_000
    max_tokens: int = 128_000
    lifecycle: str = "active"

    @property
    def modern(self) -> bool:
        """Whether the model is of 4.6 or later: data residency is offered from there on."""
        return self.max_input_tokens > 200_000

    def to_dict(self) -> dict[str, Any]:
        """The model as `GET /v1/models` lists it."""
        return {
            "type": "model",
            "id": self.id,
            "display_name": self.display_name,
            "created_at": self.created_at,
            "lifecycle": self.lifecycle,
            "deprecated_at": None,
            "capabilities": None,
            "line": self.id.split("-")[1],
            "max_input_tokens": self.max_input_tokens,
            "max_tokens": self.max_tokens,
        }


def _row(model_id: str, name: str, day: str, *, old: bool = False) -> Model:
    limits = (200_000, 64_000) if old else (1_000_000, 128_000)
    return Model(model_id, f"Claude {name}", f"{day}T00:00:00Z", *limits)


CATALOGUE = (
    _row("claude-fable-5-2", "Fable 5.2", "2026-11-09"),
    _row("claude-mythos-5-2", "Mythos 5.2", "2026-11-09"),
    _row("claude-haiku-5-5", "Haiku 5.5", "2026-10-07"),
    _row("claude-sonnet-5-5", "Sonnet 5.5", "2026-09-28"),
    _row("claude-opus-5-5", "Opus 5.5", "2026-09-22"),
    _row("claude-fable-5-1", "Fable 5.1", "2026-09-01"),
    _row("claude-mythos-5-1", "Mythos 5.1", "2026-09-01"),
    _row("claude-opus-5", "Opus 5", "2026-07-24"),
    _row("claude-sonnet-5", "Sonnet 5", "2026-06-30"),
    _row("claude-fable-5", "Fable 5", "2026-06-09"),
    _row("claude-mythos-5", "Mythos 5", "2026-06-09"),
    _row("claude-opus-4-8", "Opus 4.8", "2026-05-28"),
    _row("claude-opus-4-7", "Opus 4.7", "2026-04-16"),
    _row("claude-opus-4-6", "Opus 4.6", "2026-02-05"),
    _row("claude-sonnet-4-6", "Sonnet 4.6", "2026-02-17"),
    _row("claude-opus-4-5-20251101", "Opus 4.5", "2025-11-01", old=True),
    _row("claude-haiku-4-5-20251001", "Haiku 4.5", "2025-10-01", old=True),
    _row("claude-sonnet-4-5-20250929", "Sonnet 4.5", "2025-09-29", old=True),
)
_BY_ID = {model.id: model for model in CATALOGUE}


def resolve(name: str) -> Model | None:
    """The model behind a name, or None where the API would answer 404."""
    if not name.startswith("claude-") or name.startswith("claude-unknown"):
        return None
    model_id = ALIASES.get(name, name)
    known = _BY_ID.get(model_id)
    if known:
        return known
    old = model_id.startswith(
        ("claude-3", "claude-opus-4-1", "claude-opus-4-2025", "claude-sonnet-4-2025", "claude-2")
    )
    title = model_id.removeprefix("claude-").replace("-", " ").title()
    return _row(model_id, title, "2026-01-01", old=old)
