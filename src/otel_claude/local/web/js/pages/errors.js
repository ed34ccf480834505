// What went wrong, and what went right only at the second attempt.

import { and, get } from "../api.js";
import * as format from "../format.js";
import { tiles } from "../panel.js";
import { link } from "../route.js";
import { byTime } from "../series.js";
import { badge, keyed } from "../table.js";
import { CALL_COLUMNS, callLink } from "./rows.js";

const HINTS = {
  rate_limit: "Over a rate limit: spread calls out, or ask for a higher limit.",
  overloaded: "The API was overloaded: the SDK retries; raise max_retries for batch work.",
  server_error: "A fault of the API, or a stream that broke off.",
  timeout: "No answer in time: raise the timeout, or stream.",
  invalid_request: "The request was refused as malformed: a bug in the caller.",
  auth_error: "Key or permissions are wrong.",
  context_too_long: "The prompt does not fit the model's window.",
  content_filter: "Refused for its content.",
  billing: "Credit or spend limit.",
  not_found: "No such model or object.",
  connection: "The network between here and the API.",
  budget: "Refused by a budget of yours, before it was sent.",
};

export const errors = {
  title: "Errors",
  async load({ scope, signal }) {
    const ask = (path, more = {}) => get(path, and(scope, more), signal);
    const [found, outcomes] = await Promise.all([
      ask("api/errors"),
      ask("api/timeseries", { by: "outcome" }),
    ]);
    return { found, outcomes };
  },
  calls: ({ found }) => found.calls,
  show({ found, outcomes }) {
    return [
      totals(found),
      overTime(found),
      byTime({
        id: "outcomes",
        title: "How calls ended",
        note: "calls by outcome",
        span: 6,
        unit: "count",
        of: "calls",
        data: outcomes,
        filter: "outcome",
      }),
      categories(found),
      models(found),
      {
        id: "recent",
        title: "Latest failures",
        rows: found.recent,
        columns: recentColumns(),
        href: callLink,
        empty: "No call failed in this period.",
      },
    ];
  },
};

function totals({ calls, errors: failed, error_rate: rate, retries, retried, recovered }) {
  return tiles([
    { name: "Failed calls", value: format.count(failed), note: `of ${format.count(calls)}` },
    { name: "Error rate", value: format.percent(rate) },
    { name: "Retries", value: format.count(retries), note: "attempts repeated by the SDK" },
    { name: "Calls with retries", value: format.count(retried) },
    {
      name: "Saved by a retry",
      value: format.count(recovered),
      note: retried ? `${format.percent(recovered / retried)} of those` : "",
    },
  ]);
}

function overTime(found) {
  const points = found.points.map(({ at_ns, category, errors: value }) => ({ at_ns, key: category, value }));
  return byTime({
    id: "over-time",
    title: "Failed calls",
    note: "by category; click a bar for its calls",
    span: 6,
    unit: "count",
    of: "value",
    data: { ...found, points, keys: found.by_category.map(({ key }) => key) },
    filter: "error_category",
    empty: "No call failed in this period.",
  });
}

function categories({ by_category: groups, errors: all }) {
  return {
    id: "categories",
    title: "Categories",
    span: 7,
    whole: { what: "errors" },
    rows: groups.map((group) => ({ ...group, share: group.errors / all, hint: HINTS[group.key] ?? "" })),
    columns: [
      {
        key: "key",
        label: "Category",
        show: ({ key }) => keyed(key, format.words(key), "error_category"),
        class: "nowrap",
      },
      { key: "errors", label: "Calls", format: format.whole, number: true },
      { key: "share", label: "Share", format: format.percent, number: true },
      { key: "last_ns", label: "Last", show: (row) => format.clock(row.last_ns / 1e6), class: "nowrap" },
      { key: "hint", label: "What it means", sort: false, class: "wide" },
    ],
    href: (row) => link("calls", { error_category: row.key ?? "-" }),
    empty: "No call failed in this period.",
  };
}

function models({ by_model: groups }) {
  return {
    id: "models",
    title: "Models",
    span: 5,
    rows: groups,
    columns: [
      { key: "key", label: "Model", show: ({ key }) => keyed(key) },
      { key: "calls", label: "Calls", format: format.count, number: true },
      { key: "errors", label: "Failed", format: format.whole, number: true },
      {
        key: "error_rate",
        label: "Error rate",
        number: true,
        show: ({ error_rate: rate }) =>
          rate >= 0.05 ? badge(format.percent(rate), rate >= 0.2 ? "bad" : "warn") : format.percent(rate),
      },
    ],
    href: (row) => link("calls", { model: row.key ?? "-", show: "failed" }),
  };
}

function recentColumns() {
  const columns = CALL_COLUMNS.filter(
    ({ key }) => !["input_tokens", "output_tokens", "first_token_s"].includes(key),
  );
  const type = { key: "error_type", label: "Error", format: format.text };
  const retries = { key: "retries", label: "Retries", format: format.whole, number: true };
  return [...columns.slice(0, 5), type, retries, ...columns.slice(5)];
}
