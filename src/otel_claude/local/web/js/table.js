// Tables: sortable by their heads, rows that lead somewhere, and the same rows as CSV or JSON.

import { h, refill } from "./dom.js";
import { hue } from "./palette.js";

/**
 * A column.
 * @typedef {object} Column
 * @property {string} key field of the row.
 * @property {string} label head, with the unit where values have one.
 * @property {function(*): string} [format] value as text.
 * @property {function(object): (Node|string)} [show] the whole cell, where text is not enough.
 * @property {boolean} [number] right-aligned.
 * @property {string} [sort] name to sort by; without, `key`; false for none.
 */

/** A name with its colour. */
export function keyed(name, shown = name ?? "(none)", kind = "model") {
  return h("span", { class: "key" }, swatch(hue(name, kind)), h("span", {}, shown));
}

/** A patch of a colour of palette.js. */
export const swatch = (property) => h("span", { class: "swatch", style: { "--swatch": `var(${property})` } });

/** A word with a mood: good, warn, bad or none. */
export const badge = (word, mood) => h("span", { class: "badge", data: mood ? { mood } : {} }, word);

/**
 * Fill an element with a table.
 * @param {HTMLElement} box is refilled; sorting here is remembered on it.
 * @param {Column[]} columns
 * @param {object[]} rows
 * @param {object} [options] `caption` for those who listen; `href(row)`: where a row leads; `sorted`
 *   and `onsort(key, down)` where the server sorts; `limit` rows shown at first.
 */
export function fill(box, columns, rows, options = {}) {
  const order = options.sorted ?? box.sorted;
  const resort = (key) => {
    const down = order?.key === key ? !order.down : true;
    if (options.onsort) return options.onsort(key, down);
    box.sorted = { key, down };
    return fill(box, columns, rows, options);
  };
  const all = order && !options.onsort ? sorted(rows, order) : rows;
  const shown = box.whole ? all : all.slice(0, options.limit ?? all.length);
  const more = all.length - shown.length;
  refill(
    box,
    h(
      "div",
      { class: "table-wrap" },
      h(
        "table",
        {},
        options.caption ? h("caption", { class: "unseen" }, options.caption) : null,
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            columns.map((column) => head(column, order, resort)),
          ),
        ),
        h(
          "tbody",
          {},
          shown.map((row) => line(columns, row, options.href?.(row))),
        ),
      ),
    ),
    more > 0
      ? h(
          "button",
          {
            class: "quiet tiny",
            type: "button",
            "data-key": "more",
            onclick: () => {
              box.whole = true;
              fill(box, columns, rows, options);
            },
          },
          `Show ${more} more`,
        )
      : null,
  );
}

function head(column, order, resort) {
  const key = column.sort ?? column.key;
  const classes = column.number ? "number" : null;
  if (column.sort === false) return h("th", { scope: "col", class: classes }, column.label);
  const active = order?.key === key;
  const arrow = active ? (order.down ? " ↓" : " ↑") : "";
  return h(
    "th",
    { scope: "col", class: classes, "aria-sort": active ? (order.down ? "descending" : "ascending") : null },
    h(
      "button",
      { type: "button", "data-key": `sort-${key}`, onclick: () => resort(key) },
      `${column.label}${arrow}`,
    ),
  );
}

function line(columns, row, href) {
  const cells = columns.map((column, index) => {
    let inner = column.show ? column.show(row) : (column.format ?? String)(row[column.key] ?? null);
    if (index === 0 && href) inner = h("a", { href, "data-key": `row-${href}` }, inner);
    const props = { class: column.class ?? (column.number ? "number" : null) };
    return index === 0 ? h("th", { scope: "row", ...props }, inner) : h("td", props, inner);
  });
  // A click anywhere does what the link does; a selection of text stays one.
  const follow = (event) => {
    if (!event.target.closest("a, button") && !String(getSelection())) location.hash = href;
  };
  return h("tr", href ? { class: "link", onclick: follow } : {}, cells);
}

function sorted(rows, { key, down }) {
  const value = (row) => row[key] ?? null;
  const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);
  return [...rows].sort((left, right) => {
    const [a, b] = [value(left), value(right)];
    if (a === null || b === null) return (a === null) - (b === null); // what is unknown comes last
    return down ? compare(b, a) : compare(a, b);
  });
}

/** Rows as CSV. A text that a spreadsheet would run as a formula is quoted against it. */
export function csv(columns, rows) {
  const cell = (value) => {
    if (value === null || value === undefined) return "";
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const lines = [
    columns.map((column) => cell(column.key)),
    ...rows.map((row) => columns.map((column) => cell(row[column.key]))),
  ];
  return `${lines.map((line) => line.join(",")).join("\r\n")}\r\n`;
}
