// Where spending goes: by day, by hour of the week, by session.

import { and, get } from "../api.js";
import * as format from "../format.js";
import { hue } from "../palette.js";
import { tiles } from "../panel.js";
import { between, link, timeless } from "../route.js";
import { byWeek } from "../series.js";

const DAY = 86_400_000; // milliseconds

export const insights = {
  title: "Insights",
  async load({ scope, signal }) {
    const ask = (path, more = {}) => get(path, and(scope, more), signal);
    const [summary, sessions, usage, daily] = await Promise.all([
      ask("api/summary"),
      ask("api/costs", { by: "session", limit: 100 }),
      ask("api/usage"),
      get("api/tokens/daily", and(timeless(scope), { days: 30 }), signal),
    ]);
    return { summary, sessions, usage, days: daily.days };
  },
  calls: ({ summary }) => summary.totals.calls,
  show({ summary, sessions, usage, days }) {
    return [
      totals(summary, sessions, days),
      byDay(days),
      byWeek(usage.hours, {
        of: "cost_usd",
        unit: "usd",
        title: "Weekly pattern",
        note: "USD by day of the week and hour, your time zone",
        span: 6,
      }),
      sessionTable(sessions),
    ];
  },
};

function totals({ totals: now, sessions: number, from_ns: from, to_ns: to }, { rows }, days) {
  const said = rows.filter((row) => row.key !== null);
  const hours = (to - from) / 3.6e12;
  const today = days.find(({ day_ns: start }) => start / 1e6 > Date.now() - DAY);
  const spent = days.map((day) => day.cost_usd);
  return tiles([
    { name: "Cost an hour", value: format.usd(now.cost_usd / hours), note: "mean of the range" },
    { name: "Today", value: format.usd(today?.cost_usd ?? 0), note: "since midnight UTC" },
    { name: "Dearest day", value: format.usd(Math.max(0, ...spent)), note: "of the last 30" },
    { name: "Sessions", value: format.count(number), note: "in the range" },
    {
      name: "Dearest session",
      value: format.usd(said[0]?.cost_usd),
      note: said[0] ? format.things(said[0].calls, "call") : "",
    },
  ]);
}

function byDay(days) {
  const rows = days.map((day) => ({ ...day, day: new Date(day.day_ns / 1e6).toISOString().slice(0, 10) }));
  return {
    id: "days",
    title: "Cost a day",
    note: "USD, the last 30 days in UTC",
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
    href: (row) => link("calls", between(row.day, Date.parse(row.day) + DAY)),
    chart: {
      kind: "time",
      x: rows.map((row) => Date.parse(row.day)),
      step: DAY / 1000,
      series: [{ name: "cost", label: "Cost", hue: hue("input"), values: rows.map((row) => row.cost_usd) }],
      unit: "usd",
      stacked: true,
      onpick: ({ index }) => {
        location.hash = link("calls", between(rows[index].day, Date.parse(rows[index].day) + DAY));
      },
    },
  };
}

function sessionTable({ rows, keys }) {
  const said = rows
    .filter((row) => row.key !== null)
    .map((row) => ({ ...row, per_call: row.input_tokens / row.calls }));
  return {
    id: "sessions",
    title: "Sessions",
    note: keys > said.length ? `the dearest ${said.length} of ${format.whole(keys)}` : "the dearest first",
    rows: said,
    whole: { what: "costs", by: "session" },
    columns: [
      { key: "key", label: "Session", format: format.text },
      { key: "calls", label: "Calls", format: format.count, number: true },
      { key: "per_call", label: "Prompt tokens per call", format: format.count, number: true },
      { key: "output_tokens", label: "Output, tokens", format: format.count, number: true },
      { key: "cache_hit_rate", label: "Cache hits", format: format.percent, number: true },
      { key: "errors", label: "Failed", format: format.whole, number: true },
      { key: "cost_usd", label: "USD", format: format.usd, number: true },
    ],
    href: (row) => link("calls", { session: row.key, sort: "start", order: "asc" }),
    empty: "No call says which session it was part of: otel_claude.attribution(session=...)",
  };
}
