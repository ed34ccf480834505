"""The sections of a report, from what the analyses answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_claude.cli.reports.section import (
    NONE,
    Bars,
    Section,
    about,
    change,
    count,
    duration,
    moment,
    percent,
    seconds,
    usd,
)
from otel_claude.local.analyses.changes import share
from otel_claude.local.queries.period import DAY, SECOND

if TYPE_CHECKING:
    from otel_claude.cli.reports.answers import Answers

_ROWS: Final = 10
_CHANGES: Final = 3  # of each dimension
_UNITS: Final = {
    "usd": usd, "tokens": count, "share": percent, "seconds": seconds, "calls": count,
}  # fmt: skip
_TOTALS: Final = (
    ("Calls", "calls", count),
    ("Cost", "cost_usd", usd),
    ("Tokens", "total_tokens", count),
    ("Success", "success_rate", percent),
    ("Prompt tokens from the cache", "cache_hit_rate", percent),
    ("Saved by caching", "cache_savings_usd", usd),
)
_TIMES: Final = (("Duration, p95", "duration"), ("First token, p95", "first_token"))
_OF_ITS_OWN: Final = ("smaller_model", "max_tokens")
"""Savings whose advice is another one for each key."""
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def report(found: Answers) -> list[Section]:
    """Those of everything there is to say of a period."""
    return [
        _totals(found),
        _models(found["costs"]),
        _forecast(found["forecast"]),
        _anomalies(found["anomalies"]),
        _week(found["weekly"]),
        *_advice(found),
        _reliability(found["reliability"]),
    ]


def weekly(found: Answers) -> list[Section]:
    """Those of a week against the week before."""
    week = found["weekly"]
    reason = [week["reason"]] if week["reason"] else []
    lines = (*about(found), *_unknown(week["totals"]), *reason)
    columns = ("", "this week", "the week before", "change")
    rows = [
        (name, told(week["totals"][key]), _before(week, key, told), _changed(week, key))
        for name, key, told in _TOTALS
    ]
    return [
        Section("Totals", lines, columns, rows),
        _days(found["daily"], found["from_ns"]),
        _week(week),
        _anomalies(found["anomalies"]),
        *_advice(found),
    ]


def _totals(found: Answers) -> Section:
    now, before = found["summary"]["totals"], found["summary"]["previous"]
    rows = [
        (name, told(now[key]), told(before[key]) if before else NONE) for name, key, told in _TOTALS
    ]
    rows += [
        (name, seconds(now[key]["p95"]), seconds(before[key]["p95"]) if before else NONE)
        for name, key in _TIMES
    ]
    step = int(found["timeseries"]["step_seconds"] * SECOND)
    costs = {point["at_ns"]: point["cost_usd"] for point in found["timeseries"]["points"]}
    start = found["from_ns"] - found["from_ns"] % step
    places = range(start, found["to_ns"], step)
    bars = Bars(
        f"USD, a bar for each {duration(step)} (UTC)",
        [moment(at) for at in places],
        [costs.get(at, 0.0) for at in places],
    )
    columns = ("", "this period", "the one before")
    return Section("Totals", (*about(found), *_unknown(now)), columns, rows, bars=bars)


def _unknown(totals: dict[str, Any]) -> list[str]:
    """What the cost does not contain."""
    said = []
    if totals["incomplete"]:
        said.append(f"{totals['incomplete']:,} calls cost at least what is known of them.")
    if totals["unpriced"]:
        said.append(f"{totals['unpriced']:,} calls have no known price, and count as nothing.")
    return said


def _models(found: dict[str, Any]) -> Section:
    rows = [
        (row["key"] or NONE, count(row["calls"]), usd(row["cost_usd"]), percent(row["share"]))
        for row in found["rows"]
    ]
    if not rows:
        return Section("Models", ("No calls.",))
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
    lines = (f"{usd(found['burn_rate_usd'])} an hour over the last 24 hours.",)
    columns = ("UTC", "so far", "at its end", "80 % interval")
    return Section("Forecast", lines, columns, rows, bars=_pattern(found["profile_usd"]))


def _pattern(profile: list[float]) -> Bars | None:
    """The days of a week, or where only hours of the day can be told apart those."""
    if len(profile) == 1:
        return None
    if len(profile) == 24:
        hours = [f"{hour:02}:00" for hour in range(24)]
        return Bars("Usual USD of an hour, from midnight (UTC)", hours, profile)
    days = [sum(profile[start : start + 24]) for start in range(0, len(profile), 24)]
    return Bars("Usual USD of a day, from Monday (UTC)", _DAYS, days)


def _anomalies(found: dict[str, Any]) -> Section:
    if found["reason"]:
        return Section("Anomalies", (found["reason"],))
    rows = []
    for one in found["anomalies"]:
        told = _UNITS[one["unit"]]
        calls = " ".join(call["id"] for call in one["calls"]) or NONE
        name = one["measure"].replace("_", " ")
        rows.append((moment(one["from_ns"]), name, told(one["value"]), told(one["usual"]), calls))
    if not rows:
        return Section("Anomalies", ("None.",))
    columns = ("hour from, UTC", "what", "value", "usual", "calls that explain it")
    return Section("Anomalies", (), columns, rows, (columns[1], columns[4]))


def _week(found: dict[str, Any]) -> Section:
    title = "Week against the week before"
    if found["reason"]:
        return Section(title, (found["reason"],))
    line = ", ".join(
        f"{name} {_changed(found, key)}"
        for name, key in (("Cost", "cost_usd"), ("calls", "calls"), ("tokens", "total_tokens"))
    )
    rows = [
        (f"{name}: {one['key'] or NONE}", usd(one["before_usd"]), usd(one["now_usd"]),
         usd(one["by_usd"]))
        for name, changes in found["changes"].items()
        for one in changes[:_CHANGES]
    ]  # fmt: skip
    columns = ("what changed most", "before", "now", "change")
    return Section(title, (f"{line}.",), columns if rows else (), rows)


def _before(week: dict[str, Any], key: str, told: Any) -> str:
    return told(week["before"][key]) if week["before"] else NONE


def _changed(week: dict[str, Any], key: str) -> str:
    """Of a share in points: 90 % after 80 % are 10 points more."""
    now, before = week["totals"][key], (week["before"] or {}).get(key)
    if not key.endswith("_rate"):
        return change(share(now, before))
    return NONE if now is None or before is None else f"{100 * (now - before):+.1f} points"


def _days(daily: list[dict[str, Any]], start: int) -> Section:
    costs = {row["day_ns"]: row["cost_usd"] for row in daily}
    rows = []
    for day in range(start, start + 7 * DAY, DAY):
        now, before = costs.get(day, 0.0), costs.get(day - 7 * DAY, 0.0)
        # The epoch began on a Thursday.
        name = f"{_DAYS[(day // DAY + 3) % 7]}, {moment(day)[:10]}"
        rows.append((name, usd(now), usd(before), usd(now - before)))
    both = range(start - 7 * DAY, start + 7 * DAY, DAY)
    bars = Bars(
        "USD of 14 days (UTC)",
        [moment(day)[:10] for day in both],
        [costs.get(day, 0.0) for day in both],
    )
    return Section("Days", (), ("UTC", "cost", "a week before", "change"), rows, bars=bars)


def _advice(found: Answers) -> list[Section]:
    return [
        _savings(found["savings"]),
        _misses(found["cache_misses"]),
        _sessions(found["sessions"]),
    ]


def _savings(found: dict[str, Any]) -> Section:
    if found["reason"]:
        return Section("Savings", (found["reason"],))
    if not found["savings"]:
        return Section("Savings", (f"None found in {found['calls']:,} calls.",))
    lines = ["At list prices. They overlap: do not add them up."]
    lines += dict.fromkeys(
        f"{_kind(one)}, {one['key']}: {one['advice']}" if one["kind"] in _OF_ITS_OWN
        else f"{_kind(one)}: {one['advice']}"
        for one in found["savings"]
    )  # fmt: skip
    rows = [
        (
            _kind(one),
            one["key"],
            count(one["calls"]),
            usd(one["usd"]) if one["usd"] else NONE,
            one["arithmetic"],
        )
        for one in found["savings"]
    ]
    columns = ("saving", "of", "calls", "USD", "arithmetic")
    return Section("Savings", tuple(lines), columns, rows, ("of", "arithmetic"))


def _kind(saving: dict[str, Any]) -> str:
    return str(saving["kind"]).replace("_", " ")


def _misses(found: dict[str, Any]) -> Section:
    if found["reason"]:
        return Section("Cache misses", (found["reason"],))
    rows = [
        (one["cause"], one["model"], count(one["calls"]), count(one["tokens"]), usd(one["usd"]))
        for one in found["misses"][:_ROWS]
    ]
    columns = ("cause", "model", "calls", "tokens", "cost")
    return Section("Cache misses", (), columns, rows, ("model",))


def _sessions(found: dict[str, Any]) -> Section:
    if found["reason"]:
        return Section("Sessions", (found["reason"],))
    loops = sum(one["loop"] for one in found["sessions"])
    line = f"{loops} of the {len(found['sessions'])} dearest look like a loop."
    rows = [
        (
            one["session"],
            count(one["calls"]),
            usd(one["cost_usd"]),
            f"{count(one['first'])} to {count(one['largest'])}",
            count(one["per_call"]),
            count(one["climb"]),
            "yes" if one["loop"] else "",
        )
        for one in found["sessions"][:_ROWS]
    ]
    columns = ("session", "calls", "cost", "prompt tokens", "a call", "longest climb", "loop")
    return Section("Sessions", (line,), columns, rows)


def _reliability(found: dict[str, Any]) -> Section:
    title = "The last 15 minutes"
    if found["reason"]:
        return Section(title, (found["reason"],))
    now, sure = found["totals"], found["success_interval"]
    lines = [
        f"{found['state'].capitalize()}: {percent(now['success_rate'])} of "
        f"{count(now['calls'])} calls succeeded ({percent(sure['low'])} to {percent(sure['high'])})."
    ]
    if found["errors_in_a_row"]:
        lines.append(f"The last {found['errors_in_a_row']:,} failed.")
    rows = [(one["category"] or NONE, count(one["errors"])) for one in found["by_category"]]
    return Section(title, tuple(lines), ("error", "calls") if rows else (), rows)
