"""The price book: what Anthropic charges, as dated rows. Adding a model is adding one row.

Rates are USD per million tokens, in the order of Anthropic's pricing page:

    input, cache write (5 minutes), cache write (1 hour), cache read, output

and each is written out: none is derived from another, because no ratio holds for every model.
They are strings so that they stay exact. A date takes effect at 00:00 UTC of that day.

Rates, launch dates and rules are from https://platform.claude.com/docs/en/about-claude/pricing
and Anthropic's release notes; retirement dates from the deprecation table of the Anthropic SDK;
context windows from Anthropic's model overview, as genai-prices and litellm also have them.
"""

from typing import NamedTuple

PRICE_BOOK_VERSION = "2026-11-30"

WEB_SEARCH = "0.01"
"""USD for one web search; a search that failed is neither billed nor counted."""

BATCH = "0.5"
"""Message Batches: every token category of every model at half price."""

GEO = "1.1"
"""US-only inference: every token category, where the model and the platform have it."""

REGIONAL = "1.1"
"""Bedrock and Vertex AI: any location but the global one, where the model has the premium."""

GEO_PLATFORMS = ("anthropic", "aws", "google_cloud")
"""Platforms that honour and bill `inference_geo`: those that Anthropic itself operates."""

REFUSALS: tuple[tuple[str, tuple[str, ...]], ...] = (
    # from       categories billed although the model refused before any output
    ("2026-06-02", ()),
    ("2026-09-24", ("bio", "frontier_llm", "reasoning_extraction")),
)
"""Which refusals before output are billed, by date; before the first row it is not known."""


class Card(NamedTuple):
    """Five rates in USD per million tokens, and the day they end (None: still in force)."""

    input: str
    write_5m: str
    write_1h: str
    read: str
    output: str
    until: str | None = None


class LongPrompt:
    """The card for the whole request, output too, once its prompt exceeds `above` tokens.

    The prompt is uncached input, cache reads and cache writes together.
    """

    __slots__ = ("above", "card")

    def __init__(self, above: int, card: Card) -> None:
        self.above = above
        self.card = card


