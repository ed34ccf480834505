// How it goes now, against the week before, and of one value beside another.

import { h } from "../dom.js";
import * as format from "../format.js";
import { change, link } from "../route.js";
import { nameColumn } from "../series.js";
import { badge } from "../table.js";

const MOODS = { well: "good", degraded: "warn", down: "bad" };
const range = (interval, show) => `${show(interval.low)} to ${show(interval.high)}`;

/** The last 15 minutes. */
export function reliability({ reason, state, totals, success_interval: sure, ...found }) {
  const errors = found.by_category.map(({ category, errors: count }) => `${format.words(category)} ${count}`);
  const rows = [
    { name: "State", value: state ? badge(state, MOODS[state]) : reason, said: state },
    { name: "Calls", value: format.count(totals.calls) },
    {
      name: "Success rate",
      value: `${format.percent(totals.success_rate)}${sure ? ` (95% sure: ${range(sure, format.percent)})` : ""}`,
    },
    { name: "Failed in a row, up to now", value: format.things(found.errors_in_a_row, "call") },
    { name: "Failed calls by category", value: errors.join(", ") || "none" },
    { name: "Duration, p95", value: format.seconds(totals.duration?.p95) },
    { name: "First token, p95", value: format.seconds(totals.first_token?.p95) },
  ];
  return {
    id: "reliability",
    title: "The last 15 minutes",
    span: 6,
    keep: false,
    columns: [
      { key: "name", label: "What", sort: false },
      { key: "value", label: "Now", sort: false, show: ({ value }) => value, class: "wide" },
    ],
    rows: totals.calls ? rows : [],
    empty: reason ?? "No calls.",
  };
}

const COMPARED = [
  ["calls", "Calls", format.count],
  ["cost_usd", "Cost, USD", format.usd],
  ["total_tokens", "Tokens", format.count],
  ["success_rate", "Success rate", format.percent],
  ["cache_hit_rate", "Cache hit rate", format.percent],
];

/** The last seven days against the seven before. */
export function week({ reason, totals, before }) {
  return {
    id: "week-before",
    title: "This week and the week before",
    note: "the last seven days, and the seven before them",
    span: 6,
    rows: before
      ? COMPARED.map(([key, name, show]) => ({ name, show, now: totals[key], before: before[key] }))
      : [],
    columns: [
      { key: "name", label: "What" },
      { key: "before", label: "Before", show: (row) => row.show(row.before), number: true },
      { key: "now", label: "Now", show: (row) => row.show(row.now), number: true },
      {
        key: "change",
        label: "Change",
        show: (row) => format.change(row.now, row.before) ?? "–",
        sort: false,
        number: true,
      },
    ],
    empty: reason,
  };
}

const MOST = 7;

/** What made the week dearer or cheaper. */
export function changes({ reason, changes: found }) {
  const rows = Object.entries(found)
    .flatMap(([by, all]) => all.map((one) => ({ by, ...one })))
    .filter(({ by_usd: usd }) => usd !== 0)
    .sort((a, b) => Math.abs(b.by_usd) - Math.abs(a.by_usd));
  const signed = (value) => (value > 0 ? `+${format.usd(value)}` : format.usd(value));
  return {
    id: "changes",
    title: "What changed most",
    note: "USD, this week against the week before",
    span: 6,
    limit: MOST,
    rows,
    columns: [
      { key: "by", label: "Of", format: format.words },
      { key: "key", label: "Which", show: ({ key }) => key ?? "(none)" },
      { key: "before_usd", label: "Before", format: format.usd, number: true },
      { key: "now_usd", label: "Now", format: format.usd, number: true },
      { key: "by_usd", label: "Change", format: signed, number: true },
    ],
    href: (row) => link("calls", { [row.by]: row.key ?? "-", hours: "168", from: null, to: null }),
    empty: reason ?? "No cost changed.",
  };
}

const DIMENSIONS = {
  model: "Model",
  feature: "Feature",
  prompt: "Prompt",
  prompt_version: "Prompt version",
  team: "Team",
  tenant: "Tenant",
  endpoint: "Endpoint",
  service: "Service",
  environment: "Environment",
};

function figure(key, label, show) {
  return {
    key,
    label,
    sort: false,
    number: true,
    show: (row) => {
      const { value, interval } = row[key];
      return h(
        "span",
        {},
        show(value),
        interval ? h("span", { class: "interval" }, range(interval, show)) : null,
      );
    },
  };
}

/** Values of a dimension side by side, each figure with its interval. */
export function comparison(found, facets) {
  const { by, groups, reason } = found;
  const tags = (facets.tags ?? []).map((tag) => [`tag.${tag}`, `Tag ${tag}`]);
  const names = { ...DIMENSIONS, ...Object.fromEntries(tags) };
  const select = h(
    "select",
    {
      class: "control",
      "data-key": "by",
      "aria-label": "Compare by",
      onchange: (event) => change({ by: event.target.value === "model" ? null : event.target.value }),
    },
    Object.entries(names).map(([value, label]) => h("option", { value, selected: value === by }, label)),
  );
  const judged = [...new Set(groups.flatMap((group) => group.evaluations.map(({ name }) => name)))];
  const scored = (name) => ({
    ...figure(`evaluation ${name}`, format.words(name), format.percent),
    key: `evaluation ${name}`,
  });
  return {
    id: "compare",
    title: `Side by side: ${(names[by] ?? by).toLowerCase()}`,
    note: "means and percentiles per call, below them where they are with 95% certainty",
    before: select,
    rows: groups.map((group) => ({
      ...group,
      ...Object.fromEntries(
        judged.map((name) => [
          `evaluation ${name}`,
          group.evaluations.find((one) => one.name === name) ?? { value: null, interval: null },
        ]),
      ),
    })),
    columns: [
      nameColumn(by, names[by] ?? by),
      { key: "calls", label: "Calls", format: format.count, number: true },
      figure("error_rate", "Error rate", format.percent),
      figure("cost_usd", "USD", format.usd),
      figure("output_tokens", "Output, tokens", format.count),
      figure("duration_p50_s", "Duration, p50", format.seconds),
      figure("duration_p95_s", "Duration, p95", format.seconds),
      figure("first_token_p50_s", "First token, p50", format.seconds),
      figure("acceptance", "Accepted by users", format.percent),
      ...judged.map(scored),
    ],
    href: (row) => link("calls", { [by]: row.key }),
    empty: reason ?? "No calls to compare.",
  };
}
