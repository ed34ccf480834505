// Calls in a table: the same columns wherever they are listed.

import { h } from "../dom.js";
import * as format from "../format.js";
import { link } from "../route.js";
import { badge, keyed } from "../table.js";

const MOODS = {
  completed: "good",
  failed: "bad",
  truncated: "bad",
  rejected: "warn",
  abandoned: "",
  cancelled: "",
};

/** How a call ended, with what went wrong. */
export function outcome(row) {
  const said = row.outcome === "failed" ? (row.error_category ?? row.error_type ?? row.outcome) : row.outcome;
  if (row.stop_reason === "refusal") return badge("refused", "warn");
  return badge(format.words(said), MOODS[row.outcome] ?? "");
}

export const callLink = (row) => link("call", {}, row.id);

const at = (row) =>
  h(
    "time",
    { datetime: new Date(row.start_ns / 1e6).toISOString(), title: format.time(row.start_ns / 1e6) },
    format.clock(row.start_ns / 1e6),
  );
const cost = (row) => {
  if (row.cost_usd === null)
    return row.cost_unavailable ? h("span", { title: format.words(row.cost_unavailable) }, "no price") : "–";
  const more = row.cost_incomplete?.length
    ? h(
        "span",
        { title: `not all of it is known: ${row.cost_incomplete.map(format.words).join(", ")}` },
        " +",
      )
    : null;
  return h("span", {}, format.usd(row.cost_usd), more);
};

/** Columns of a call, sortable by the names that the API knows. */
export const CALL_COLUMNS = [
  { key: "start_ns", label: "Time", sort: "start", show: at, class: "nowrap" },
  { key: "model", label: "Model", show: (row) => keyed(row.model) },
  { key: "feature", label: "Feature", format: format.text },
  { key: "user", label: "User", format: format.text },
  { key: "outcome", label: "Outcome", sort: false, show: outcome },
  { key: "input_tokens", label: "Prompt, tokens", format: format.count, number: true },
  { key: "output_tokens", label: "Output, tokens", format: format.count, number: true },
  { key: "first_token_s", label: "First token", sort: "first_token", format: format.seconds, number: true },
  { key: "duration_s", label: "Duration", sort: "duration", format: format.seconds, number: true },
  { key: "cost_usd", label: "Cost", sort: "cost", show: cost, number: true },
];