class Model:
    """One model: its rates and the facts that rules ask for.

    Attributes:
        name: canonical id, as the Claude API's undated alias has it.
        launched: first day, None where it does not matter any more.
        rates: the card in force now.
        earlier: cards before that, oldest first, each with the day it ended.
        long: the card for long prompts, if the model has one.
        fast: the card of fast mode, if the model has or had one.
        geo: US-only inference costs 1.1 times as much.
        regional: Bedrock's and Vertex AI's premium for regional locations applies.
        window: context window in tokens, None where it is not known.
        retires: the day the Claude API stops serving the model, where announced.
        aliases: other undated ids of the same model.
    """

    __slots__ = (
        "aliases",
        "earlier",
        "fast",
        "geo",
        "launched",
        "long",
        "name",
        "rates",
        "regional",
        "retires",
        "window",
    )

    def __init__(  # noqa: PLR0913 - a row has as many columns
        self,
        name: str,
        launched: str | None,
        rates: Card,
        *,
        earlier: tuple[Card, ...] = (),
        long: LongPrompt | None = None,
        fast: Card | None = None,
        geo: bool = True,
        regional: bool = True,
        window: int | None = 1_000_000,
        retires: str | None = None,
        aliases: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.launched = launched
        self.rates = rates
        self.earlier = earlier
        self.long = long
        self.fast = fast
        self.geo = geo
        self.regional = regional
        self.window = window
        self.retires = retires
        self.aliases = aliases


_200K = 200_000

# fmt: off
MODELS: tuple[Model, ...] = (
    #     name                 launched             input    write_5m  write_1h read    output
    Model("claude-fable-5-2",  "2026-11-09",  Card( "8",     "10",     "16",    "0.20", "40"),
                                         fast=Card("16",     "20",     "32",    "0.40", "80")),
    Model("claude-mythos-5-2", "2026-11-09",  Card( "8",     "10",     "16",    "0.20", "40"),
                                         fast=Card("16",     "20",     "32",    "0.40", "80")),
    Model("claude-fable-5-1",  "2026-09-01",  Card("10",     "12.5",   "20",    "0.25", "50")),
    Model("claude-mythos-5-1", "2026-09-01",  Card("10",     "12.5",   "20",    "0.25", "50")),
    Model("claude-fable-5",    "2026-06-09",  Card("10",     "12.5",   "20",    "1",    "50")),
    Model("claude-mythos-5",   "2026-06-09",  Card("10",     "12.5",   "20",    "1",    "50")),
    Model("claude-opus-5-5",   "2026-09-22",  Card( "4",      "5",      "8",    "0.20", "20"),
                                         fast=Card( "8",     "10",     "16",    "0.40", "40")),
    Model("claude-opus-5",     "2026-07-24",  Card( "5",      "6.25",  "10",    "0.50", "25"),
                                         fast=Card("10",     "12.5",   "20",    "1",    "50")),
    Model("claude-opus-4-8",   "2026-05-28",  Card( "5",      "6.25",  "10",    "0.50", "25"),
                                         fast=Card("10",     "12.5",   "20",    "1",    "50", until="2026-11-30")),
    # An error since fast mode left this model.
    Model("claude-opus-4-7",   None,          Card( "5",      "6.25",  "10",    "0.50", "25"),
                                         fast=Card("30",     "37.5",   "60",    "3",   "150", until="2026-07-24")),
    # Asking for fast mode now runs at standard speed, and the response says so: no end date needed.
    Model("claude-opus-4-6",   None,          Card( "5",      "6.25",  "10",    "0.50", "25"),
                                         fast=Card("30",     "37.5",   "60",    "3",   "150"),
          long=LongPrompt(_200K,              Card("10",     "12.5",   "20",    "1",    "37.5", until="2026-03-13"))),
    Model("claude-opus-4-5",   None,          Card( "5",      "6.25",  "10",    "0.50", "25"),
          geo=False, window=_200K, retires="2027-01-22"),
    Model("claude-opus-4-1",   None,          Card("15",     "18.75",  "30",    "1.50", "75"),
          geo=False, regional=False, window=_200K),
    Model("claude-opus-4-0",   None,          Card("15",     "18.75",  "30",    "1.50", "75"),
          geo=False, regional=False, window=_200K, retires="2026-06-15", aliases=("claude-opus-4", "claude-4-opus")),
    Model("claude-sonnet-5-5", "2026-09-28",  Card( "2",      "2.5",    "4",    "0.10", "10"),
                                    earlier=(Card( "2",      "2.5",    "4",    "0.20", "10", until="2026-10-07"),)),
    # Launched as "introductory"; the rise to 3/15 that was announced for September was cancelled.
    Model("claude-sonnet-5",   "2026-06-30",  Card( "2",      "2.5",    "4",    "0.20", "10")),
    Model("claude-sonnet-4-6", None,          Card( "3",      "3.75",   "6",    "0.30", "15"),
          long=LongPrompt(_200K,              Card( "6",      "7.5",   "12",    "0.60", "22.5", until="2026-03-13"))),
    # Prompts above 200k needed a beta that ended with its price.
    Model("claude-sonnet-4-5", None,          Card( "3",      "3.75",   "6",    "0.30", "15"),
          long=LongPrompt(_200K,              Card( "6",      "7.5",   "12",    "0.60", "22.5", until="2026-04-30")),
          geo=False, window=_200K, retires="2026-11-30"),
    Model("claude-sonnet-4-0", None,          Card( "3",      "3.75",   "6",    "0.30", "15"),
          long=LongPrompt(_200K,              Card( "6",      "7.5",   "12",    "0.60", "22.5", until="2026-04-30")),
          geo=False, regional=False, window=_200K, retires="2026-06-15", aliases=("claude-sonnet-4", "claude-4-sonnet")),
    Model("claude-haiku-5-5",  "2026-10-07",  Card( "0.10",   "0.125",  "0.20", "0.01",  "0.50"),
          long=LongPrompt(100_000,            Card( "0.50",   "0.625",  "1",    "0.05",  "2.50"))),
    Model("claude-haiku-4-5",  None,          Card( "1",      "1.25",   "2",    "0.10",  "5"),
          geo=False, window=_200K),
    Model("claude-3-5-haiku",  None,          Card( "0.80",   "1",      "1.60", "0.08",  "4"),
          geo=False, regional=False, window=_200K, retires="2026-02-19", aliases=("claude-3-5-haiku-latest",)),
    # Retired on the Claude API; kept for the clouds and for old records.
    Model("claude-3-7-sonnet", None,          Card( "3",      "3.75",   "6",    "0.30", "15"),
          geo=False, regional=False, window=_200K, retires="2026-02-19", aliases=("claude-3-7-sonnet-latest",)),
    Model("claude-3-5-sonnet", None,          Card( "3",      "3.75",   "6",    "0.30", "15"),
          geo=False, regional=False, window=_200K, aliases=("claude-3-5-sonnet-latest",)),
    Model("claude-3-opus",     None,          Card("15",     "18.75",  "30",    "1.50", "75"),
          geo=False, regional=False, window=_200K, retires="2026-01-05", aliases=("claude-3-opus-latest",)),
    Model("claude-3-haiku",    None,          Card( "0.25",   "0.30",   "0.50", "0.03",  "1.25"),
          geo=False, regional=False, window=_200K),
)
# fmt: on


class Book:
    """A price book as data: the built-in one, or one read by a refresh."""

    __slots__ = ("models", "refusals", "version", "web_search")

    def __init__(
        self,
        version: str,
        models: tuple[Model, ...],
        refusals: tuple[tuple[str, tuple[str, ...]], ...],
        web_search: str,
    ) -> None:
        self.version = version
        self.models = models
        self.refusals = refusals
        self.web_search = web_search


BUILT_IN = Book(PRICE_BOOK_VERSION, MODELS, REFUSALS, WEB_SEARCH)
