// What to show where there is nothing to show: never an empty chart.

import { h } from "./dom.js";
import * as route from "./route.js";

const RUN = "otel-claude run -- python app.py";
const ENVIRONMENT = (origin) =>
  [
    'pip install "otel-claude[otlp]"',
    `export OTEL_EXPORTER_OTLP_ENDPOINT=${origin}`,
    "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
    "opentelemetry-instrument python app.py",
  ].join("\n");

/** One panel instead of a page without calls; null where the page has something to say. */
export function nothing(page, data, { facets, query }) {
  if (!page.calls || page.calls(data, query) !== 0) return null;
  const any = Object.values(facets).some((values) => values.length > 0);
  return [
    {
      id: "nothing",
      title: any ? "No calls in this view" : "No calls yet",
      from: any,
      body: any ? (box) => box.replaceChildren(narrow(query)) : (box) => box.replaceChildren(welcome()),
    },
  ];
}

function narrow(query) {
  const narrowed = route.filters(query).length > 0;
  const off = Object.fromEntries(route.filters(query).map(([key]) => [key, null]));
  const { page } = route.current();
  return h(
    "div",
    { class: "empty" },
    h(
      "p",
      {},
      narrowed ? "No call in this time range matches the filters." : "No call was made in this time range.",
    ),
    h(
      "p",
      { class: "toolbar" },
      narrowed ? h("a", { href: route.link(page, off) }, "Remove the filters") : null,
      h("a", { href: route.link(page, { hours: "720", from: null, to: null }) }, "Look at 30 days"),
    ),
  );
}

function welcome() {
  return h(
    "div",
    { class: "welcome" },
    h("h2", {}, "Send the first one"),
    h("p", {}, "Run a program that uses the Anthropic SDK, from another terminal:"),
    h("pre", { class: "command" }, RUN),
    h("p", {}, "Or point a program that runs elsewhere on this machine here:"),
    h("pre", { class: "command" }, ENVIRONMENT(location.origin)),
    h("p", {}, "No program at hand? The demo makes calls to an emulated API, for free:"),
    h("pre", { class: "command" }, "otel-claude demo --serve"),
    h(
      "p",
      {},
      "Still nothing? ",
      h("code", {}, "otel-claude doctor"),
      " looks for the reason. This page shows calls as they arrive.",
    ),
  );
}
