// What the figures mean: where spending goes, what is unusual, what could be saved.

import { and, get } from "../api.js";
import * as format from "../format.js";
import { tiles } from "../panel.js";
import { link } from "../route.js";

export const insights = {
  title: "Insights",
  async load({ scope, signal }) {
    const ask = (path, more = {}) => get(path, and(scope, more), signal);
    const [summary, sessions] = await Promise.all([
      ask("api/summary"),
      ask("api/costs", { by: "session", limit: 100 }),
    ]);
    return { summary, sessions };
  },
  calls: ({ summary }) => summary.totals.calls,
  show({ summary, sessions }) {
    return [totals(summary, sessions), sessionTable(sessions)];
  },
};

function totals({ totals: now, sessions: number, from_ns: from, to_ns: to }, { rows }) {
  const said = rows.filter((row) => row.key !== null);
  const hours = (to - from) / 3.6e12;
  return tiles([
    { name: "Burn rate", value: format.usd(now.cost_usd / hours), unit: "an hour" },
    { name: "Sessions", value: format.count(number) },
    {
      name: "Dearest session",
      value: format.usd(said[0]?.cost_usd),
      note: said[0] ? `${format.whole(said[0].calls)} calls` : "",
    },
  ]);
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
