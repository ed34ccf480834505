"""What is added up over calls: the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_claude.local.queries.filters import FAILED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_claude.local.engine import Row

COUNTS: Final = f"""
    count(*) AS calls,
    count(*) FILTER (WHERE {FAILED}) AS errors,
    coalesce(sum(retries), 0) AS retries,
    coalesce(sum(input_tokens), 0) AS input_tokens,
    coalesce(sum(output_tokens), 0) AS output_tokens,
    coalesce(sum(cache_read_tokens), 0) AS cache_read_tokens,
    coalesce(sum(cache_write_tokens), 0) AS cache_write_tokens,
    CAST(coalesce(sum(cost), 0) AS DOUBLE) AS cost_usd,
    CAST(coalesce(sum(coalesce(cost_uncached, cost)), 0) AS DOUBLE) AS uncached_usd,
    count(*) FILTER (WHERE cost_unavailable IS NOT NULL) AS unpriced,
    count(*) FILTER (WHERE cost_incomplete IS NOT NULL) AS incomplete
"""

SHARES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def quantiles(measure: str, shares: Iterable[float], condition: str = "") -> str:
    """An aggregate: the list of these quantiles, interpolated. One, because each one sorts."""
    listed = ", ".join(map(str, shares))
    return f"quantile_cont({measure}, [{listed}]) {condition}"


# A batch takes as long as it takes to create or read it: that is no latency.
PERCENTILES: Final = ", ".join(
    (
        quantiles("duration", SHARES.values(), "FILTER (WHERE operation <> 'batch')")
        + " AS duration_q",
        quantiles("first_token", SHARES.values()) + " AS first_token_q",
    )
)


def totals(row: Row) -> dict[str, Any]:
    """Sums and what follows from them, of a row with `COUNTS`; with percentiles where it has them.

    Money is USD, times are seconds. A share of nothing is None.
    """
    calls, prompt = row["calls"], row["input_tokens"]
    found: dict[str, Any] = {name: row[name] for name in _COUNTED}
    found["success_rate"] = (calls - row["errors"]) / calls if calls else None
    found["total_tokens"] = prompt + row["output_tokens"]
    found["cache_hit_rate"] = row["cache_read_tokens"] / prompt if prompt else None
    found["cache_savings_usd"] = row["uncached_usd"] - row["cost_usd"]
    for measure in ("duration", "first_token"):
        if f"{measure}_q" in row:
            found[measure] = spread(row[f"{measure}_q"], SHARES)
    return found


def spread(values: Sequence[float] | None, names: Iterable[str]) -> dict[str, float | None]:
    """Quantiles by name; None where nothing was measured."""
    names = tuple(names)
    return dict(zip(names, values or (None,) * len(names), strict=True))


_COUNTED: Final = (
    "calls",
    "errors",
    "retries",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cost_usd",
    "unpriced",
    "incomplete",
)
