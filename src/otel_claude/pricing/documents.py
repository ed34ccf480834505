"""Reading price files: JSON with exact numbers, and errors that name file, key and problem."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, NoReturn

from otel_claude.pricing.book import Book, Card, LongPrompt, Model

SCHEMA = 1
"""Version of the format of price files; a file of a newer one is refused."""

_MAX_DIGITS = 18
_RATES = ("input", "cache_write_5m", "cache_write_1h", "cache_read", "output")


class PriceFileError(ValueError):
    """A price file cannot be used; the message names the file, the key and the problem."""


class Node(NamedTuple):
    """A value of a document together with where it stands."""

    source: str
    key: str
    value: Any

    def fail(self, problem: str) -> NoReturn:
        """Raise `PriceFileError` about this place."""
        place = f"{self.source}: {self.key}" if self.key else self.source
        raise PriceFileError(f"{place}: {problem}")

    def at(self, key: str | int) -> Node:
        """The value under a key; a missing one reads as None."""
        path = f"{self.key}[{key}]" if isinstance(key, int) else f"{self.key}.{key}".lstrip(".")
        value = self.value[key] if isinstance(key, int) else self.value.get(key)
        return Node(self.source, path, value)

    def mapping(self, *keys: str, optional: tuple[str, ...] = ()) -> Node:
        """This node, checked to be an object with these keys and no others."""
        if not isinstance(self.value, dict):
            self.fail(f"must be an object, is {_called(self.value)}")
        if keys or optional:
            for key in self.value:
                if key not in keys and key not in optional:
                    known = ", ".join((*keys, *optional))
                    self.at(key).fail(f"unknown key; known are {known}")
        for key in keys:
            if key not in self.value:
                self.at(key).fail("is missing")
        return self

    def items(self) -> list[Node]:
        """The values of an array, or of an object by key."""
        if isinstance(self.value, list):
            return [self.at(place) for place in range(len(self.value))]
        return [self.at(key) for key in self.mapping().value]

    def array(self) -> list[Node]:
        """The values of an array; none where the key is absent."""
        if self.value is None:
            return []
        if not isinstance(self.value, list):
            self.fail(f"must be an array, is {_called(self.value)}")
        return self.items()

    def text(self) -> str:
        """A non-empty string."""
        if not isinstance(self.value, str) or not self.value:
            self.fail(f"must be a non-empty string, is {_called(self.value)}")
        return self.value

    def number(self) -> str:
        """A decimal number that is not negative, as a string; JSON numbers keep their digits."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
            self.fail(f"must be a number, is {_called(value)}")
        try:
            number = Decimal(value)
        except InvalidOperation:
            self.fail(f"must be a number, is {value!r}")
        if not number.is_finite() or number < 0:
            self.fail(f"must be a number that is not negative, is {value}")
        if len(number.as_tuple().digits) > _MAX_DIGITS or abs(number.adjusted()) > _MAX_DIGITS:
            self.fail(f"has more than {_MAX_DIGITS} digits")
        plain = f"{number:f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain

    def flag(self, default: bool) -> bool:
        """A truth value, or the default where the key is absent."""
        if self.value is None:
            return default
        if not isinstance(self.value, bool):
            self.fail(f"must be true or false, is {_called(self.value)}")
        return self.value

    def tokens(self) -> int | None:
        """A whole number of tokens, or None where the key is absent."""
        if self.value is None:
            return None
        value: object = self.value
        if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
            self.fail(f"must be a whole number above zero, is {value!r}")
        return value

    def day(self) -> str | None:
        """An ISO date, or None where the key is absent."""
        if self.value is None:
            return None
        try:
            return date.fromisoformat(self.text()).isoformat()
        except ValueError:
            self.fail(f"must be a date as 2026-11-21, is {self.value!r}")

    def card(self, *others: str) -> Card:
        """Five rates in USD per million tokens, and the day they end, if there is one."""
        self.mapping(*_RATES, optional=("until", *others))
        plain, short, long, read, output = (self.at(name).number() for name in _RATES)
        return Card(plain, short, long, read, output, self.at("until").day())

    def long(self) -> LongPrompt | None:
        """The card for prompts above a length."""
        if self.value is None:
            return None
        card = self.card("above")
        above = self.at("above").tokens()
        if above is None:
            self.at("above").fail("is missing")
        return LongPrompt(above, card)

    def fast(self) -> Card | None:
        """The card of fast mode."""
        return None if self.value is None else self.card()


