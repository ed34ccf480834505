"""The sections of a report, from what the analyses answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_claude.cli.reports.section import (
    NONE,
    Section,
    change,
    count,
    figure,
    moment,
    percent,
    seconds,
    sparkline,
    usd,
)
from otel_claude.local.queries import (
    compare as compare_queries,
    hours,
    savings as savings_queries,
    state,
    summary as summary_queries,
    usage,
)
from otel_claude.local.queries.period import DAY
from otel_claude.local.queries.sessions import sessions_of

if TYPE_CHECKING:
    from otel_claude.local.engine import Engine
    from otel_claude.local.queries.filters import Filters
    from otel_claude.local.queries.period import Period

_ROWS = 10  # of a table: a report is read, not searched
_UNITS = {"usd": usd, "tokens": count, "share": percent, "seconds": seconds, "calls": count}


def report(engine: Engine, period: Period, filters: Filters) -> list[Section]:
    """Everything there is to say of a period.

    Args:
        engine: where to ask.
        period: which time; forecast, week and reliability are those of its end.
        filters: which calls.
    """
    now = period.end
    return [
        _totals(engine, period, filters),
        _models(summary_queries.costs(engine, period, filters, by="model", limit=_ROWS)),
        _forecast(hours.forecast_of(engine, filters, now=now)),
        _anomalies(hours.anomalies_of(engine, period, filters, limit=_ROWS, explain=1)),
        _weekly(state.weekly_of(engine, filters, now=now)),
        _savings(savings_queries.savings_of(engine, period, filters)),
        _misses(state.misses_of(engine, period, filters)),
        _sessions(sessions_of(engine, period, filters)),
        _reliability(state.reliability_of(engine, filters, now=now)),
    ]


def _totals(engine: Engine, period: Period, filters: Filters) -> Section:
    found = summary_queries.summary(engine, period, filters)
    now, before = found["totals"], found["previous"]
    days = {row["day_ns"]: row["cost_usd"] for row in usage.tokens_daily(engine, period, filters)}
    first = period.start - period.start % DAY
    line = sparkline([days.get(day, 0.0) for day in range(first, period.end, DAY)])
    rows = [
        (name, told(now[key]), told(before[key]) if before else NONE)
        for name, key, told in (
            ("Calls", "calls", count),
            ("Cost", "cost_usd", usd),
            ("Tokens", "total_tokens", count),
            ("Success", "success_rate", percent),
            ("Prompt tokens from the cache", "cache_hit_rate", percent),
            ("Saved by caching", "cache_savings_usd", usd),
        )
    ]
    rows += [
        (name, seconds(now[key]["p95"]), seconds(before[key]["p95"]) if before else NONE)
        for name, key in (("Duration, p95", "duration"), ("First token, p95", "first_token"))
    ]
    told = f"{moment(period.start)} to {moment(period.end)} UTC. Cost a day: {line}"
    return Section("Totals", (told,), ("", "this period", "the one before"), rows)


def _models(found: dict[str, Any]) -> Section:
    rows = [
        (row["key"] or NONE, count(row["calls"]), usd(row["cost_usd"]), percent(row["share"]))
        for row in found["rows"]
    ]
    return Section("Models", (), ("model", "calls", "cost", "share"), rows)


def _forecast(found: dict[str, Any]) -> Section:
    if found["reason"]:
        return Section("Forecast", (found["reason"],))
    rows = []
    for name in ("day", "month"):
        one = found[name]
        low, high = one["low_usd"], one["high_usd"]
        between = NONE if low is None else f"{usd(low)} to {usd(high)}"
        rows.append((f"this {name}", usd(one["spent_usd"]), usd(one["expected_usd"]), between))
    lines = [f"{usd(found['burn_rate_usd'])} an hour over the last 24 hours (UTC)."]
    if len(found["profile_usd"]) > 1:
        lines.append(_pattern(found["profile_usd"]))
    columns = ("", "so far", "at its end", "80 % interval")
    return Section("Forecast", tuple(lines), columns, rows)


def _pattern(profile: list[float]) -> str:
    if len(profile) == 24:
        return f"Hours of a day: {sparkline(profile)}"
    days = [sum(profile[start : start + 24]) for start in range(0, len(profile), 24)]
    return f"Days of the week, Monday first: {sparkline(days)}"


def _anomalies(found: dict[str, Any]) -> Section:
    if found["reason"]:
        return Section("Anomalies", (found["reason"],))
    rows = []
    for one in found["anomalies"]:
        told = _UNITS[one["unit"]]
        call = one["calls"][0]["id"] if one["calls"] else NONE
        name = one["measure"].replace("_", " ")
        rows.append((moment(one["from_ns"]), name, told(one["value"]), told(one["usual"]), call))
    if not rows:
        return Section("Anomalies", ("None.",))
    columns = ("hour (UTC)", "what", "value", "usual", "explained by")
    return Section("Anomalies", (), columns, rows, ("what", "explained by"))


def _weekly(found: dict[str, Any]) -> Section:
    title = "Week against the week before"
    if found["reason"]:
        return Section(title, (found["reason"],))
    said = found["change"]
    line = (
        f"Cost {change(said['cost_usd'])}, calls {change(said['calls'])}, "
        f"tokens {change(said['total_tokens'])}."
    )
    rows = [
        (
            f"{name}: {one['key'] or NONE}",
            usd(one["before_usd"]),
            usd(one["now_usd"]),
            usd(one["by_usd"]),
        )
        for name, changes in found["changes"].items()
        for one in changes[:3]
    ]
    return Section(title, (line,), ("what changed most", "before", "now", "change"), rows)


def _savings(found: dict[str, Any]) -> Section:
    if found["reason"]:
        return Section("Savings", (found["reason"],))
    if not found["savings"]:
        return Section("Savings", (f"None found in {found['calls']:,} calls.",))
    lines = ["At list prices. They overlap: do not add them up."]
    lines += dict.fromkeys(one["advice"] for one in found["savings"])
    rows = [
        (
            one["kind"].replace("_", " "),
            one["key"],
            count(one["calls"]),
            usd(one["usd"]) if one["usd"] else NONE,
            one["arithmetic"],
        )
        for one in found["savings"]
    ]
    columns = ("saving", "of", "calls", "USD", "arithmetic")
    return Section("Savings", tuple(lines), columns, rows, ("of", "arithmetic"))


def _misses(found: dict[str, Any]) -> Section:
    if found["reason"]:
        return Section("Cache misses", (found["reason"],))
    rows = [
        (one["cause"], one["model"], count(one["calls"]), count(one["tokens"]), usd(one["usd"]))
        for one in found["misses"][:_ROWS]
    ]
    return Section(
        "Cache misses", (), ("cause", "model", "calls", "tokens", "cost"), rows, ("model",)
    )


def _sessions(found: dict[str, Any]) -> Section:
    if found["reason"]:
        return Section("Sessions", (found["reason"],))
    loops = sum(one["loop"] for one in found["sessions"])
    line = f"{loops} of the {len(found['sessions'])} dearest look like a loop: the prompt climbs call after call."
    rows = [
        (
            one["session"],
            count(one["calls"]),
            usd(one["cost_usd"]),
            f"{count(one['first'])} to {count(one['largest'])}",
            count(one["climb"]),
            "yes" if one["loop"] else "",
        )
        for one in found["sessions"][:_ROWS]
    ]
    columns = ("session", "calls", "cost", "prompt tokens", "longest climb", "loop")
    return Section("Sessions", (line,), columns, rows)


def _reliability(found: dict[str, Any]) -> Section:
    title = "The last 15 minutes"
    if found["reason"]:
        return Section(title, (found["reason"],))
    now, sure = found["totals"], found["success_interval"]
    line = (
        f"{found['state'].capitalize()}: {percent(now['success_rate'])} of {count(now['calls'])} calls "
        f"succeeded ({percent(sure['low'])} to {percent(sure['high'])})."
    )
    rows = [(one["category"] or NONE, count(one["errors"])) for one in found["by_category"]]
    return Section(title, (line,), ("error", "calls") if rows else (), rows)


def comparison(engine: Engine, period: Period, filters: Filters, by: str) -> list[Section]:
    """Values of a dimension side by side.

    Raises:
        FilterError: there is no such dimension.
    """
    found = compare_queries.compare(engine, period, filters, by=by)
    lines = [f"{moment(period.start)} to {moment(period.end)} UTC. In parentheses: 95 % intervals."]
    if found["reason"]:
        lines.append(found["reason"])
    groups = found["groups"]
    names = dict.fromkeys(one["name"] for group in groups for one in group["evaluations"])
    rows = [
        ("calls", *(count(group["calls"]) for group in groups)),
        *(
            (name, *(figure(group[key], told) for group in groups))
            for name, key, told in (
                ("cost per call", "cost_usd", usd),
                ("output tokens", "output_tokens", count),
                ("failed", "error_rate", percent),
                ("duration, p50", "duration_p50_s", seconds),
                ("duration, p95", "duration_p95_s", seconds),
                ("first token, p50", "first_token_p50_s", seconds),
                ("first token, p95", "first_token_p95_s", seconds),
            )
        ),
        *((name or NONE, *(_score(group, name) for group in groups)) for name in names),
    ]
    columns = ("", *(group["key"] for group in groups)) if groups else ()
    return [Section(f"By {by}", tuple(lines), columns, rows if groups else [])]


def _score(group: dict[str, Any], name: str | None) -> str:
    for one in group["evaluations"]:
        if one["name"] == name:
            return figure(one, "{:.3g}".format)
    return NONE
