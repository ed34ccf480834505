"""A user's own prices: a JSON file laid over the price book. The format is in docs/pricing.md."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import TYPE_CHECKING

from otel_claude.pricing.book import Model
from otel_claude.pricing.documents import Node, PriceFileError, parse
from otel_claude.pricing.models import spellings, take_apart
from otel_claude.pricing.prices import Overrides

if TYPE_CHECKING:
    from otel_claude.pricing.book import Book

__all__ = ["PriceFileError", "load"]

PLATFORMS = (
    "anthropic",
    "bedrock",
    "bedrock_mantle",
    "vertex",
    "foundry",
    "aws",
    "google_cloud",
)

_KEYS = ("schema", "name", "multiplier", "platforms", "aliases", "models")
_CARD_KEYS = ("long_prompt", "fast", "geo", "regional_premium", "context_window")


def load(path: str | os.PathLike[str], book: Book) -> Overrides:
    """Read and check an override file.

    Raises:
        PriceFileError: it cannot be read, or any part of it is not valid.
    """
    source = os.fspath(path)
    try:
        with open(source, "rb") as file:  # noqa: PTH123 - pathlib is not imported for one read
            content = file.read()
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise PriceFileError(f"{source}: cannot be read: {problem}") from error
    root = parse(source, content).mapping(optional=_KEYS)
    index = {name: model for model in book.models for name in (model.name, *model.aliases)}
    models = {}
    for row in _each(root.at("models")):
        name = row.key.removeprefix("models.")
        models[name] = _model(name, row, index)
    label = root.at("name").value
    if label is not None:
        root.at("name").text()
    return Overrides(
        models,
        _aliases(root, index, models),
        root.at("multiplier").number() if root.at("multiplier").value is not None else "1",
        _platforms(root),
        label or sha256(content).hexdigest()[:8],
    )


def _each(node: Node) -> list[Node]:
    return [] if node.value is None else node.mapping().items()


def _model(name: str, row: Node, index: dict[str, Model]) -> Model:
    """An own price for a model. It replaces all of the listed price; facts are kept."""
    card = row.card(*_CARD_KEYS)
    if card.until:
        row.at("until").fail("an override has no end date")
    listed = index.get(take_apart(name).name or "")
    return Model(
        listed.name if listed else name,
        listed.launched if listed else None,
        card,
        long=row.at("long_prompt").long(),
        fast=row.at("fast").fast(),
        geo=row.at("geo").flag(default=listed.geo if listed else False),
        regional=row.at("regional_premium").flag(default=listed.regional if listed else False),
        window=row.at("context_window").tokens() or (listed.window if listed else None),
        retires=listed.retires if listed else None,
    )


def _aliases(root: Node, index: dict[str, Model], models: dict[str, Model]) -> dict[str, str]:
    aliases = {}
    for row in _each(root.at("aliases")):
        target = row.text()
        if models.keys().isdisjoint(spellings(target)) and take_apart(target).name not in index:
            row.fail(f"{target!r} is neither in the price book nor in models")
        aliases[row.key.removeprefix("aliases.")] = target
    return aliases


def _platforms(root: Node) -> dict[str, str]:
    platforms = {}
    for row in _each(root.at("platforms")):
        name = row.key.removeprefix("platforms.")
        if name not in PLATFORMS:
            row.fail(f"unknown platform; known are {', '.join(PLATFORMS)}")
        platforms[name] = row.number()
    return platforms
