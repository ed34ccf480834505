// What it costs: over time, by anything, and what it is made of.

import { and, get } from "../api.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { hue } from "../palette.js";
import { tiles } from "../panel.js";
import { change, link } from "../route.js";
import { byTime, nameColumn } from "../series.js";

const DIMENSIONS = {
  model: "Model",
  feature: "Feature",
  team: "Team",
  tenant: "Tenant",
  user: "User",
  session: "Session",
  endpoint: "Endpoint",
  prompt: "Prompt",
  service: "Service",
  environment: "Environment",
};
const PARTS = ["input", "output", "cache_read", "cache_write", "server_tools"];
const TOP = 12;

export const cost = {
  title: "Cost",
  async load({ scope, query, signal }) {
    const by = query.get("by") ?? "model";
    const ask = (path, more = {}) => get(path, and(scope, more), signal);
    const [costs, over, whole, window] = await Promise.all([
      ask("api/costs", { by, limit: 50 }),
      ask("api/timeseries", { by }),
      ask("api/timeseries"),
      ask("api/summary"),
    ]);
    return { by, costs, over, whole, summary: window };
  },
  calls: ({ costs }) => costs.total.calls,
  show({ by, costs, over, whole, summary }, { facets }) {
    const name = DIMENSIONS[by] ?? by;
    return [
      totals(summary),
      picker(by, facets),
      byTime({
        id: "over-time",
        title: `Cost by ${name.toLowerCase()}`,
        note: "USD over time; click a bar for its calls, drag to zoom in",
        span: 8,
        tall: 300,
        unit: "usd",
        of: "cost_usd",
        data: over,
        filter: by,
      }),
      parts(costs),
      ranking(by, name, costs),
      byTime({
        id: "per-call",
        title: "Cost per call",
        note: "USD, mean of all calls",
        span: 5,
        unit: "usd",
        of: (point) => (point.calls ? point.cost_usd / point.calls : null),
        data: relabel(whole, "per call"),
        stacked: false,
        tall: height(costs),
      }),
      table(by, name, costs),
    ];
  },
};

const relabel = (data, key) => ({ ...data, points: data.points.map((point) => ({ ...point, key })) });

function totals({ totals: now, previous, from_ns: from, to_ns: to, most_expensive: dearest }) {
  const before = previous ?? {};
  const days = (to - from) / 8.64e13;
  return tiles([
    { name: "Cost", value: format.usd(now.cost_usd), delta: [now.cost_usd, before.cost_usd, ""] },
    {
      name: "A day at this rate",
      value: format.usd(now.cost_usd / days),
      note: days < 1 ? "from less than a day" : "",
    },
    {
      name: "Per call",
      value: format.usd(now.calls ? now.cost_usd / now.calls : null),
      delta: [now.cost_usd / now.calls, before.calls ? before.cost_usd / before.calls : null, ""],
    },
    { name: "Dearest call", value: format.usd(dearest?.cost_usd), note: dearest?.model ?? "" },
    {
      name: "Saved by caching",
      value: format.usd(now.cache_savings_usd),
      delta: [now.cache_savings_usd, before.cache_savings_usd, "up"],
    },
    {
      name: "Not fully known",
      value: format.whole(now.unpriced + now.incomplete),
      unit: "calls",
      note: `${format.whole(now.unpriced)} without a price`,
    },
  ]);
}

function picker(by, facets) {
  const tags = (facets.tags ?? []).map((key) => [`tag.${key}`, `Tag ${key}`]);
  const options = Object.entries({ ...DIMENSIONS, ...Object.fromEntries(tags) });
  const select = h(
    "select",
    {
      class: "control",
      id: "by",
      "data-key": "by",
      onchange: (event) => change({ by: event.target.value === "model" ? null : event.target.value }),
    },
    options.map(([value, label]) => h("option", { value, selected: value === by }, label)),
  );
  return {
    id: "by-picker",
    plain: h("div", { class: "toolbar" }, h("label", { for: "by" }, "Break down by"), select),
  };
}

function parts({ rows }) {
  const sum = (part) => rows.reduce((total, row) => total + row.components[`${part}_usd`], 0);
  const found = PARTS.map((part) => ({ part, usd: sum(part) })).filter(({ usd }) => usd > 0);
  return {
    id: "parts",
    title: "What it is made of",
    note: "USD by component",
    span: 4,
    tall: 300,
    rows: found,
    columns: [
      { key: "part", label: "Component", format: format.words },
      { key: "usd", label: "USD", format: format.usd, number: true },
    ],
    chart: {
      kind: "bars",
      labels: found.map(({ part }) => format.words(part)),
      hues: found.map(({ part }) => hue(part)),
      values: found.map(({ usd }) => usd),
      unit: "usd",
    },
  };
}

const dearest = (rows) => rows.filter((row) => row.cost_usd > 0).slice(0, TOP);
const height = ({ rows }) => Math.max(190, dearest(rows).length * 34 + 16);

function ranking(by, name, { rows }) {
  const top = dearest(rows);
  return {
    id: "ranking",
    title: `Dearest: ${name.toLowerCase()}`,
    note: "USD in this period; click for the calls",
    span: 7,
    tall: height({ rows }),
    rows: top,
    whole: { what: "costs", by },
    columns: [
      nameColumn(by, name, true),
      { key: "cost_usd", label: "USD", format: format.usd, number: true },
    ],
    href: (row) => link("calls", { [by]: row.key ?? "-" }),
    chart: {
      kind: "bars",
      labels: top.map((row) => row.key ?? "(none)"),
      hues: top.map((row) => hue(row.key, by)),
      values: top.map((row) => row.cost_usd),
      unit: "usd",
      onpick: ({ index }) => {
        location.hash = link("calls", { [by]: top[index].key ?? "-" });
      },
    },
  };
}

function table(by, name, { rows, keys }) {
  const flat = rows.map((row) => ({
    ...row,
    per_call: row.calls ? row.cost_usd / row.calls : null,
    p95: row.duration.p95,
  }));
  return {
    id: "table",
    title: `All by ${name.toLowerCase()}`,
    note: keys > rows.length ? `the dearest ${rows.length} of ${format.whole(keys)}` : "",
    rows: flat,
    whole: { what: "costs", by },
    columns: [
      nameColumn(by, name, true),
      { key: "calls", label: "Calls", format: format.count, number: true },
      { key: "input_tokens", label: "Prompt, tokens", format: format.count, number: true },
      { key: "output_tokens", label: "Output, tokens", format: format.count, number: true },
      { key: "cache_hit_rate", label: "Cache hits", format: format.percent, number: true },
      { key: "p95", label: "Duration, p95", format: format.seconds, number: true },
      { key: "per_call", label: "USD per call", format: format.usd, number: true },
      { key: "cost_usd", label: "USD", format: format.usd, number: true },
      { key: "share", label: "Share", format: format.percent, number: true },
    ],
    href: (row) => link("calls", { [by]: row.key ?? "-" }),
  };
}
