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
    limit = count(asked.get("max_tokens"))
    if limit is None:
        found.unbounded.append("max_tokens")
    usual = min(output_tokens or limit or 0, limit or output_tokens or 0)
    output = Bounds(0, usual, limit or usual)
    facts = {"platform": platform, "region": region, "at": at, "batch": batch, "prices": prices}
    geo, speed = text(asked.get("inference_geo")), text(asked.get("speed"))

    def priced(on: str | None, usage: Usage) -> Cost | Unpriced:
        return cost(usage, on, request_model=on, **facts)  # type: ignore[arg-type]

    low = priced(
        name, _usage(prompt.lower, output.lower, "read" if found.cached else "", geo, None)
    )
    mid = priced(name, _usage(prompt.expected, output.expected, "", geo, speed))
    # A workspace may keep inference in the US without the request saying so.
    dear = _usage(prompt.upper, output.upper, found.lifetime, geo or "us", speed)
    high = priced(name, dear)
    if isinstance(low, Unpriced) or isinstance(mid, Unpriced) or isinstance(high, Unpriced):
        return next(c for c in (low, mid, high) if isinstance(c, Unpriced))
    upper = high.total
    for other in _fallbacks(asked):
        if isinstance(hop := priced(other, dear), Unpriced):
            found.unbounded.append("fallbacks")
        else:
            upper += hop.total
    unbounded = tuple(dict.fromkeys(found.unbounded))
    bound = None if unbounded else upper
    return Estimate(
        mid.model, low.total, mid.total, bound, prompt, output, unbounded, mid.price_book
    )


class _Prompt:
    """What a request's prompt is made of, gathered in one walk."""

    def __init__(self) -> None:
        self.characters = self.bytes = self.images = self.overhead = 0
        self.cached = False
        self.lifetime = ""
        self.unbounded: list[str] = []

    def walk_request(self, request: Mapping[str, Any]) -> None:
        for key in ("system", "messages", "tools", "cache_control", "output_config"):
            self._walk(request.get(key))
        messages = request.get("messages")
        self.overhead = _MESSAGE_OVERHEAD * (1 + len(messages) if isinstance(messages, list) else 1)
        tools = request.get("tools")
        if isinstance(tools, list | tuple) and tools:
            self.overhead += _TOOLS_OVERHEAD
            for tool in tools:
                self._tool(text(fields(tool).get("type")) or "custom")
        if request.get("mcp_servers"):
            self.unbounded.append("server_tools")
        if request.get("context_management"):
            self.unbounded.append("compaction")

    def _tool(self, kind: str) -> None:
        if kind.startswith("advisor"):
            self.unbounded.append("advisor")
        elif kind.startswith(("web_", "code_execution", "tool_search", "mcp_")):
            self.unbounded.append("server_tools")

    def _walk(self, value: object) -> None:
        if isinstance(value, str):
            self.characters += len(value)
            self.bytes += len(value.encode("utf-8", "surrogatepass"))
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
            self.unbounded.append("files")
        return True

    def bounds(self) -> Bounds:
        low, mid, high = (tokens * self.images for tokens in _IMAGE)
        return Bounds(
            self.characters // _CHARACTERS_PER_TOKEN_AT_MOST + low,
            round(self.characters / _CHARACTERS_PER_TOKEN) + mid,
            self.bytes + self.overhead + high,
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


def _fallbacks(request: Mapping[str, Any]) -> list[str | None]:
    chain = request.get("fallbacks")
    if not isinstance(chain, list | tuple):
        return []
    return [text(fields(entry).get("model")) for entry in chain]
