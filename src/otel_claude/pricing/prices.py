"""`Prices`: a price book with a user's overrides, which makes the plans that calls are priced by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_claude.pricing import reasons
from otel_claude.pricing.book import (
    BATCH,
    BUILT_IN,
    GEO,
    GEO_PLATFORMS,
    REGIONAL,
    Book,
    Card,
    Model,
)
from otel_claude.pricing.models import Id, Resolved, spellings, take_apart
from otel_claude.pricing.plans import Context, Plan, Rates, in_force, interval, places, whole

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

_PLANS_KEPT = 1024
_BEDROCK = ("bedrock", "bedrock_mantle")


class Overrides:
    """What a user knows about prices that the list does not; see `Prices.load`."""

    __slots__ = ("aliases", "label", "models", "multiplier", "platforms")

    def __init__(
        self,
        models: Mapping[str, Model],
        aliases: Mapping[str, str],
        multiplier: str,
        platforms: Mapping[str, str],
        label: str,
    ) -> None:
        self.models = models
        self.aliases = aliases
        self.multiplier = multiplier
        self.platforms = platforms
        self.label = label


_NONE = Overrides({}, {}, "1", {}, "")


class _Found:
    """A model id looked up; `overridden` where the user's own names or cards answered."""

    __slots__ = ("model", "opaque", "overridden", "scope")

    def __init__(
        self, model: Model | None, scope: str | None, opaque: bool, overridden: bool
    ) -> None:
        self.model = model
        self.scope = scope
        self.opaque = opaque
        self.overridden = overridden


