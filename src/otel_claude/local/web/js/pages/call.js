// One call: what it took, what was said, its place in the trace, and its whole span.

import { get } from "../api.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { hue } from "../palette.js";
import { tiles } from "../panel.js";
import { link } from "../route.js";
import { badge, keyed } from "../table.js";
import { conversation } from "../talk.js";
import { outcome } from "./rows.js";

export const call = {
  title: "Call",
  hidden: true,
  scoped: false,
  under: "calls",
  load: ({ rest, signal }) => get(`api/calls/${encodeURIComponent(rest)}`, undefined, signal),
  show(found) {
    return [
      {
        id: "back",
        plain: h(
          "div",
          { class: "toolbar" },
          h("a", { href: link("calls") }, "← Calls"),
          keyed(found.call.model),
          outcome(found.call),
          found.call.error_type ? h("code", {}, found.call.error_type) : null,
          h("span", { class: "end" }, format.time(found.call.start_ns / 1e6)),
        ),
      },
      totals(found),
      money(found),
      tokens(found),
      talk(found),
      ...trace(found),
      verdicts(found),
      events(found),
      facts(
        "attributes",
        "Span",
        `${found.name}, ${found.scope}, span ${found.call.id}, trace ${found.call.trace_id}`,
        found.attributes,
      ),
      facts("resource", "Process", "attributes of the resource", found.resource),
    ];
  },
};

function totals({ call: row, attributes }) {
  const rate =
    row.stream && row.output_tokens && row.duration_s > row.first_token_s
      ? row.output_tokens / (row.duration_s - row.first_token_s)
      : null;
  return tiles([
    {
      name: "Cost",
      value: row.cost_unavailable ? "no price" : format.usd(row.cost_usd),
      note: row.cost_unavailable
        ? format.words(row.cost_unavailable)
        : row.cost_incomplete.map(format.words).join(", "),
    },
    {
      name: "Duration",
      value: format.seconds(row.duration_s),
      note: row.retries ? `${row.retries} retries included` : "",
    },
    { name: "First token", value: format.seconds(row.first_token_s), note: row.stream ? "" : "not streamed" },
    {
      name: "Prompt",
      value: format.count(row.input_tokens),
      unit: "tokens",
      note: row.input_tokens
        ? `${format.percent((row.cache_read_tokens ?? 0) / row.input_tokens)} from the cache`
        : "",
    },
    {
      name: "Output",
      value: format.count(row.output_tokens),
      unit: "tokens",
      note: rate ? `${Math.round(rate)} tokens/s` : "",
    },
    {
      name: "Ended by",
      value: format.words(row.stop_reason ?? row.outcome),
      note: attributes["gen_ai.request.max_tokens"]
        ? `max_tokens ${format.whole(attributes["gen_ai.request.max_tokens"])}`
        : "",
    },
  ]);
}

const PARTS = {
  input: "Uncached input",
  cache_read: "Cache reads",
  cache_write: "Cache writes",
  output: "Output",
  server_tools: "Server tools",
};

function money({ attributes }) {
  const rows = Object.entries(PARTS)
    .map(([part, name]) => ({ part, name, usd: attributes[`claude.cost.${part}`] ?? null }))
    .filter(({ usd }) => usd);
  if (!rows.length) return null;
  return {
    id: "money",
    title: "Cost",
    note: `USD, ${format.words(attributes["claude.cost.basis"])} prices of ${format.text(attributes["claude.cost.price_book"])}`,
    span: 6,
    rows,
    keep: false,
    tall: rows.length * 34 + 16,
    columns: [
      { key: "name", label: "Component", format: format.text },
      { key: "usd", label: "USD", format: format.usd, number: true },
    ],
    chart: {
      kind: "bars",
      labels: rows.map(({ name }) => name),
      hues: rows.map(({ part }) => hue(part)),
      values: rows.map(({ usd }) => usd),
      unit: "usd",
    },
  };
}

function tokens({ call: row, attributes }) {
  const read = row.cache_read_tokens ?? 0;
  const write = row.cache_write_tokens ?? 0;
  const found = {
    input: (row.input_tokens ?? 0) - read - write,
    cache_read: read,
    cache_write: write,
    output: row.output_tokens ?? 0,
  };
  const rows = Object.entries(found)
    .map(([part, count]) => ({ part, name: PARTS[part], count }))
    .filter(({ count }) => count > 0);
  if (!rows.length) return null;
  return {
    id: "tokens",
    title: "Tokens",
    note: "as they are billed",
    span: attributes["claude.cost.total"] ? 6 : 12,
    rows,
    keep: false,
    tall: rows.length * 34 + 16,
    columns: [
      { key: "name", label: "Kind", format: format.text },
      { key: "count", label: "Tokens", format: format.whole, number: true },
    ],
    chart: {
      kind: "bars",
      labels: rows.map(({ name }) => name),
      hues: rows.map(({ part }) => hue(part)),
      values: rows.map(({ count }) => count),
      unit: "tokens",
    },
  };
}

