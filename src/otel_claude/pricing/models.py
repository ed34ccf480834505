"""From the many spellings of a model id to the one in the price book, and facts about models.

Prefixes, suffixes and dates that say where or when a model is served are stripped; what is left
must be in the book exactly. No family or prefix match: a model the book does not have is unknown,
never priced as its neighbour.
"""

import re
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from otel_claude.pricing.prices import Prices

IN_REGION = "in-region"
"""Scope of a Bedrock id without a geographic prefix: inference stays in the client's region."""

# Patterns are compiled when first used, and kept by `re`: importing them costs nothing.
_BEDROCK = r"(?:(global|us|eu|jp|au|apac|in|us-gov)\.)?anthropic\.(.+)"
_ARN = r"arn:[^:]*:bedrock:[^:]*:[^:]*:(inference-profile|foundation-model)/([^/]+)"
_SUFFIXES = (
    r"\[1m\]\Z",  # Claude Code's mark for the long context
    r"@(?:\d{8}|default|latest)\Z",  # Vertex AI
    r"-v\d+(?::\d+)?\Z",  # Bedrock
    r"-\d{8}\Z",  # snapshots
)
_CLAUDE = r"claude-(?:[a-z]+-)?\d.*"


class Id:
    """A model id taken apart.

    Attributes:
        name: what is left once the spelling of the platform is stripped; None where the id does
            not name a model.
        scope: where inference runs, as a Bedrock id says it: `global`, a geography (`us`, `eu`,
            ...), `in-region`, or None where the id says nothing.
        opaque: the id is an ARN that hides the model (an application inference profile, for one).
    """

    __slots__ = ("name", "opaque", "scope")

    def __init__(self, name: str | None, scope: str | None = None, *, opaque: bool = False) -> None:
        self.name = name
        self.scope = scope
        self.opaque = opaque


class Resolved(NamedTuple):
    """What `resolve` found: canonical model (None: not in the book), scope, and opacity."""

    model: str | None
    scope: str | None
    opaque: bool


def take_apart(model_id: object) -> Id:
    """Strip what platforms add to a model id. Never raises, and asks no price book."""
    if not isinstance(model_id, str) or not model_id:
        return Id(None)
    scope: str | None = None
    name = model_id
    if name.startswith("arn:"):
        arn = re.fullmatch(_ARN, name)
        if arn is None:
            return Id(None, opaque=True)
        name = arn[2]
    if bedrock := re.fullmatch(_BEDROCK, name):
        scope, name = bedrock.groups(IN_REGION)
    for suffix in _SUFFIXES:
        name = re.sub(suffix, "", name)
    return Id(name, scope)


def spellings(model_id: str) -> tuple[str, ...]:
    """The id, and without what platforms add where it is a Claude model's: other names are whole."""
    parts = take_apart(model_id)
    if parts.name and (parts.scope or re.fullmatch(_CLAUDE, parts.name)):
        return model_id, parts.name
    return (model_id,)


def resolve(model_id: str, *, prices: "Prices | None" = None) -> Resolved:
    """The canonical id of a model and where it is served, by exact match.

    Args:
        model_id: an id of the Claude API, Bedrock (with prefixes, versions and ARNs), Vertex AI,
            or a name that `prices` has an alias or a card for.
        prices: the book to look in; None is the built-in one.

    Returns:
        `model` is None where the book has no such model. Never raises.
    """
    return _book(prices).resolve(model_id)


def context_window(model_id: str, *, prices: "Prices | None" = None) -> int | None:
    """Tokens of the model's context window, or None where the book does not know it."""
    model = _book(prices).model(model_id)
    return model.window if model else None


def retirement(model_id: str, *, prices: "Prices | None" = None) -> date | None:
    """The day on which the Claude API retires the model, or None where none is announced.

    From the deprecation table of the Anthropic SDK; clouds may serve a model for longer.
    """
    model = _book(prices).model(model_id)
    return date.fromisoformat(model.retires) if model and model.retires else None


def _book(prices: "Prices | None") -> "Prices":
    from otel_claude.pricing.prices import LIST

    return LIST if prices is None else prices
