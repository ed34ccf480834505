// Who uses it, when, how many tokens that takes, and what the prompt cache does.

import { and, get } from "../api.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { hue } from "../palette.js";
import { tiles } from "../panel.js";
import { change, link, timeless } from "../route.js";
import { byTime, byWeek, nameColumn } from "../series.js";

const KINDS = {
  uncached_input: "input",
  cache_read: "cache_read",
  cache_write: "cache_write",
  output: "output",
};

export const usage = {
  title: "Usage",
  async load({ scope, query, signal }) {
    const ask = (path, more = {}) => get(path, and(scope, more), signal);
    const limit = query.get("limit") || null;
    const by = query.get("window_by") ?? "user";
    const [found, series, summary, window] = await Promise.all([
      ask("api/usage"),
      ask("api/timeseries"),
      ask("api/summary"),
      get("api/tokens/window", and(timeless(scope), { by, limit }), signal),
    ]);
    return { found, series, summary, window };
  },
  calls: ({ summary }) => summary.totals.calls,
  show({ found, series, summary, window }) {
    return [
      totals(summary),
      kinds(series),
      hitRate(series),
      people("by-user", "Users", "user", found.by_user),
      people("by-feature", "Features", "feature", found.by_feature),
      byWeek(found.hours, {
        of: "calls",
        unit: "count",
        title: "Peak hours",
        note: "calls by day of the week and hour, your time zone",
        span: 6,
      }),
      days(found.days),
      rolling(window),
    ];
  },
};

function totals({ totals: now, previous, users, sessions }) {
  const before = previous ?? {};
  return tiles([
    {
      name: "Prompt tokens",
      value: format.count(now.input_tokens),
      delta: [now.input_tokens, before.input_tokens, ""],
      note: "cached ones included",
    },
    {
      name: "Output tokens",
      value: format.count(now.output_tokens),
      delta: [now.output_tokens, before.output_tokens, ""],
    },
    {
      name: "Cache hit rate",
      value: format.percent(now.cache_hit_rate),
      delta: [now.cache_hit_rate, before.cache_hit_rate, "up"],
      note: "of prompt tokens",
    },
    {
      name: "Saved by caching",
      value: format.usd(now.cache_savings_usd),
      delta: [now.cache_savings_usd, before.cache_savings_usd, "up"],
      note:
        now.cost_usd > 0
          ? `${format.percent(Math.max(0, now.cache_savings_usd) / (now.cost_usd + Math.max(0, now.cache_savings_usd)))} of the bill`
          : "",
    },
    { name: "Users", value: format.count(users), note: format.things(sessions, "session") },
    { name: "Tokens per call", value: format.count(now.calls ? now.total_tokens / now.calls : null) },
  ]);
}

/** Kinds of tokens are disjoint: their sum is what is billed. */
function kinds(series) {
  const points = series.points.flatMap((point) => {
    const fresh = Math.max(0, point.input_tokens - point.cache_read_tokens - point.cache_write_tokens);
    const found = {
      uncached_input: fresh,
      cache_read: point.cache_read_tokens,
      cache_write: point.cache_write_tokens,
      output: point.output_tokens,
    };
    return Object.entries(found).map(([kind, value]) => ({ at_ns: point.at_ns, key: KINDS[kind], value }));
  });
  return byTime({
    id: "kinds",
    title: "Tokens",
    note: "as they are billed: uncached input, cache reads and writes, output",
    span: 6,
    unit: "tokens",
    of: "value",
    data: { ...series, points, keys: Object.values(KINDS) },
    names: true,
  });
}

function hitRate(series) {
  const points = series.points.map((point) => ({
    at_ns: point.at_ns,
    key: "cache_read",
    value: point.cache_hit_rate,
  }));
  return byTime({
    id: "hit-rate",
    title: "Cache hit rate",
    note: "share of prompt tokens read from the cache",
    span: 6,
    unit: "percent",
    of: "value",
    data: { ...series, points, keys: ["cache_read"] },
    stacked: false,
  });
}

