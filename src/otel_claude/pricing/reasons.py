"""Why a cost may differ from the bill, and why there may be no cost: closed sets of words.

These are values of telemetry attributes, so they are short, stable and few.
"""

from __future__ import annotations

CODE_EXECUTION = "code_execution"
ABORTED_STREAM = "aborted_stream"
FOUNDRY_DEPLOYMENT = "foundry_deployment"
CLIENT_FALLBACK = "client_fallback"
BILLED_ELSEWHERE = "billed_elsewhere"
MISSING_TTL_SPLIT = "missing_ttl_split"
MISSING_COUNTS = "missing_counts"
REGIONAL_PREMIUM = "regional_premium"
REFUSAL_BILLING = "refusal_billing"
BATCH_WEB_SEARCH = "batch_web_search"
LONG_PROMPT_TIER = "long_prompt_tier"
FAST_CARD = "fast_card"
UNKNOWN_ITERATION = "unknown_iteration"

INCOMPLETE = {
    CODE_EXECUTION: "container hours are billed per organisation and are in no response",
    ABORTED_STREAM: "the stream ended before its final counts: output is left out",
    FOUNDRY_DEPLOYMENT: "a Data Zone deployment costs 1.1 times as much, and no response says so",
    CLIENT_FALLBACK: "attempts that the SDK's fallback middleware made are not included",
    BILLED_ELSEWHERE: "another organisation pays for this call",
    MISSING_TTL_SPLIT: "cache writes of unknown lifetime are counted as 5 minutes",
    MISSING_COUNTS: "input or output tokens are missing from the usage",
    REGIONAL_PREMIUM: "whether this location costs 1.1 times as much is not settled",
    REFUSAL_BILLING: "whether this refusal is billed is not known: it is counted in full",
    BATCH_WEB_SEARCH: "web searches in batches are counted at full price, which is not documented",
    LONG_PROMPT_TIER: "the prompt lengths of a server tool loop are not known one by one",
    FAST_CARD: "fast speed on a model without a fast price: counted at its standard price",
    UNKNOWN_ITERATION: "the usage has iterations of an unknown type, which are left out",
}
"""Reasons for which a cost is marked incomplete, each with what it means for the amount."""

UNKNOWN_MODEL = "unknown_model"
OPAQUE_PROFILE = "opaque_profile"
MISSING_USAGE = "missing_usage"

UNPRICED = {
    UNKNOWN_MODEL: "the price book has no such model",
    OPAQUE_PROFILE: "the id is an ARN that does not name its model",
    MISSING_USAGE: "the response said nothing about tokens",
}
"""Reasons for which a call has no cost."""

FREE_REFUSAL = "refusal_before_output"
NO_TOKENS = "no_tokens"
FREE_RATES = "free_by_override"

FREE = {
    FREE_REFUSAL: "the model refused before any output, in a category that is not billed",
    NO_TOKENS: "nothing was used",
    FREE_RATES: "your prices say that this costs nothing",
}
"""Reasons for which a cost is truly zero."""

LIST, OVERRIDE = "list", "override"
COMMITMENT_EQUIVALENT, EXTERNAL = "commitment_equivalent", "external"
