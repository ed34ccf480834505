// Where spending goes, what stands out, what could be better, and whether anything is wrong now.

import { and, get } from "../api.js";
import * as format from "../format.js";
import { hue } from "../palette.js";
import { tiles } from "../panel.js";
import { between, link, timeless } from "../route.js";
import { byWeek } from "../series.js";
import * as alerts from "./alerts.js";
import * as findings from "./findings.js";
import { month, today } from "./forecast.js";
import * as state from "./state.js";

const DAY = 86_400_000; // milliseconds
const DAYS = 31; // at least: of the longest month
const midnight = (ago = 0) => new Date(Math.floor(Date.now() / DAY - ago) * DAY).toISOString();

export const insights = {
  title: "Insights",
  async load({ scope, query, signal }) {
    const ask = (path, more = {}) => get(path, and(scope, more), signal);
    const always = (path, more = {}) => get(path, and(timeless(scope), more), signal);
    const names = ["summary", "forecast", "hours", "daily", "anomalies", "savings", "misses", "sessions"];
    const more = ["reliability", "weekly", "compare", "usage", "alerts"];
    const found = await Promise.all([
      ask("api/summary"),
      always("api/forecast"),
      always("api/timeseries", { from: midnight(), step: 3600 }),
      always("api/tokens/daily", { from: midnight(DAYS - 1) }),
      ask("api/anomalies"),
      ask("api/savings"),
      ask("api/cache-misses"),
      ask("api/sessions"),
      always("api/reliability"),
      always("api/weekly"),
      ask("api/compare", { by: query.get("by") ?? "model" }),
      ask("api/usage"),
      get("api/alerts", undefined, signal),
    ]);
    return Object.fromEntries([...names, ...more].map((name, index) => [name, found[index]]));
  },
  // Rules are worth seeing where no call is: it may be why there is none.
  calls: ({ summary, alerts: { rules } }) => (rules.length ? undefined : summary.totals.calls),
  show(found, { facets }) {
    const told = [alerts.rules(found.alerts), alerts.history(found.alerts)];
    const wrong = found.alerts.rules.some(({ state: now, error }) => now !== "quiet" || error);
    return [
      totals(found),
      ...(wrong ? told : []),
      today(found.forecast, found.hours),
      month(found.forecast, found.daily.days),
      findings.anomalies(found.anomalies),
      findings.savings(found.savings),
      state.reliability(found.reliability),
      state.week(found.weekly),
      state.changes(found.weekly),
      findings.misses(found.misses),
      byDay(found.daily.days),
      byWeek(found.usage.hours, {
        of: "cost_usd",
        unit: "usd",
        title: "Weekly pattern",
        note: "USD by day of the week and hour, your time zone",
        span: 6,
      }),
      findings.sessions(found.sessions),
      state.comparison(found.compare, facets),
      ...(wrong ? [] : told),
    ];
  },
};

const FEW = "not enough data";

function totals({ forecast, anomalies, reliability, alerts: told }) {
  const firing = alerts.firing(told);
  return tiles([
    {
      name: "Burn rate",
      value: format.usd(forecast.burn_rate_usd),
      note: forecast.reason ? FEW : "an hour, last 24 hours",
    },
    projection("Today, expected", forecast.day),
    projection("This month, expected", forecast.month),
    {
      name: "Success, 15 minutes",
      value: format.percent(reliability.reason ? null : reliability.totals.success_rate),
      note: reliability.state ?? FEW,
    },
    {
      name: "Anomalies",
      value: anomalies.reason ? format.count(null) : format.count(anomalies.anomalies.length),
      note: anomalies.reason ? FEW : "in the range",
    },
    {
      name: "Alerts firing",
      value: told.rules.length ? format.whole(firing) : format.whole(null),
      note: told.rules.length ? `of ${format.things(told.rules.length, "rule")}` : "no rules",
    },
  ]);
}

function projection(name, found) {
  if (!found) return { name, value: format.usd(null), note: FEW };
  const { low_usd: low, high_usd: high, expected_usd: expected } = found;
  const note = low === null ? "interval: " + FEW : `${format.usd(low)} to ${format.usd(high)}`;
  return { name, value: format.usd(expected), note };
}

function byDay(days) {
  const rows = days.map((day) => ({ ...day, day: new Date(day.day_ns / 1e6).toISOString().slice(0, 10) }));
  const go = (row) => link("calls", between(row.day, Date.parse(row.day) + DAY));
  return {
    id: "days",
    title: "Cost a day",
    note: `USD, the last ${DAYS} days in UTC`,
    span: 6,
    rows,
    whole: { what: "daily" },
    columns: [
      { key: "day", label: "Day" },
      { key: "calls", label: "Calls", format: format.count, number: true },
      { key: "total_tokens", label: "Tokens", format: format.count, number: true },
      { key: "cost_usd", label: "USD", format: format.usd, number: true },
      { key: "cache_savings_usd", label: "Saved by caching", format: format.usd, number: true },
    ],
    href: go,
    chart: {
      kind: "time",
      x: rows.map((row) => Date.parse(row.day)),
      step: DAY / 1000,
      series: [{ name: "cost", label: "Cost", hue: hue("input"), values: rows.map((row) => row.cost_usd) }],
      unit: "usd",
      stacked: true,
      onpick: ({ index }) => {
        location.hash = go(rows[index]);
      },
    },
  };
}
