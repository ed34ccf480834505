// How long calls take: percentiles, distributions, by model and by size of the prompt.

import { and, get } from "../api.js";
import * as format from "../format.js";
import { hue } from "../palette.js";
import { tiles } from "../panel.js";
import { link } from "../route.js";
import { byTime } from "../series.js";
import { keyed } from "../table.js";

const CONTEXTS = {
  small: "small: under 1k",
  medium: "medium: 1k to 10k",
  large: "large: 10k to 50k",
  xlarge: "xlarge: 50k and more",
};

export const latency = {
  title: "Latency",
  async load({ scope, signal }) {
    const ask = (path, more = {}) => get(path, and(scope, more), signal);
    const [found, models, whole] = await Promise.all([
      ask("api/latency", { by: "model" }),
      ask("api/timeseries", { by: "model" }),
      ask("api/timeseries"),
    ]);
    return { found, models, whole };
  },
  calls: ({ found }) => found.total.calls,
  show({ found, models, whole }) {
    const { total, groups, by_context: contexts } = found;
    return [
      totals(total),
      distribution(
        "duration",
        "Duration",
        "calls by how long they took, retries included",
        found.duration_histogram,
        total.duration,
      ),
      distribution(
        "first_token",
        "First token",
        "streams by the time to their first content",
        found.first_token_histogram,
        total.first_token,
      ),
      percentiles(whole),
      byTime({
        id: "first-over-time",
        title: "First token, p95",
        note: "by model",
        span: 6,
        unit: "seconds",
        of: (point) => point.first_token.p95,
        data: models,
        filter: "model",
        stacked: false,
      }),
      spread("duration-by-model", "Duration by model", groups, "duration", "model"),
      spread("first-by-model", "First token by model", groups, "first_token", "model"),
      spread("duration-by-context", "Duration by prompt size", contexts, "duration", "context", CONTEXTS),
      spread("first-by-context", "First token by prompt size", contexts, "first_token", "context", CONTEXTS),
    ];
  },
};

function totals({ duration, first_token: first, output_tokens_per_second: rate, streams, calls }) {
  return tiles([
    {
      name: "Duration, p50",
      value: format.seconds(duration.p50),
      note: `mean ${format.seconds(duration.mean)}`,
    },
    {
      name: "Duration, p95",
      value: format.seconds(duration.p95),
      note: `p99 ${format.seconds(duration.p99)}`,
    },
    {
      name: "First token, p50",
      value: format.seconds(first.p50),
      note: `of ${format.things(streams, "stream")}`,
    },
    { name: "First token, p95", value: format.seconds(first.p95), note: `p99 ${format.seconds(first.p99)}` },
    {
      name: "Output rate, p50",
      value: format.number(Math.round(rate.p50 ?? NaN)),
      unit: rate.p50 === null ? "" : "tokens/s",
      note: rate.p5 === null ? "" : `slowest 5%: under ${Math.round(rate.p5)}`,
    },
    { name: "Slowest call", value: format.seconds(duration.max), note: `of ${format.count(calls)}` },
  ]);
}

function distribution(id, title, note, bins, marks) {
  return {
    id,
    title,
    note,
    span: 6,
    rows: bins,
    columns: [
      { key: "from_s", label: "From", format: format.seconds, number: true },
      { key: "to_s", label: "To", format: format.seconds, number: true },
      { key: "calls", label: "Calls", format: format.whole, number: true },
    ],
    empty: id === "first_token" ? "No streamed call in this period." : undefined,
    limit: 40,
    chart: {
      kind: "histogram",
      edges: [...bins.map((bin) => bin.from_s), ...bins.slice(-1).map((bin) => bin.to_s)],
      counts: bins.map((bin) => bin.calls),
      unit: "seconds",
      lines: ["p50", "p95", "p99"].map((name) => ({ name, value: marks[name] })),
      onpick: ({ index }) => {
        if (id === "duration")
          location.hash = link("calls", {
            min_duration: bins[index].from_s.toPrecision(4),
            sort: "duration",
            order: "asc",
          });
      },
    },
  };
}

function percentiles(data) {
  const names = ["p50", "p95", "p99"];
  const points = data.points.flatMap((point) =>
    names.map((key) => ({ at_ns: point.at_ns, key, value: point.duration[key] })),
  );
  return byTime({
    id: "over-time",
    title: "Duration",
    note: "p50, p95 and p99 of all calls",
    span: 6,
    unit: "seconds",
    of: "value",
    data: { ...data, keys: names, points },
    stacked: false,
    names: true,
  });
}

function spread(id, title, groups, measure, filter, names = {}) {
  const rows = groups
    .filter((group) => group[measure].p50 !== null)
    .map((group) => ({
      key: group.key,
      calls: measure === "first_token" ? group.streams : group.calls,
      ...group[measure],
    }));
  const name = (row) => names[row.key] ?? row.key ?? "(none)";
  return {
    id,
    title,
    note: "● p50   ◆ p95   | p99, on a logarithmic axis",
    span: 6,
    rows,
    whole: { what: "latency", by: filter },
    tall: Math.max(150, rows.length * 40 + 40),
    columns: [
      {
        key: "key",
        label: filter === "model" ? "Model" : "Prompt",
        show: (row) => (filter === "model" ? keyed(row.key) : name(row)),
      },
      { key: "calls", label: "Calls", format: format.count, number: true },
      ...["p50", "p90", "p95", "p99", "max"].map((key) => ({
        key,
        label: key,
        format: format.seconds,
        number: true,
      })),
    ],
    empty: measure === "first_token" ? "No streamed call in this period." : undefined,
    href: (row) => link("calls", { [filter]: row.key ?? "-", sort: measure }),
    chart: {
      kind: "spread",
      rows: rows.map((row) => ({ ...row, name: name(row), hue: filter === "model" ? hue(row.key) : "--s1" })),
      unit: "seconds",
    },
  };
}