function people(id, title, filter, rows) {
  return {
    id,
    title,
    note: "most calls first",
    span: 6,
    rows,
    whole: filter === "user" ? { what: "usage" } : undefined,
    limit: 8,
    columns: [
      nameColumn(filter, title.slice(0, -1)),
      { key: "calls", label: "Calls", format: format.count, number: true },
      { key: "sessions", label: "Sessions", format: format.count, number: true },
      { key: "tokens", label: "Tokens", format: format.count, number: true },
      { key: "cost_usd", label: "Cost", format: format.usd, number: true },
    ],
    href: (row) => link("calls", { [filter]: row.key }),
    empty: `No call says which ${filter} it was for: otel_claude.attribution(${filter}=...)`,
  };
}

function days(found) {
  const points = found.flatMap(({ day_ns, users, sessions }) => [
    { at_ns: day_ns, key: "users", value: users },
    { at_ns: day_ns, key: "sessions", value: sessions },
  ]);
  const rows = found.map(({ day_ns, users, sessions, calls }) => ({
    day: new Date(day_ns / 1e6).toISOString().slice(0, 10),
    users,
    sessions,
    calls,
  }));
  return {
    id: "days",
    title: "Users a day",
    note: "unique users and sessions, days in UTC",
    span: 6,
    rows,
    columns: [
      { key: "day", label: "Day", format: format.text },
      { key: "users", label: "Users", format: format.whole, number: true },
      { key: "sessions", label: "Sessions", format: format.whole, number: true },
      { key: "calls", label: "Calls", format: format.whole, number: true },
    ],
    chart:
      rows.length > 1
        ? byTime({
            id: "",
            data: { points, step_seconds: 86_400, keys: ["users", "sessions"] },
            of: "value",
            unit: "count",
            stacked: false,
          }).chart
        : undefined,
    legend: rows.length > 1 ? ["users", "sessions"].map((label) => ({ label, hue: hue(label) })) : [],
  };
}

function rolling({ rows, hours, limit_tokens: limit, by }) {
  const meter = ({ used, left_tokens: left }) =>
    h(
      "div",
      { class: "meter", data: { mood: used >= 1 ? "bad" : used >= 0.8 ? "warn" : "good" } },
      h("progress", { max: 1, value: Math.min(1, used), "aria-label": "share of the limit" }),
      h("span", {}, `${format.percent(used)}, ${format.count(left)} left`),
    );
  return {
    id: "window",
    title: `Tokens in the last ${hours} hours`,
    note: `a rolling window by ${by}, up to now`,
    before: limitForm(limit, by),
    rows,
    columns: [
      nameColumn(by, WINDOWS[by]),
      { key: "calls", label: "Calls", format: format.count, number: true },
      { key: "input_tokens", label: "Prompt, tokens", format: format.count, number: true },
      { key: "output_tokens", label: "Output, tokens", format: format.count, number: true },
      { key: "tokens", label: "All tokens", format: format.count, number: true },
      ...(limit ? [{ key: "used", label: "Of the limit", show: meter }] : []),
      { key: "cost_usd", label: "Cost", format: format.usd, number: true },
      {
        key: "eases_ns",
        label: "Eases at",
        show: (row) => format.clock(row.eases_ns / 1e6),
        class: "nowrap",
      },
    ],
    empty: `No call in the last ${hours} hours.`,
  };
}

const WINDOWS = { user: "User", account: "Account", workspace: "Workspace" };

function limitForm(limit, by) {
  const input = h("input", {
    class: "control",
    id: "limit",
    name: "limit",
    type: "number",
    min: 1,
    step: 1,
    value: limit ?? "",
    placeholder: "none",
    "data-key": "limit",
  });
  const option = ([value, name]) => h("option", { value, selected: value === by }, name);
  const choose = (event) => change({ window_by: event.target.value === "user" ? null : event.target.value });
  const select = h(
    "select",
    { class: "control", id: "window-by", "data-key": "window-by", onchange: choose },
    Object.entries(WINDOWS).map(option),
  );
  const set = (event) => {
    event.preventDefault();
    change({ limit: input.value });
  };
  return h(
    "form",
    { class: "toolbar", onsubmit: set },
    h("label", { for: "window-by" }, "By"),
    select,
    h("label", { for: "limit" }, "Limit, tokens"),
    input,
    h("button", { class: "quiet", type: "submit" }, "Set"),
  );
}