function talk({ content, events: found }) {
  const said = conversation(content, found);
  return said.length
    ? {
        id: "talk",
        title: "What was said",
        note: "captured content",
        from: [content, found],
        body: (box) => box.replaceChildren(h("div", { class: "talk" }, said)),
      }
    : {
        id: "talk",
        title: "What was said",
        empty: "Content is not captured unless you ask for it: OTEL_CLAUDE_CAPTURE=span",
      };
}

function trace({ trace: nodes, call: row }) {
  if (nodes.length < 2) return [];
  const first = Math.min(...nodes.map((node) => node.start_ns));
  const rows = nodes.map((node) => ({
    ...node,
    hue: hue(node.model),
    start: (node.start_ns - first) / 1e9,
    duration: node.duration_s ?? 0,
    failed: node.status === "error",
    here: node.span_id === row.id,
  }));
  const note = `${nodes.length} spans, ${row.trace_id}`;
  const line = (node) =>
    h(
      "li",
      {
        class: "tree-row",
        style: { "--depth": node.depth },
        "aria-current": node.here ? "true" : null,
        "aria-level": node.depth + 1,
      },
      h(
        "span",
        { class: "tree-name" },
        node.is_call && !node.here
          ? h("a", { href: link("call", {}, node.span_id), "data-key": node.span_id }, node.name)
          : node.name,
      ),
      node.failed ? badge("failed", "bad") : null,
      h(
        "span",
        { class: "number" },
        [node.cost_usd ? format.usd(node.cost_usd) : null, format.seconds(node.duration)]
          .filter(Boolean)
          .join(" · "),
      ),
    );
  return [
    {
      id: "tree",
      title: "Trace",
      note,
      span: 5,
      from: rows,
      body: (box) => box.replaceChildren(h("ol", { class: "tree" }, rows.map(line))),
    },
    {
      id: "waterfall",
      title: "When",
      note: "spans of the trace on one clock",
      span: 7,
      keep: false,
      rows,
      tall: rows.length * 30 + 26, // as the tree beside it
      columns: [
        {
          key: "name",
          label: "Span",
          show: (node) => `${"\u2003".repeat(node.depth)}${node.name}`,
          sort: false,
        },
        { key: "start", label: "Starts at", format: format.seconds, number: true },
        { key: "duration", label: "Takes", format: format.seconds, number: true },
      ],
      limit: 200,
      chart: {
        kind: "waterfall",
        rows,
        onpick: ({ index }) => {
          if (rows[index].is_call) location.hash = link("call", {}, rows[index].span_id);
        },
      },
    },
  ];
}

function verdicts({ evaluations }) {
  if (!evaluations.length) return null;
  return {
    id: "verdicts",
    title: "Evaluations",
    rows: evaluations,
    keep: false,
    columns: [
      { key: "name", label: "Evaluation", format: format.words },
      { key: "score", label: "Score", format: format.number, number: true },
      { key: "label", label: "Label", format: format.text },
      { key: "explanation", label: "Why", format: format.text, sort: false, class: "wide" },
    ],
  };
}

function events({ events: found }) {
  if (!found.length) return null;
  return {
    id: "events",
    title: "Events",
    rows: found,
    keep: false,
    columns: [
      { key: "time_ns", label: "Time", show: (row) => format.time(row.time_ns / 1e6), class: "nowrap" },
      { key: "name", label: "Event", format: format.text },
      { key: "severity", label: "Severity", format: format.text },
      {
        key: "attributes",
        label: "Attributes",
        sort: false,
        class: "wide",
        show: (row) =>
          Object.entries(row.attributes)
            .map(([key, value]) => `${key}=${plain(value)}`)
            .join("  "),
      },
    ],
  };
}

const plain = (value) => (typeof value === "string" ? value : JSON.stringify(value));

function facts(id, title, note, values) {
  const rows = Object.entries(values).map(([name, value]) => ({ name, value: plain(value) }));
  return {
    id,
    title,
    note,
    rows,
    columns: [
      { key: "name", label: "Attribute" },
      { key: "value", label: "Value" },
    ],
    list: true,
  };
}
