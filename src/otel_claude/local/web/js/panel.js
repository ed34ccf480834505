// Panels and tiles: what a page is made of. A page says what to show (plain data), this shows it,
// and shows the next figures in the same elements.

import { draw } from "./charts.js";
import { download, h, refill } from "./dom.js";
import * as format from "./format.js";
import { exportLink } from "./route.js";
import { csv, fill, swatch } from "./table.js";

/**
 * A tile.
 * @typedef {object} Tile
 * @property {string} name
 * @property {string} value formatted.
 * @property {string} [unit]
 * @property {string} [note] a few words below.
 * @property {[number, number, string]} [delta] now, the period before, and which way is good: "up",
 *   "down" or "".
 */

/** @param {Tile[]} tiles */
export function tiles(list) {
  return { id: "tiles", tiles: list };
}

function tile({ name, value, unit, note, delta }) {
  const inner = [
    h("p", { class: "tile-name" }, name),
    h("p", { class: "tile-value" }, value, unit ? h("span", { class: "tile-unit" }, unit) : null),
    h("p", { class: "tile-note" }, delta ? moved(...delta) : null, note ? h("span", {}, note) : null),
  ];
  return h("div", { class: "tile" }, inner);
}

function moved(now, before, good) {
  const said = format.change(now, before);
  if (said === null) return null;
  const better = good === "" || said === "±0%" ? "" : now > before === (good === "up") ? "good" : "bad";
  return h("span", { class: "delta", data: { mood: better }, title: "against the period before" }, said);
}

/**
 * What a panel shows.
 * @typedef {object} Panel
 * @property {string} id unique on the page.
 * @property {string} title
 * @property {string} [note] units, what is meant.
 * @property {number} [span] of twelve columns.
 * @property {object[]} [rows] and
 * @property {import("./table.js").Column[]} [columns]: the figures, as table and for export.
 * @property {object} [chart] spec of a chart of them; without, the table is shown.
 * @property {{label: string, hue: string}[]} [legend] names with colours, below the chart.
 * @property {function(HTMLElement)} [body] fills the panel by hand, where it is neither; `from` is
 *   what it is made from.
 * @property {boolean} [list] names and values below each other instead of a table.
 * @property {Node} [before] a control above the figures, and `after` below them.
 * @property {boolean} [keep] false: figures that need no saving.
 * @property {object} [whole] parameters of /api/export for the same figures, all rows, as Parquet.
 * @property {string} [empty] what to say where there are no rows.
 */

/** The panels of a page, in a grid; `show` with new figures updates them. */
export class Board {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.grid = h("div", { class: "grid" });
    this.parts = new Map();
    root.replaceChildren(this.grid);
  }

  /** @param {Array} parts panels and tiles; null is skipped. Those that are no longer named go. */
  show(parts) {
    const wanted = parts.filter(Boolean);
    const names = new Set(wanted.map((part) => part.id));
    for (const [id, view] of this.parts) {
      if (names.has(id)) continue;
      view.element.remove();
      this.parts.delete(id);
    }
    wanted.forEach((part, index) => {
      let view = this.parts.get(part.id);
      if (!view) {
        view = part.tiles ? new Tiles() : part.plain ? new Plain() : new PanelView(part.id);
        this.parts.set(part.id, view);
      }
      if (this.grid.children[index] !== view.element) {
        this.grid.insertBefore(view.element, this.grid.children[index] ?? null);
      }
      view.show(part);
    });
  }
}

/** Whether there is anything new: what is the same stays, with its tooltip, selection and scroll. */
class News {
  of(value) {
    const now = JSON.stringify([location.hash, value]);
    const changed = now !== this.last;
    this.last = now;
    return changed;
  }
}

class Tiles {
  constructor() {
    this.element = h("div", { class: "tiles", role: "group", "aria-label": "Totals" });
    this.news = new News();
  }

  show({ tiles: list }) {
    if (!this.news.of(list)) return;
    this.element.replaceChildren(...list.filter(Boolean).map(tile));
  }
}

class Plain {
  constructor() {
    this.element = h("div");
  }

  show({ plain }) {
    if (!inUse(this.element)) refill(this.element, plain);
  }
}

/** Whether someone types or chooses there: then it stays as it is. */
const inUse = (box) => box.querySelector("input:focus, select:focus") !== null;

