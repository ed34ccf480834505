// Every call: filtered, sorted and paged by the server.

import { and, get } from "../api.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { NARROW, change } from "../route.js";
import { CALL_COLUMNS, callLink } from "./rows.js";

const SHOW = {
  slow: "Slow",
  expensive: "Expensive",
  failed: "Failed",
  refused: "Refused",
  truncated: "Truncated",
  cut: "Cut by length",
  retried: "Retried",
  unpriced: "No price",
};
const MEANT = {
  slow: "the slowest twentieth of these calls",
  expensive: "the dearest twentieth of these calls",
  truncated: "the stream broke off",
  cut: "ran into max_tokens or the context window",
};
const PAGE = 25;

export const calls = {
  title: "Calls",
  load({ scope, query, signal }) {
    const asked = and(scope, {
      sort: query.get("sort"),
      order: query.get("order"),
      offset: query.get("offset"),
      limit: PAGE,
    });
    for (const key of NARROW) for (const value of query.getAll(key)) asked.append(key, value);
    return get("api/calls", asked, signal);
  },
  calls: ({ total }, query) => (NARROW.some((key) => query.has(key)) ? undefined : total),
  show(found, { query }) {
    const sorted = { key: query.get("sort") ?? "start", down: (query.get("order") ?? "desc") === "desc" };
    return [
      { id: "toolbar", plain: toolbar(query) },
      {
        id: "calls",
        title: format.things(found.total, "call"),
        note: pageNote(found),
        rows: found.calls,
        whole: { what: "calls" },
        columns: CALL_COLUMNS,
        href: callLink,
        limit: PAGE,
        table: {
          sorted,
          onsort: (sort, down) =>
            change({ sort: sort === "start" && down ? null : sort, order: down ? null : "asc" }),
        },
        empty: "No call matches. Take a filter away, or look at a longer time range.",
        after: found.total > PAGE ? pager(found) : null,
      },
    ];
  },
};

function pageNote({ total, offset, calls: rows }) {
  return total > rows.length ? `${format.whole(offset + 1)} to ${format.whole(offset + rows.length)}` : "";
}

function toolbar(query) {
  const on = query.get("show");
  const toggle = ([key, name]) =>
    h(
      "button",
      {
        class: "quiet",
        type: "button",
        title: MEANT[key],
        "data-key": `show-${key}`,
        "aria-pressed": String(on === key),
        onclick: () => change({ show: on === key ? null : key }),
      },
      name,
    );
  const search = h("input", {
    class: "control",
    type: "search",
    "data-key": "search",
    "aria-label": "Find by id",
    placeholder: "Trace, span, request id …",
    value: query.get("q") ?? "",
  });
  const find = (event) => {
    event.preventDefault();
    change({ q: search.value.trim() });
  };
  return h(
    "div",
    { class: "toolbar", role: "group", "aria-label": "Kinds of calls" },
    Object.entries(SHOW).map(toggle),
    h("form", { class: "end", role: "search", onsubmit: find }, search),
  );
}

function pager({ total, offset, limit }) {
  const step = (name, to, can) =>
    h(
      "button",
      {
        class: "quiet",
        type: "button",
        disabled: !can,
        "data-key": `page-${name}`,
        onclick: () => change({ offset: to || null }),
      },
      name,
    );
  return h(
    "nav",
    { class: "toolbar", "aria-label": "Pages of calls" },
    step("Previous", Math.max(0, offset - limit), offset > 0),
    h("span", {}, `Page ${Math.floor(offset / limit) + 1} of ${Math.ceil(total / limit)}`),
    step("Next", offset + limit, offset + limit < total),
  );
}
