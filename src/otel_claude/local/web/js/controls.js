// Navigation, time range, filters and export: all of them are links or changes of the URL.

import { byId, h, refill } from "./dom.js";
import { time } from "./format.js";
import { closing } from "./panel.js";
import { PAGES } from "./pages/index.js";
import * as route from "./route.js";

let shown = "";

/** The list of pages; range and filters go with the reader. */
export function navigation(here) {
  const items = Object.entries(PAGES).filter(([, page]) => !page.hidden);
  const current = PAGES[here.page].under ?? here.page;
  refill(
    byId("nav"),
    h(
      "ul",
      {},
      items.map(([name, page]) =>
        h(
          "li",
          {},
          h(
            "a",
            { href: route.link(name), "data-key": name, "aria-current": name === current ? "page" : null },
            page.title,
          ),
        ),
      ),
    ),
  );
  byId("nav").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
}

/** The controls above a page, and the filters in effect. */
export function controls(here, facets) {
  const now = JSON.stringify([location.hash, facets]);
  if (now === shown) return; // an open menu stays open
  shown = now;
  navigation(here);
  const page = PAGES[here.page];
  const unscoped = page.scoped === false;
  refill(
    byId("controls"),
    unscoped
      ? []
      : [
          ranges(here.query),
          choice("model", facets, here.query),
          choice("feature", facets, here.query),
          saving(),
        ],
  );
  refill(byId("chips"), unscoped ? [] : chips(here.query));
}

function ranges(query) {
  const chosen = query.has("from") ? null : (route.scope(query).get("hours") ?? null);
  const option = ([hours, name]) =>
    h(
      "label",
      {},
      h("input", {
        type: "radio",
        name: "range",
        value: hours,
        "data-key": `range-${hours}`,
        checked: hours === chosen,
        onchange: () => route.change({ hours, from: null, to: null }),
      }),
      name,
    );
  return h(
    "fieldset",
    { class: "ranges" },
    h("legend", { class: "unseen" }, "Time range"),
    route.RANGES.map(option),
  );
}

function choice(name, facets, query) {
  const values = [...new Set([...(facets[name] ?? []), ...query.getAll(name)])].sort();
  const now = query.get(name) ?? "";
  const label = route.FILTERS[name];
  const option = (value, shown) => h("option", { value, selected: value === now }, shown);
  return h(
    "select",
    {
      class: "control",
      "aria-label": label,
      "data-key": `filter-${name}`,
      id: `filter-${name}`,
      onchange: (event) => route.change({ [name]: event.target.value }),
    },
    option("", `All ${label.toLowerCase()}s`),
    values.map((value) => option(value, value === "-" ? "(none)" : value)),
  );
}

function chips(query) {
  const chip = (name, value, off) =>
    h(
      "li",
      { class: "chip" },
      h("span", { title: value }, `${name}: ${value}`),
      h(
        "button",
        {
          type: "button",
          "aria-label": `Remove ${name}: ${value}`,
          "data-key": `off-${name}`,
          onclick: () => route.change(off),
        },
        "×",
      ),
    );
  const found = route
    .filters(query)
    .map(([key, value]) =>
      chip(route.FILTERS[key] ?? key, value === "-" ? "(none)" : value, { [key]: null }),
    );
  if (query.has("from")) {
    const until = query.has("to") ? time(query.get("to")) : "now";
    found.unshift(chip("Time", `${time(query.get("from"))} to ${until}`, { from: null, to: null }));
  }
  return found;
}

/** Export of the calls behind what is shown: the same range and filters, every call. */
function saving() {
  const item = (kind, name) =>
    h("a", { href: route.exportLink(kind), download: `calls.${kind}`, "data-key": `export-${kind}` }, name);
  return closing(
    h(
      "details",
      { class: "menu", id: "export" },
      h("summary", { class: "control", "data-key": "export" }, "Export"),
      h(
        "div",
        { class: "menu-items" },
        h("p", {}, "All calls in view"),
        item("csv", "CSV"),
        item("json", "JSON"),
        item("parquet", "Parquet"),
      ),
    ),
  );
}
