// Where budgets stand.

import { and, get } from "../api.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { tiles } from "../panel.js";
import { badge } from "../table.js";

const FULL = 1;
const NEAR = 0.8;

export const budgets = {
  title: "Budgets",
  load: ({ scope, signal }) => get("api/budgets", and(scope, {}), signal),
  show({ budgets: found }) {
    if (!found.length) return [none()];
    return [totals(found), table(found)];
  },
};

const amount = (unit, value) => (unit === "usd" ? format.usd(value) : `${format.count(value)} tokens`);
const mood = (used) => (used >= FULL ? "bad" : used >= NEAR ? "warn" : "good");

function none() {
  return {
    id: "none",
    title: "No budget reported",
    empty:
      "Budgets are named in a file and given to your program with OTEL_CLAUDE_BUDGETS=budgets.yaml. Where they stand is shown here as soon as their metrics arrive (every 60 seconds unless OTEL_METRIC_EXPORT_INTERVAL says otherwise).",
  };
}

function totals(found) {
  const sum = (key) => found.reduce((total, budget) => total + budget[key], 0);
  const fullest = found[0];
  return tiles([
    {
      name: "Budgets",
      value: format.whole(found.length),
      note: `${found.filter(({ used }) => used >= NEAR).length} above ${NEAR * 100}%`,
    },
    { name: "Fullest", value: format.percent(fullest.used), note: format.text(fullest.name) },
    { name: "Refused calls", value: format.count(sum("rejections")) },
    { name: "Warnings", value: format.count(sum("warnings")) },
    { name: "Overruns", value: format.count(sum("overruns")), note: "cost more than was reserved" },
  ]);
}

function table(found) {
  const meter = ({ used }) =>
    h(
      "div",
      { class: "meter", data: { mood: mood(used) } },
      h("progress", { max: 1, value: Math.min(1, used ?? 0), "aria-label": "share of the limit" }),
    );
  return {
    id: "budgets",
    title: "Where they stand",
    note: "the fullest key of each, at the last report",
    rows: found,
    columns: [
      { key: "name", label: "Budget", format: format.text },
      { key: "scope", label: "For each", format: format.words },
      { key: "window", label: "Window", format: format.words },
      {
        key: "used",
        label: "Used",
        show: (row) => (row.used === null ? "–" : badge(format.percent(row.used), mood(row.used))),
        number: true,
      },
      { key: "meter", label: "Share of the limit", sort: false, show: meter, class: "meter-cell" },
      { key: "spent", label: "Spent", show: (row) => amount(row.unit, row.spent), number: true },
      { key: "reserved", label: "Reserved", show: (row) => amount(row.unit, row.reserved), number: true },
      { key: "limit", label: "Limit", show: (row) => amount(row.unit, row.limit), number: true },
      { key: "rejections", label: "Refused", format: format.whole, number: true },
      { key: "service", label: "Service", format: format.text },
      { key: "at_ns", label: "Reported", show: (row) => format.clock(row.at_ns / 1e6), class: "nowrap" },
    ],
  };
}
