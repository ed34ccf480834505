// What stands out and what can be done about it: anomalies, savings, cache misses, sessions.

import { h } from "../dom.js";
import * as format from "../format.js";
import { hue } from "../palette.js";
import { between, link } from "../route.js";
import { badge, keyed } from "../table.js";
import { callLink } from "./rows.js";

const MEASURES = {
  cost: ["Cost of the hour", format.usd, (call) => format.usd(call.cost_usd)],
  tokens_per_call: [
    "Tokens per call",
    (value) => `${format.count(value)} tokens`,
    (call) => `${format.count(call.input_tokens)} tokens`,
  ],
  error_rate: ["Error rate", format.percent, (call) => format.words(call.error_category ?? call.error_type)],
  first_token: ["First token, p95", format.seconds, (call) => format.seconds(call.first_token_s)],
  calls: ["Calls in the hour", (value) => format.things(value, "call"), (call) => format.usd(call.cost_usd)],
};

/** Hours unlike their own history, each with the calls that explain it. */
export function anomalies({ anomalies: found, reason }) {
  const shown = (key) => (row) => MEASURES[row.measure][1](row[key]);
  const why = ({ measure, calls }) =>
    h(
      "ul",
      { class: "inline" },
      calls.map((call) =>
        h(
          "li",
          {},
          h("a", { href: callLink(call) }, `${MEASURES[measure][2](call)}, ${format.text(call.model)}`),
        ),
      ),
    );
  return {
    id: "anomalies",
    title: "Anomalies",
    note: "hours unlike the four weeks before them, in units of their usual spread (standard deviations)",
    rows: found,
    columns: [
      {
        key: "from_ns",
        label: "Hour from",
        show: (row) => format.clock(row.from_ns / 1e6),
        class: "nowrap",
      },
      { key: "measure", label: "What", show: (row) => MEASURES[row.measure][0] },
      { key: "value", label: "Was", show: shown("value"), number: true },
      { key: "usual", label: "Usual", show: shown("usual"), number: true },
      {
        key: "deviations",
        label: "Off by",
        show: ({ deviations: by }) => (by ? `${format.number(Math.round(by * 10) / 10)} SD` : "–"),
        number: true,
      },
      { key: "calls", label: "Calls that explain it", show: why, sort: false, class: "wide" },
    ],
    href: (row) =>
      link("calls", {
        ...between(row.from_ns / 1e6, row.to_ns / 1e6),
        show: row.measure === "error_rate" ? "failed" : null,
      }),
    empty: reason ?? "No hour of this period differs from its own history.",
  };
}

const KINDS = {
  smaller_model: "A smaller model",
  prompt_caching: "Prompt caching",
  unused_cache_writes: "Cache writes nobody read",
  batch: "Message Batches",
  max_tokens: "max_tokens too large",
};
const kind = (saving) => KINDS[saving.kind] ?? format.words(saving.kind);

/** What could be saved, with the arithmetic. */
export function savings({ savings: found, reason, calls }) {
  const rows = [...found].sort((a, b) => b.usd - a.usd);
  return {
    id: "savings",
    title: "Savings",
    note: `USD in this period at list prices, from ${format.things(calls, "call")}; they overlap: do not add them up`,
    rows,
    columns: [
      { key: "kind" },
      { key: "key" },
      { key: "calls" },
      { key: "usd" },
      { key: "arithmetic" },
      { key: "advice" },
    ],
    body: (box) => box.replaceChildren(h("ul", { class: "list" }, rows.map(card))),
    empty: reason ?? "Nothing was found that would save money.",
  };
}

function card(saving) {
  const names = saving.key.split(", ");
  const calls = link("calls", { model: names.at(-1), feature: names.length > 1 ? names[0] : null });
  return h(
    "li",
    { data: { mood: saving.usd ? "good" : "" } },
    h(
      "h3",
      {},
      saving.usd ? `${format.usd(saving.usd)}: ` : "",
      `${kind(saving)}, ${saving.key} (${format.things(saving.calls, "call")})`,
    ),
    h("p", { class: "arith" }, saving.arithmetic),
    h("p", {}, saving.advice),
    h("a", { href: calls }, "Calls of this model"),
  );
}

/** Why prompt caches missed, in dollars. */
export function misses({ misses: found, reason }) {
  const priced = found.filter(({ usd }) => usd > 0).slice(0, 12);
  return {
    id: "misses",
    title: "Cache misses",
    note: "USD more than reading the same tokens from the cache, by cause and model",
    span: 6,
    tall: Math.max(150, priced.length * 34 + 16),
    rows: found,
    columns: [
      { key: "cause", label: "Cause", format: format.words },
      { key: "model", label: "Model", show: ({ model }) => keyed(model) },
      { key: "calls", label: "Calls", format: format.count, number: true },
      { key: "tokens", label: "Tokens not read", format: format.count, number: true },
      { key: "usd", label: "USD", format: format.usd, number: true },
    ],
    chart: priced.length
      ? {
          kind: "bars",
          labels: priced.map(({ cause }) => format.words(cause)),
          hues: priced.map(({ model }) => hue(model)),
          values: priced.map(({ usd }) => usd),
          unit: "usd",
        }
      : undefined,
    legend: [...new Set(priced.map(({ model }) => model))].map((label) => ({ label, hue: hue(label) })),
    empty: reason ?? "No prompt cache missed.",
  };
}

/** How prompts grow within sessions; loops first. */
export function sessions({ sessions: found, reason }) {
  const tokens = (key, label) => ({ key, label, format: format.count, number: true });
  return {
    id: "sessions",
    title: "Sessions that grow",
    note: "tokens of the prompt, call after call; a loop is a climb of ten calls or more to twice the prompt",
    rows: found,
    columns: [
      { key: "session", label: "Session", format: format.text },
      {
        key: "loop",
        label: "State",
        show: ({ loop }) => (loop ? badge("loop", "bad") : badge("ordinary", "")),
      },
      { key: "calls", label: "Calls", format: format.count, number: true },
      tokens("first", "First prompt, tokens"),
      tokens("last", "Last"),
      tokens("largest", "Largest"),
      tokens("per_call", "More per call"),
      { key: "climb", label: "Longest climb, calls", format: format.whole, number: true },
      { key: "cost_usd", label: "USD", format: format.usd, number: true },
    ],
    href: (row) => link("calls", { session: row.session, sort: "start", order: "asc" }),
    empty: reason ?? "No session has several calls.",
  };
}
