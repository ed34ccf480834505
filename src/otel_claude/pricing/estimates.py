"""What a call may cost, before it is made: bounds for budgets and reports.

Nothing is sent anywhere. Where `count_tokens` was asked, pass its answer as `input_tokens`;
otherwise the prompt is estimated from its text: Anthropic's glossary gives about 3.5 characters
of English per token, and no byte of text makes more than one token.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from otel_claude.call.usage import Usage, count, fields, text
from otel_claude.pricing.cost import cost
from otel_claude.pricing.models import context_window
from otel_claude.pricing.result import Cost, Unpriced

if TYPE_CHECKING:
    from decimal import Decimal

    from otel_claude.pricing.prices import Prices

_CHARACTERS_PER_TOKEN = 3.5
_CHARACTERS_PER_TOKEN_AT_MOST = 8
_MESSAGE_OVERHEAD = 16
_TOOLS_OVERHEAD = 5_000
"""Tokens that tool use adds at most: its system prompt, and schemas that the API itself has."""
_IMAGE = (1, 1_600, 5_000)
"""Tokens of one image: at least, as most models scale it, and at most."""
_BINARY = ("image", "document", "container_upload")


class Bounds(NamedTuple):
    """Tokens: at least, expected, at most."""

    lower: int
    expected: int
    upper: int


class Estimate(NamedTuple):
    """What a call may cost, in exact USD.

    Attributes:
        model: canonical id in the price book.
        lower: the whole prompt read from the cache where the request uses it, and no output. A
            call that fails, or is refused free of charge, costs less.
        expected: the prompt at the plain rate, and the output that was expected.
        upper: every prompt token at its dearest, all of `max_tokens`, and every fallback tried
            as well; None where `unbounded` says why there is no upper bound.
        input_tokens: the prompt.
        output_tokens: what `expected` and `upper` assume.
        unbounded: server_tools, files, compaction, advisor, fallbacks or max_tokens.
        price_book: version of the price book.
    """

    model: str
    lower: Decimal
    expected: Decimal
    upper: Decimal | None
    input_tokens: Bounds
    output_tokens: Bounds
    unbounded: tuple[str, ...]
    price_book: str


class Held(NamedTuple):
    """What the API holds of a message thread: what its last call read and wrote, and put in."""

    tokens: int
    lifetime: str


class Ceiling(NamedTuple):
    """The most that a call may use and cost.

    Attributes:
        tokens: every prompt token and all of the output, of every fallback as well.
        costs: of the call and each fallback; None for a model without a price.
        unbounded: as for `Estimate`: what may add to both, beyond all that is known before.
        lifetime: of cache writes: `5m`, `1h`, or empty without any.
    """

    tokens: int
    costs: tuple[Cost, ...] | None
    unbounded: tuple[str, ...]
    lifetime: str = ""

    def units(self, places: int) -> int | None:
        """All costs together, as a whole number of 10**-places USD, rounded up."""
        return None if self.costs is None else sum(cost.units(places) for cost in self.costs)


def ceiling(  # noqa: PLR0913 - facts of the call, as for `cost`
    request: Mapping[str, Any],
    model: str | None = None,
    *,
    platform: str = "anthropic",
    region: str | None = None,
    at: float | None = None,
    batch: bool = False,
    prices: Prices | None = None,
    held: Held | None = None,
) -> Ceiling:
    """The upper bound of `estimate` alone, and one also where that has none. Never raises.

    Where the prompt cannot be known before (a file, an iterator, a thread that the API holds), it
    is taken to fill the model's
    context window. Web searches count as far as the request limits them. What else is unbounded
    is left out, and named.

    Args:
        request: the body of the request.
        model: the model, where it is not `request["model"]`.
        platform: as for `cost`.
        region: as for `cost`.
        at: POSIX seconds; None is now.
        batch: the request goes into a Message Batch.
        prices: the price book; None is the built-in list.
        held: of the thread that the request continues, where it is known.
    """
    name = model or text(request.get("model"))
    found = _Prompt()
    found.walk_request(request)
    if fields(request.get("thread")).get("type") == "continue":
        found.continue_thread(held)
    prompt, limit = found.upper, _output_limit(request, found)
    if found.hidden and name is not None:
        prompt = max(prompt, context_window(name, prices=prices) or 0)
    facts = {"platform": platform, "region": region, "at": at, "batch": batch, "prices": prices}
    dear = _dearest(request, prompt, limit or 0, found.lifetime)
    dear.web_search_requests = found.searches or None
    tokens = prompt + (limit or 0)
    own = cost(dear, name, request_model=name, **facts)  # type: ignore[arg-type] # by name
    costs = [own] if isinstance(own, Cost) else []
    for hop in _hops(request, found):
        other, output = text(hop.get("model")), count(hop.get("max_tokens")) or 0
        tokens += prompt + output
        dear = _dearest(hop, prompt, output, found.lifetime)
        dear.web_search_requests = found.searches or None
        more = cost(dear, other, request_model=other, **facts)  # type: ignore[arg-type] # by name
        if isinstance(more, Cost):
            costs.append(more)
        else:
            found.unbounded.append("fallbacks")
    priced = tuple(costs) if isinstance(own, Cost) else None
    return Ceiling(tokens, priced, tuple(dict.fromkeys(found.unbounded)), found.lifetime)


def _output_limit(request: Mapping[str, Any], found: _Prompt) -> int | None:
    """`max_tokens`, under the name that the legacy completions have for it where they are asked."""
    limit = count(request.get("max_tokens"))
    if limit is None:
        limit = count(request.get("max_tokens_to_sample"))
    if limit is None:
        found.unbounded.append("max_tokens")
    return limit


def _dearest(request: Mapping[str, Any], prompt: int, output: int, lifetime: str) -> Usage:
    """The usage at its dearest. A workspace may keep inference in the US, unsaid by the request."""
    geo, speed = text(request.get("inference_geo")), text(request.get("speed"))
    return _usage(prompt, output, lifetime, geo or "us", speed)


def estimate(  # noqa: PLR0913 - facts of the call, as for `cost`
    request: Mapping[str, Any],
    model: str | None = None,
    *,
    platform: str = "anthropic",
    region: str | None = None,
    at: float | None = None,
    batch: bool = False,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    prices: Prices | None = None,
) -> Estimate | Unpriced:
    """Bounds for the cost of a request that is not sent yet. Never raises.

    Args:
        request: the arguments of `messages.create`.
        model: the model, where it is not `request["model"]`.
        platform: as for `cost`.
        region: as for `cost`.
        at: POSIX seconds; None is now.
        batch: the request goes into a Message Batch.
        input_tokens: of the whole prompt, as `count_tokens` has it; None estimates them.
        output_tokens: what such calls usually put out; None expects `max_tokens`.
        prices: the price book; None is the built-in list.

    Returns:
        The bounds in USD, or `Unpriced` for a model without a price.
    """
    asked = fields(request)
    name = model or text(asked.get("model"))
    found = _Prompt()
    found.walk_request(asked)
    prompt = found.bounds() if (n := count(input_tokens)) is None else Bounds(n, n, n)
    limit = _output_limit(asked, found)
    usual = min((n for n in (count(output_tokens), limit) if n is not None), default=0)
    output = Bounds(0, usual, usual if limit is None else limit)
    facts = {"platform": platform, "region": region, "at": at, "batch": batch, "prices": prices}
    geo, speed = text(asked.get("inference_geo")), text(asked.get("speed"))

    def priced(on: str | None, usage: Usage) -> Cost | Unpriced:
        return cost(usage, on, request_model=on, **facts)  # type: ignore[arg-type]

    low = priced(
        name, _usage(prompt.lower, output.lower, "read" if found.cached else "", geo, None)
    )
    mid = priced(name, _usage(prompt.expected, output.expected, "", geo, speed))
    dear = _dearest(asked, prompt.upper, output.upper, found.lifetime)
    high = priced(name, dear)
    if isinstance(low, Unpriced) or isinstance(mid, Unpriced) or isinstance(high, Unpriced):
        return next(c for c in (low, mid, high) if isinstance(c, Unpriced))
    upper = high.total
    for hop in _hops(asked, found):
        dear = _dearest(hop, prompt.upper, count(hop.get("max_tokens")) or 0, found.lifetime)
        if isinstance(more := priced(text(hop.get("model")), dear), Unpriced):
            found.unbounded.append("fallbacks")
        else:
            upper += more.total
    unbounded = tuple(dict.fromkeys(found.unbounded))
    bound = None if unbounded else upper
    return Estimate(
        mid.model, low.total, mid.total, bound, prompt, output, unbounded, mid.price_book
    )


class _Prompt:
    """What a request's prompt is made of, gathered in one walk."""

    def __init__(self) -> None:
        self.characters = self.bytes = self.images = self.overhead = self.searches = self.held = 0
        self.hidden = False
        self.cached = False
        self.lifetime = ""
        self.unbounded: list[str] = []

    def walk_request(self, request: Mapping[str, Any]) -> None:
        for key in ("system", "messages", "prompt", "tools", "output_config"):
            if value := request.get(key):  # the SDK's stand-ins for "not given" are false
                self._walk(value)
        if isinstance(control := request.get("cache_control"), Mapping):
            self._cache(control)
        messages = request.get("messages")
        if messages is not None and not isinstance(messages, list | tuple):
            self.hidden = True
        self.overhead = _MESSAGE_OVERHEAD * (1 + len(messages) if isinstance(messages, list) else 1)
        tools = request.get("tools")
        if isinstance(tools, list | tuple) and tools:
            self.overhead += _TOOLS_OVERHEAD
            for tool in tools:
                self._tool(fields(tool))
        if request.get("mcp_servers"):
            self.unbounded.append("server_tools")
        if request.get("context_management"):
            self.unbounded.append("compaction")

    def continue_thread(self, held: Held | None) -> None:
        """The request has only what is new; the API adds all that came before."""
        if held is None:
            self.hidden = True
        lifetimes = {self.lifetime, "1h" if held is None else held.lifetime}
        self.lifetime = max(lifetimes, key=("", "5m", "1h").index)
        self.held = 0 if held is None else held.tokens

    def _tool(self, tool: Mapping[str, Any]) -> None:
        kind = text(tool.get("type")) or "custom"
        if kind.startswith("advisor"):
            self.unbounded.append("advisor")
        elif kind.startswith(("web_", "code_execution", "tool_search", "mcp_")):
            self.unbounded.append("server_tools")
        if kind.startswith("web_search"):
            self.searches += count(tool.get("max_uses")) or 0

    def _walk(self, value: object) -> None:
        if isinstance(value, str):
            self.characters += len(value)
            plain = value.isascii()
            self.bytes += len(value if plain else value.encode("utf-8", "surrogatepass"))
        elif isinstance(value, Mapping):
            if self._is_file(value):
                return
            for key, part in value.items():
                if key == "cache_control" and isinstance(part, Mapping):
                    self._cache(part)
                else:
                    self._walk(key)
                    self._walk(part)
        elif isinstance(value, list | tuple):
            for part in value:
                self._walk(part)
        elif value is not None:
            self._walk(str(value) if isinstance(value, int | float) else fields(value) or None)

    def _cache(self, control: Mapping[str, Any]) -> None:
        self.cached = True
        if self.lifetime != "1h":
            self.lifetime = "1h" if control.get("ttl") == "1h" else "5m"

    def _is_file(self, block: Mapping[str, Any]) -> bool:
        """Count an image, note a file; a document that is plain text is walked like any text."""
        kind, source = block.get("type"), fields(block.get("source"))
        if kind not in _BINARY or source.get("type") in ("text", "content"):
            return False
        control = block.get("cache_control")
        if isinstance(control, Mapping):
            self._cache(control)
        if kind == "image":
            self.images += 1
        else:
            self.hidden = True
            self.unbounded.append("files")
        return True

    @property
    def upper(self) -> int:
        """Tokens at most."""
        return self.bytes + self.overhead + _IMAGE[2] * self.images + self.held

    def bounds(self) -> Bounds:
        low, mid, _ = (tokens * self.images for tokens in _IMAGE)
        return Bounds(
            self.characters // _CHARACTERS_PER_TOKEN_AT_MOST + low,
            round(self.characters / _CHARACTERS_PER_TOKEN) + mid,
            self.upper,
        )


def _usage(prompt: int, output: int, cached: str, geo: str | None, speed: str | None) -> Usage:
    usage = Usage()
    usage.said, usage.input_tokens, usage.output_tokens = True, prompt, output
    usage.inference_geo, usage.speed = geo, speed
    if cached == "read":
        usage.input_tokens, usage.cache_read_input_tokens = 0, prompt
    elif cached:
        usage.input_tokens, usage.cache_creation_input_tokens = 0, prompt
        usage.ephemeral_5m_input_tokens = prompt if cached == "5m" else 0
        usage.ephemeral_1h_input_tokens = prompt if cached == "1h" else 0
    return usage


def _hops(request: Mapping[str, Any], found: _Prompt) -> list[Mapping[str, Any]]:
    """The request as each of its fallbacks gets it; those that it does not list are unbounded."""
    chain = request.get("fallbacks")
    if not isinstance(chain, list | tuple):
        if chain:
            found.unbounded.append("fallbacks")
        return []
    own = ("max_tokens", "speed")
    return [
        {
            **request,
            **{name: said[name] for name in own if said.get(name) is not None},
            "model": said.get("model"),
        }
        for said in map(fields, chain)
    ]
