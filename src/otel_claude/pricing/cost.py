"""`cost`: what one Claude call is billed. A pure function over plain data."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any

from otel_claude.call.usage import Usage
from otel_claude.pricing.plans import Context
from otel_claude.pricing.prices import LIST, Prices
from otel_claude.pricing.reasons import CODE_EXECUTION, LONG_PROMPT_TIER, MISSING_TTL_SPLIT
from otel_claude.pricing.result import Cost, Unpriced

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_claude.call.usage import Tokens
    from otel_claude.pricing.plans import Key


def cost(  # noqa: PLR0913 - each is a fact of the call that a rule needs
    usage: Usage | Mapping[str, Any] | object,
    model: str | None,
    *,
    request_model: str | None = None,
    platform: str = "anthropic",
    region: str | None = None,
    at: float | None = None,
    batch: bool = False,
    stop_reason: str | None = None,
    refusal_category: str | None = None,
    declined: Sequence[str | None] = (),
    incomplete: Sequence[str] = (),
    prices: Prices | None = None,
    code_execution_free: bool = False,
) -> Cost | Unpriced:
    """What a call is billed, by the published rules, exact to the last digit. Never raises.

    What the response says beats what the request asked: tier, speed and region of inference are
    read from `usage`.

    Args:
        usage: the response's `usage`: an SDK object, a mapping, or a merged `Usage`.
        model: the model that the response names.
        request_model: the model that was asked for; used where the response names none. Its
            Bedrock prefix says where inference ran, which the response does not.
        platform: anthropic, bedrock, bedrock_mantle, vertex, foundry, aws (Claude Platform on
            AWS) or google_cloud (Claude Platform on Google Cloud).
        region: of Vertex AI (`global`, `us`, `us-east5`, ...).
        at: when the call started, or its batch was created, in POSIX seconds; None is now.
        batch: the response is a result of a Message Batch.
        stop_reason: of the response.
        refusal_category: `stop_details.category` of the response.
        declined: refusal categories of the server-side fallback hops that declined, in order.
        incomplete: reasons that the caller knows of why the bill may differ.
        prices: the price book to use; None is the built-in list.
        code_execution_free: the request had tools that make code execution free of charge.

    Returns:
        The cost in USD with its parts, or `Unpriced` with the reason there is none.
    """
    if type(usage) is not Usage:
        from otel_claude.pricing.groups import read

        usage = read(usage)
    book = prices or LIST
    when = time() if at is None else at
    key: Key = (
        model,
        request_model,
        platform,
        region,
        batch,
        usage.service_tier,
        usage.speed,
        usage.inference_geo,
        True,
    )
    try:
        plan = book.plans.get(key)
        if plan is None or not plan.start <= when < plan.end:
            plan = book.plan(Context(key), when)
    except (TypeError, ValueError):
        # Something is not of the type it is declared to be: what is of no use counts as absent.
        key, when = _usable(key, at)
        plan = book.plan(Context(key), when)
    plain, output = usage.input_tokens, usage.output_tokens
    if (
        plain is None
        or output is None
        or stop_reason == "refusal"
        or usage.iterations
        or usage.code_execution_requests
        or plan.unpriced
    ):
        from otel_claude.pricing.rules import Call  # most calls are one plain inference

        call = Call(usage, Context(key), book, plan, when)
        doubts = (
            [CODE_EXECUTION] if usage.code_execution_requests and not code_execution_free else []
        )
        return call.price(stop_reason, refusal_category, declined, (*incomplete, *doubts))
    cached = usage.cache_read_input_tokens or 0
    short = long = 0
    unsure = plan.doubts
    if (
        usage.cache_creation_input_tokens
        or usage.ephemeral_5m_input_tokens
        or usage.ephemeral_1h_input_tokens
    ):
        missing: list[str] = []
        short, long = ttl(usage, missing)
        if missing:
            unsure = (*unsure, *missing)
    rates = plan.rates
    prompt = plain + cached + short + long
    searches = usage.web_search_requests or 0
    if plan.long_above is not None and prompt > plan.long_above:
        rates = plan.long_rates
        if searches or usage.web_fetch_requests:
            unsure = (*unsure, LONG_PROMPT_TIER)
    if searches:
        unsure += plan.search_doubts
    rate, read_rate, short_rate, long_rate, output_rate = rates
    out = output * output_rate
    return Cost(
        plan,
        rates,
        (plain, cached, short, long, output),
        plain * rate,
        out,
        cached * read_rate,
        short * short_rate + long * long_rate,
        prompt * rate + out,
        searches,
        tuple(dict.fromkeys((*incomplete, *unsure))) if incomplete else unsure,
    )


def ttl(tokens: Tokens, doubts: list[str]) -> tuple[int, int]:
    """Cache writes as (5 minutes, 1 hour), which always sum to the total that was said.

    Where the split says less than the total, the rest counts as 5 minutes, the default lifetime;
    where it says more, the 1 hour part is cut to the total.
    """
    short = tokens.ephemeral_5m_input_tokens or 0
    long = tokens.ephemeral_1h_input_tokens or 0
    total = tokens.cache_creation_input_tokens
    if total is None or total == short + long:
        return short, long
    doubts.append(MISSING_TTL_SPLIT)
    long = min(long, total)
    return total - long, long


def _usable(key: Key, at: object) -> tuple[Key, float]:
    """A key of hashable values and a moment in time, from whatever the caller passed."""
    strings = [value if isinstance(value, str) else None for value in key[:8]]
    when = float(at) if isinstance(at, int | float) else time()
    model, request_model, platform, region, _, tier, speed, geo = strings
    return (model, request_model, platform, region, key[4] is True, tier, speed, geo, True), when