class Prices:
    """The price book with overrides. Immutable; safe to share between threads."""

    __slots__ = ("_book", "_exponent", "_index", "_overrides", "plans", "version")

    def __init__(self, book: Book = BUILT_IN, overrides: Overrides = _NONE) -> None:
        self._book = book
        self._overrides = overrides
        self._index: dict[str, Model] | None = None
        self._exponent: int | None = None
        self.plans: dict[Any, Plan] = {}
        self.version = f"{book.version}+{overrides.label}" if overrides.label else book.version

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, book: Book = BUILT_IN) -> Prices:
        """The price book with the overrides of a JSON file.

        Raises:
            PriceFileError: the file cannot be read or is not valid; the message names the file,
                the key and the problem.
        """
        from otel_claude.pricing.overrides import load

        return cls(book, load(path, book))

    def with_book(self, book: Book) -> Prices:
        """The same overrides over another book."""
        return Prices(book, self._overrides)

    @property
    def book(self) -> Book:
        """The book under the overrides."""
        return self._book

    @property
    def exponent(self) -> int:
        """Amounts are whole numbers of 10**-exponent USD."""
        if self._exponent is None:
            self._exponent = self._measure()
        return self._exponent

    def model(self, model_id: object) -> Model | None:
        """The row of a model, under any of its ids, or None. Never raises."""
        return self._find(model_id).model

    def resolve(self, model_id: object) -> Resolved:
        """Canonical id and scope of a model id. Never raises."""
        found = self._find(model_id)
        return Resolved(found.model.name if found.model else None, found.scope, found.opaque)

    def plan(self, context: Context, at: float) -> Plan:
        """The plan for a call that started at `at`, made now and kept for the next one."""
        plan = self._build(context, at)
        if len(self.plans) >= _PLANS_KEPT:
            self.plans.clear()
        self.plans[context.key] = plan
        return plan

    def models(self) -> tuple[Model, ...]:
        """Every model of the book, then those that only the overrides have."""
        book = {model.name: model for model in self._book.models}
        return tuple((book | dict(self._overrides.models)).values())

    # How a plan is made.

    def _build(self, context: Context, at: float) -> Plan:
        found, scope = self._choose(context)
        if found.model is None:
            reason = reasons.OPAQUE_PROFILE if found.opaque else reasons.UNKNOWN_MODEL
            return Plan(self.exponent, self.version, reason)
        plan = Plan(self.exponent, self.version)
        plan.model = found.model.name
        plan.start, plan.end = interval(found.model, at)
        batch = bool(context.batch) or context.tier == "batch"
        doubts: list[str] = []
        self._card(plan, found.model, at, context, batch, doubts)
        self._factors(plan, found, scope, context, batch, doubts)
        plan.doubts = tuple(doubts)
        plan.search_doubts = (reasons.BATCH_WEB_SEARCH,) if batch else ()
        self._fold(plan)
        return plan

    def _choose(self, context: Context) -> tuple[_Found, str | None]:
        """The model to price by, and where it ran. What the response says comes first."""
        said, asked = self._find(context.model), self._find(context.request_model)
        scope = said.scope or asked.scope
        if not context.own:
            return said, scope
        deployment = asked.overridden and take_apart(context.request_model).name not in self._names
        if deployment and not said.overridden:
            # A deployment or profile with a price of its own, whatever the response calls it.
            return asked, scope
        if said.model is None and not _names_claude(context.model):
            asked.opaque = asked.opaque or said.opaque
            return asked, scope
        return said, scope

    def _card(
        self, plan: Plan, model: Model, at: float, context: Context, batch: bool, doubts: list[str]
    ) -> None:
        plan.card = next((c for c in model.earlier if in_force(c, at)), model.rates)
        if context.speed == "fast":
            if model.fast and in_force(model.fast, at) and not batch:
                plan.card, plan.card_name = model.fast, "fast"
                return
            if context.own:
                doubts.append(reasons.FAST_CARD)
        if model.long and in_force(model.long.card, at):
            plan.long_above, plan.long_card = model.long.above, model.long.card

    def _factors(
        self,
        plan: Plan,
        found: _Found,
        scope: str | None,
        context: Context,
        batch: bool,
        doubts: list[str],
    ) -> None:
        model, platform = found.model, context.platform
        factors = [(BATCH, "batch")] if batch else []
        if platform in _BEDROCK or platform == "vertex" or scope:
            if model and model.regional:
                factors += _regional(platform, scope, context, doubts)
        elif context.geo == "us" and model and model.geo and platform in GEO_PLATFORMS:
            factors.append((GEO, "US-only inference"))
        overrides = self._overrides
        card = any(found.model is row for row in overrides.models.values())
        own = overrides.platforms.get(platform) if isinstance(platform, str) else None
        if own is not None:
            factors.append((own, f"your multiplier for {platform}"))
        elif platform == "foundry" and not card:
            doubts.append(reasons.FOUNDRY_DEPLOYMENT)
        if overrides.multiplier != "1":
            plan.search_factors = ((overrides.multiplier, "your multiplier"),)
            factors += plan.search_factors
        if context.tier == "priority":
            plan.basis = reasons.COMMITMENT_EQUIVALENT
        elif card or overrides.multiplier != "1" or own not in (None, "1"):
            plan.basis = reasons.OVERRIDE
        plan.factors = tuple(factors)

    def _fold(self, plan: Plan) -> None:
        exponent = self.exponent
        by = [factor for factor, _ in plan.factors]

        def rates(card: Card) -> Rates:
            return (
                whole(exponent - 6, card.input, *by),
                whole(exponent - 6, card.read, *by),
                whole(exponent - 6, card.write_5m, *by),
                whole(exponent - 6, card.write_1h, *by),
                whole(exponent - 6, card.output, *by),
            )

        if plan.card:
            plan.rates = rates(plan.card)
        plan.long_rates = rates(plan.long_card) if plan.long_card else plan.rates
        plan.search_price = self._book.web_search
        plan.search = whole(exponent, plan.search_price, self._overrides.multiplier)

    def _measure(self) -> int:
        """Decimal places that make every folded rate whole."""
        cards: list[Card] = []
        for model in self.models():
            cards += [model.rates, *model.earlier]
            cards += [model.long.card] if model.long else []
            cards += [model.fast] if model.fast else []
        rate = max(places(value) for card in cards for value in card[:5])
        own = max((places(value) for value in self._overrides.platforms.values()), default=0)
        shared = places(self._overrides.multiplier)
        return max(12, 6 + rate + places(BATCH) + places(GEO) + own + shared)

    # Names.

    @property
    def _names(self) -> dict[str, Model]:
        if self._index is None:
            index: dict[str, Model] = {}
            for model in self._book.models:
                index.update(dict.fromkeys((model.name, *model.aliases), model))
            self._index = index
        return self._index

    def _find(self, model_id: object) -> _Found:
        if not isinstance(model_id, str) or not model_id:
            return _Found(None, None, False, False)
        parts = take_apart(model_id)
        own, aliases = self._overrides.models, self._overrides.aliases
        for name in spellings(model_id):
            if name in own:
                return _Found(own[name], parts.scope, False, True)
            if name in aliases:
                return self._aliased(aliases[name], parts)
        row = self._names.get(parts.name or "")
        if row is not None and row.name in own:
            return _Found(own[row.name], parts.scope, False, True)
        return _Found(row, parts.scope, parts.opaque, False)

    def _aliased(self, target: str, parts: Id) -> _Found:
        to = take_apart(target)
        own = self._overrides.models
        row = next((own[name] for name in spellings(target) if name in own), None)
        row = row or self._names.get(to.name or "")
        return _Found(row, to.scope or parts.scope, False, True)


def _names_claude(model_id: object) -> bool:
    """A response that names some Claude model means it: an unknown one stays unknown."""
    return isinstance(model_id, str) and "claude" in model_id.lower()


def _regional(
    platform: object, scope: str | None, context: Context, doubts: list[str]
) -> list[tuple[str, str]]:
    """The regional premium, and a doubt where the location is not known or its price not settled."""
    where = context.region if platform == "vertex" and not scope else scope
    if where == "global":
        return []
    if not where or platform == "bedrock_mantle" or where == "us-gov":
        doubts.append(reasons.REGIONAL_PREMIUM)
    return [(REGIONAL, f"regional endpoint ({where or 'location unknown'})")]


LIST = Prices()
"""List prices of the built-in book."""