def parse(source: str, content: str | bytes) -> Node:
    """A JSON document of a known schema.

    Raises:
        PriceFileError: it is not JSON, has a key twice, or is of another schema.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise PriceFileError(f"{source}: {key}: stands there twice")
            found[key] = value
        return found

    try:
        value = json.loads(content, parse_float=Decimal, object_pairs_hook=unique)
    except PriceFileError:
        raise
    except (ValueError, RecursionError) as error:
        raise PriceFileError(f"{source}: is not valid JSON: {error}") from error
    root = Node(source, "", value).mapping()
    schema = root.value.get("schema", SCHEMA)
    if schema != SCHEMA or isinstance(schema, bool):
        root.at("schema").fail(f"must be {SCHEMA}, is {schema!r}")
    return root


def read_book(source: str, content: str | bytes) -> Book:
    """A whole price book, in the format that `dump_book` writes.

    Raises:
        PriceFileError: the document is not a price book; nothing of it is used.
    """
    root = parse(source, content)
    root.mapping("schema", "version", "web_search", "refusals", "models")
    refusals = []
    for row in root.at("refusals").array():
        row.mapping("from", "billed")
        since = row.at("from").day() or row.at("from").fail("is missing")
        refusals.append((since, tuple(entry.text() for entry in row.at("billed").array())))
    models = tuple(_model(row) for row in root.at("models").array())
    if not models:
        root.at("models").fail("is empty")
    names = [name for model in models for name in (model.name, *model.aliases)]
    for name in names:
        if names.count(name) > 1:
            root.at("models").fail(f"{name!r} stands there twice")
    version = root.at("version").text()
    return Book(version, models, tuple(sorted(refusals)), root.at("web_search").number())


def dump_book(book: Book) -> dict[str, Any]:
    """A price book as JSON types; `read_book` reads the same book back."""
    return {
        "schema": SCHEMA,
        "version": book.version,
        "web_search": book.web_search,
        "refusals": [{"from": day, "billed": list(billed)} for day, billed in book.refusals],
        "models": [_dump_model(model) for model in book.models],
    }


def _model(row: Node) -> Model:
    row.mapping(
        "name",
        "rates",
        optional=(
            "launched",
            "earlier",
            "long_prompt",
            "fast",
            "geo",
            "regional_premium",
            "context_window",
            "retires",
            "aliases",
        ),
    )
    return Model(
        row.at("name").text(),
        row.at("launched").day(),
        row.at("rates").card(),
        earlier=tuple(entry.card() for entry in row.at("earlier").array()),
        long=row.at("long_prompt").long(),
        fast=row.at("fast").fast(),
        geo=row.at("geo").flag(default=False),
        regional=row.at("regional_premium").flag(default=False),
        window=row.at("context_window").tokens(),
        retires=row.at("retires").day(),
        aliases=tuple(entry.text() for entry in row.at("aliases").array()),
    )


def _dump_model(model: Model) -> dict[str, Any]:
    long = model.long
    return {
        "name": model.name,
        "launched": model.launched,
        "rates": _dump_card(model.rates),
        "earlier": [_dump_card(card) for card in model.earlier],
        "long_prompt": {"above": long.above, **_dump_card(long.card)} if long else None,
        "fast": _dump_card(model.fast) if model.fast else None,
        "geo": model.geo,
        "regional_premium": model.regional,
        "context_window": model.window,
        "retires": model.retires,
        "aliases": list(model.aliases),
    }


def _dump_card(card: Card) -> dict[str, str]:
    rates = dict(zip(_RATES, card[:5], strict=True))
    return rates if card.until is None else {**rates, "until": card.until}


def _called(value: object) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a truth value"}
    return "missing" if value is None else names.get(type(value), "a number")
