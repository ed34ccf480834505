// What evaluations say about answers, and how answers ended.

import { get } from "../api.js";
import * as format from "../format.js";
import { hue } from "../palette.js";
import { tiles } from "../panel.js";
import { link } from "../route.js";
import { byTime } from "../series.js";
import { badge, keyed } from "../table.js";

const BAD = new Set(["fail", "failed", "no", "false", "incorrect", "negative", "bad"]);
const GOOD = new Set(["pass", "passed", "yes", "true", "correct", "positive", "good", "accepted"]);

export const quality = {
  title: "Quality",
  async load({ scope, signal }) {
    const [found, summary] = await Promise.all([
      get("api/evaluations", scope, signal),
      get("api/summary", scope, signal),
    ]);
    return { found, summary };
  },
  calls: ({ summary, found }) => summary.totals.calls + found.evaluations.length,
  show({ found, summary }) {
    return [
      totals(found, summary),
      ...(found.evaluations.length ? judged(found) : [none()]),
      reasons(summary),
    ];
  },
};

function totals({ evaluations }, { totals: now, stop_reasons: stops }) {
  const results = evaluations.reduce((sum, one) => sum + one.results, 0);
  const scored = evaluations.filter((one) => one.mean !== null);
  const share = (reason) => (now.calls ? (stops[reason] ?? 0) / now.calls : null);
  return tiles([
    {
      name: "Evaluation results",
      value: format.count(results),
      note: `of ${format.things(evaluations.length, "evaluation")}`,
    },
    ...scored.slice(0, 3).map((one) => ({
      name: format.words(one.name),
      value: format.number(one.mean),
      note: `mean of ${format.count(one.results)}`,
    })),
    {
      name: "Refused",
      value: format.percent(share("refusal")),
      note: format.things(stops.refusal ?? 0, "call"),
    },
    {
      name: "Cut by length",
      value: format.percent(share("max_tokens")),
      note: `${format.things(stops.max_tokens ?? 0, "call")} ran into max_tokens`,
    },
  ]);
}

function none() {
  return {
    id: "none",
    title: "Evaluations",
    empty:
      "No evaluation result in this period. Results arrive as gen_ai.evaluation.result events: turn on checks of yours with the setting evaluate, or send feedback of your users.",
  };
}

function judged(found) {
  const points = found.points.map(({ at_ns, name, mean }) => ({ at_ns, key: name, value: mean }));
  const names = found.evaluations.map((one) => one.name);
  return [
    byTime({
      id: "scores",
      title: "Mean score",
      note: "by evaluation",
      span: 6,
      unit: "number",
      of: "value",
      data: { ...found, points, keys: names },
      kind: "evaluation",
      stacked: false,
      names: true,
    }),
    {
      id: "evaluations",
      title: "Evaluations",
      span: 6,
      rows: found.evaluations,
      columns: [
        {
          key: "name",
          label: "Evaluation",
          show: ({ name }) => keyed(name, format.words(name), "evaluation"),
        },
        { key: "results", label: "Results", format: format.count, number: true },
        { key: "mean", label: "Mean", format: format.number, number: true },
        { key: "lowest", label: "Lowest", format: format.number, number: true },
        {
          key: "labels",
          label: "Labels",
          sort: false,
          show: ({ labels }) =>
            Object.entries(labels)
              .map(([label, count]) => `${label} ${format.count(count)}`)
              .join(", ") || "–",
        },
      ],
    },
    {
      id: "by-model",
      title: "By model",
      note: "mean score",
      span: 6,
      rows: found.evaluations.flatMap((one) =>
        one.groups.map((group) => ({ evaluation: one.name, ...group })),
      ),
      columns: [
        { key: "evaluation", label: "Evaluation", format: format.words },
        { key: "key", label: "Model", show: ({ key }) => keyed(key, key ?? "(no call stored)") },
        { key: "results", label: "Results", format: format.count, number: true },
        { key: "mean", label: "Mean", format: format.number, number: true },
      ],
    },
    {
      id: "recent",
      title: "Latest results",
      span: 6,
      rows: found.recent,
      columns: [
        { key: "time_ns", label: "Time", show: (row) => format.clock(row.time_ns / 1e6), class: "nowrap" },
        { key: "name", label: "Evaluation", format: format.words },
        { key: "score", label: "Score", format: format.number, number: true },
        { key: "label", label: "Label", show: ({ label }) => (label ? badge(label, mood(label)) : "–") },
        { key: "explanation", label: "Why", format: format.text, sort: false, class: "wide" },
      ],
      href: (row) => (row.call_id ? link("call", {}, row.call_id) : null),
      limit: 8,
    },
  ];
}

const mood = (label) => (BAD.has(label.toLowerCase()) ? "bad" : GOOD.has(label.toLowerCase()) ? "good" : "");

function reasons({ stop_reasons: stops }) {
  const rows = Object.entries(stops).map(([reason, calls]) => ({ reason, calls }));
  return {
    id: "stops",
    title: "Why answers ended",
    note: "stop reason, as the API says it",
    tall: Math.max(120, rows.length * 32 + 20),
    rows,
    columns: [
      { key: "reason", label: "Stop reason", format: format.text },
      { key: "calls", label: "Calls", format: format.whole, number: true },
    ],
    href: (row) => link("calls", { stop_reason: row.reason }),
    chart: {
      kind: "bars",
      labels: rows.map(({ reason }) => reason),
      hues: rows.map(({ reason }) => hue(reason, "stop_reason")),
      values: rows.map(({ calls }) => calls),
      unit: "count",
      onpick: ({ index }) => {
        location.hash = link("calls", { stop_reason: rows[index].reason });
      },
    },
  };
}
