// Where alert rules stand, and what was told.

import { h } from "../dom.js";
import * as format from "../format.js";
import { badge } from "../table.js";

const STATES = { quiet: "good", pending: "warn", firing: "bad", resolved: "good" };
const SEVERITIES = { info: "", warning: "warn", critical: "bad" };
const filters = (where) =>
  Object.entries(where)
    .map(([name, values]) => `${name} ${values.join(" or ")}`)
    .join(", ") || "all";

/** How many fire. */
export const firing = ({ rules }) => rules.filter(({ state }) => state === "firing").length;

/** Every rule; what has gone wrong with channels below. */
export function rules(found) {
  const stuck = found.channels.filter((channel) => channel.last_error);
  return {
    id: "alerts",
    title: "Alerts",
    note: found.rules.length ? `rules of ${found.file}, looked at every ${found.every_s} s` : "",
    rows: found.rules,
    columns: [
      { key: "name", label: "Rule" },
      { key: "state", label: "State", show: ({ state }) => badge(state, STATES[state]) },
      {
        key: "severity",
        label: "Severity",
        show: ({ severity }) => badge(severity, SEVERITIES[severity]),
      },
      {
        key: "text",
        label: "Found",
        show: ({ error, text }) => (error ? `cannot be looked at: ${error}` : text),
        sort: false,
        class: "wide",
      },
      { key: "where", label: "Calls", show: ({ where }) => filters(where), sort: false },
      {
        key: "since_ns",
        label: "Since",
        show: ({ since_ns: since }) => format.clock(since === null ? null : since / 1e6),
        class: "nowrap",
      },
    ],
    after: stuck.length
      ? h(
          "p",
          { class: "panel-note" },
          stuck.map(({ name, last_error: error, waiting }) =>
            h(
              "span",
              {},
              badge(`channel ${name}`, "bad"),
              ` ${error}; ${format.things(waiting, "message")} waiting `,
            ),
          ),
        )
      : null,
    empty: found.reason,
  };
}

/** The last messages; nothing where there was none. */
export function history({ history: messages }) {
  if (!messages.length) return null;
  return {
    id: "alert-history",
    title: "Alerts told",
    note: "the last 50, the newest first",
    limit: 6,
    rows: messages,
    columns: [
      { key: "at", label: "Time", format: format.clock, class: "nowrap" },
      { key: "status", label: "What", show: ({ status }) => badge(status, STATES[status]) },
      { key: "rule", label: "Rule" },
      { key: "text", label: "Found", sort: false, class: "wide" },
    ],
    href: ({ link }) => (link?.includes("#") ? link.slice(link.indexOf("#")) : undefined),
  };
}
