// How is it going, at a glance.

import { and, get } from "../api.js";
import * as format from "../format.js";
import { tiles } from "../panel.js";
import { byTime, nameColumn } from "../series.js";
import { badge } from "../table.js";
import { CALL_COLUMNS, callLink } from "./rows.js";
import { link } from "../route.js";

export const overview = {
  title: "Overview",
  async load({ scope, signal }) {
    const ask = (path, more = {}) => get(path, and(scope, more), signal);
    const [summary, outcomes, models, byModel, byFeature, latest] = await Promise.all([
      ask("api/summary"),
      ask("api/timeseries", { by: "outcome" }),
      ask("api/timeseries", { by: "model" }),
      ask("api/costs", { by: "model", limit: 8 }),
      ask("api/costs", { by: "feature", limit: 8 }),
      ask("api/calls", { limit: 8 }),
    ]);
    return { summary, outcomes, models, byModel, byFeature, latest };
  },
  calls: ({ summary }) => summary.totals.calls,
  show({ summary, outcomes, models, byModel, byFeature, latest }) {
    return [
      totals(summary),
      byTime({
        id: "calls",
        title: "Calls",
        note: "by how they ended",
        span: 6,
        unit: "count",
        of: "calls",
        data: outcomes,
        filter: "outcome",
      }),
      byTime({
        id: "cost",
        title: "Cost",
        note: "USD, by model",
        span: 6,
        unit: "usd",
        of: "cost_usd",
        data: models,
        filter: "model",
      }),
      byTime({
        id: "tokens",
        title: "Tokens",
        note: "prompt and output together, by model",
        span: 6,
        unit: "tokens",
        of: "total_tokens",
        data: models,
        filter: "model",
      }),
      firstToken(models),
      dimension("by-model", "Models", "model", byModel),
      dimension("by-feature", "Features", "feature", byFeature),
      {
        id: "latest",
        title: "Latest calls",
        note: "as they arrive",
        rows: latest.calls,
        columns: CALL_COLUMNS,
        href: callLink,
      },
    ];
  },
};

function totals({ totals: now, previous, users, sessions }) {
  const before = previous ?? {};
  return tiles([
    {
      name: "Cost",
      value: format.usd(now.cost_usd),
      delta: [now.cost_usd, before.cost_usd, ""],
      note: now.unpriced ? `${format.things(now.unpriced, "call")} without a price` : "",
    },
    {
      name: "Calls",
      value: format.count(now.calls),
      delta: [now.calls, before.calls, ""],
      note: users ? `${format.things(users, "user")}, ${format.things(sessions, "session")}` : "",
    },
    {
      name: "Success rate",
      value: format.percent(now.success_rate),
      delta: [now.success_rate, before.success_rate, "up"],
      note: now.errors ? `${format.whole(now.errors)} failed` : "none failed",
    },
    {
      name: "First token, p50",
      value: format.seconds(now.first_token?.p50),
      delta: [now.first_token?.p50, before.first_token?.p50, "down"],
      note: `p95 ${format.seconds(now.first_token?.p95)}`,
    },
    {
      name: "Tokens",
      value: format.count(now.total_tokens),
      delta: [now.total_tokens, before.total_tokens, ""],
      note: `${format.count(now.output_tokens)} of them output`,
    },
    {
      name: "Cache hit rate",
      value: format.percent(now.cache_hit_rate),
      delta: [now.cache_hit_rate, before.cache_hit_rate, "up"],
      note: saved(now.cache_savings_usd),
    },
  ]);
}

const saved = (usd) =>
  usd > 0 ? `saved ${format.usd(usd)}` : usd < 0 ? `cost ${format.usd(-usd)} extra` : "";

function firstToken(data) {
  return byTime({
    id: "first-token",
    title: "First token, p95",
    note: "time to the first content of a stream, by model",
    span: 6,
    unit: "seconds",
    of: (point) => point.first_token?.p95 ?? null,
    data,
    filter: "model",
    stacked: false,
  });
}

function dimension(id, title, key, { rows }) {
  return {
    id,
    title,
    note: "in this period",
    span: 6,
    rows,
    columns: [
      nameColumn(key, title.replace(/s$/, "")),
      { key: "calls", label: "Calls", format: format.count, number: true },
      { key: "cost_usd", label: "Cost", format: format.usd, number: true },
      { key: "share", label: "Share", format: format.percent, number: true },
      {
        key: "success_rate",
        label: "Success",
        number: true,
        show: ({ success_rate: rate }) =>
          rate !== null && rate < 0.95
            ? badge(format.percent(rate), rate < 0.8 ? "bad" : "warn")
            : format.percent(rate),
      },
    ],
    href: (row) => link("calls", { [key]: row.key ?? "-" }),
  };
}