class PanelView {
  constructor(id) {
    this.asTable = false;
    this.news = new News();
    this.title = h("h2", { class: "panel-title", id: `${id}-title` });
    this.note = h("p", { class: "panel-note" });
    this.toggle = h(
      "button",
      { class: "quiet tiny", type: "button", "aria-pressed": "false", onclick: () => this.flip() },
      "Table",
    );
    this.parquet = h("a", { download: `${id}.parquet` }, "Parquet");
    this.export = exportMenu((kind) => this.save(kind), this.parquet);
    this.tools = h("div", { class: "panel-tools" }, this.toggle, this.export);
    this.body = h("div", { class: "panel-body" });
    this.before = h("div", { class: "panel-extra", hidden: true });
    this.after = h("div", { class: "panel-extra", hidden: true });
    const head = h("header", { class: "panel-head" }, h("div", {}, this.title, this.note), this.tools);
    this.element = h(
      "section",
      { class: "panel", id: `panel-${id}`, "aria-labelledby": `${id}-title` },
      head,
      this.before,
      this.body,
      this.after,
    );
  }

  show(part) {
    this.part = part;
    this.extra(this.before, part.before);
    this.extra(this.after, part.after);
    if (this.news.of(part)) this.fill(part);
  }

  fill(part) {
    this.title.textContent = part.title;
    this.note.textContent = part.note ?? "";
    this.element.style.setProperty("--span", part.span ?? 12);
    const nothing = part.rows ? part.rows.length === 0 : part.empty !== undefined;
    this.toggle.hidden = nothing || !part.chart || !part.columns;
    this.parquet.hidden = !part.whole;
    if (part.whole) this.parquet.href = exportLink("parquet", part.whole);
    this.export.hidden = nothing || !part.columns || part.keep === false;
    if (nothing) this.swap("empty", h("p", { class: "empty" }, part.empty ?? "Nothing in this period."));
    else if (part.body) part.body(this.swap("body", h("div")));
    else if (part.list) this.list(part.rows);
    else if (part.chart && !this.asTable) this.chart(part);
    else
      fill(this.swap("table", h("div")), part.columns, part.rows, {
        caption: part.title,
        href: part.href,
        limit: part.limit ?? 12,
        ...part.table,
      });
  }

  /** A control of the panel; one that is being typed in stays as it is. */
  extra(box, content) {
    box.hidden = !content;
    if (!inUse(box)) refill(box, content);
  }

  list(rows) {
    const pairs = rows.map(({ name, value }) => [h("dt", {}, name), h("dd", {}, value)]);
    refill(this.swap("list", h("dl", { class: "facts" })), pairs);
  }

  /** The element in the body if it is of this kind already, else this new one in its place. */
  swap(kind, element) {
    if (this.kind === kind && kind !== "empty") return this.inner;
    this.kind = kind;
    this.inner = element;
    this.body.replaceChildren(element);
    return element;
  }

  chart(part) {
    const box = this.swap("chart", h("div", {}, h("div", { class: "chart" }), h("ul", { class: "legend" })));
    const [canvas, legend] = box.children;
    canvas.style.setProperty("--tall", `${part.tall ?? 260}px`);
    const label = part.chart.label ?? `${part.title}. The button Table shows the figures.`;
    draw(canvas, { ...part.chart, label, tall: part.tall }).catch((error) => {
      canvas.replaceChildren(h("p", { class: "empty" }, error.message));
    });
    legend.hidden = !part.legend?.length;
    refill(
      legend,
      (part.legend ?? []).map((name) => h("li", {}, swatch(name.hue), format.words(name.label))),
    );
  }

  flip() {
    this.asTable = !this.asTable;
    this.toggle.setAttribute("aria-pressed", String(this.asTable));
    this.fill(this.part);
  }

  save(kind) {
    const { id, columns, rows } = this.part;
    if (kind === "csv") download(`${id}.csv`, csv(columns, rows), "text/csv");
    else download(`${id}.json`, JSON.stringify(rows, null, 2), "application/json");
  }
}

function exportMenu(save, parquet) {
  const item = (kind, name) =>
    h(
      "button",
      {
        type: "button",
        onclick: () => {
          box.open = false;
          save(kind);
        },
      },
      name,
    );
  const box = h(
    "details",
    { class: "menu" },
    h("summary", { class: "quiet tiny", "aria-label": "Save these figures" }, "Save"),
    h("div", { class: "menu-items" }, item("csv", "CSV"), item("json", "JSON"), parquet),
  );
  return closing(box);
}

/** A menu that closes with Escape and when something else is used. */
export function closing(box) {
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !box.open) return;
    box.open = false;
    box.querySelector("summary").focus();
  });
  box.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !box.contains(event.relatedTarget)) box.open = false;
  });
  document.addEventListener("click", (event) => {
    if (!box.contains(event.target)) box.open = false;
  });
  return box;
}
