// Start: what the URL asks for is loaded, shown, and shown again with new figures.

import { ApiError, get } from "./api.js";
import { sweep } from "./charts.js";
import { controls, navigation } from "./controls.js";
import { byId, h, tell } from "./dom.js";
import { clock } from "./format.js";
import { Live } from "./live.js";
import { reserve } from "./palette.js";
import { Board } from "./panel.js";
import { PAGES } from "./pages/index.js";
import * as route from "./route.js";
import { nothing } from "./welcome.js";

const EVERY = 30_000; // milliseconds between refreshes
const FACETS = new URLSearchParams({ days: "30" }); // filters offer what there was in the longest range
const AGAIN = 3_000; // and between attempts while the server does not answer

let shown = { key: "", board: null, at: null };
let under = new AbortController();
let timer = 0;
let missed = false; // something happened while nobody looked

/** Load the page of the URL and show it; a newer start makes an older one void. */
async function refresh() {
  under.abort();
  under = new AbortController();
  clearTimeout(timer);
  const { signal } = under;
  const here = route.current();
  const page = PAGES[here.page];
  if (!page) {
    location.replace("#/overview");
    return;
  }
  enter(here, page);
  byId("main").setAttribute("aria-busy", "true");
  let wait = EVERY;
  const began = performance.now();
  try {
    const context = { ...here, scope: route.scope(here.query), signal };
    const [{ values: facets }, { note }, data] = await Promise.all([
      get("api/facets", FACETS, signal),
      get("api/coverage", context.scope, signal),
      page.load(context),
    ]);
    if (signal.aborted) return;
    for (const [kind, names] of Object.entries(facets)) reserve(names.slice(0, 10), kind);
    controls(here, facets);
    sampled(note);
    show(page, data, { ...context, facets });
    recovered();
    live.open(); // no-op while it is
    live.took(performance.now() - began);
  } catch (error) {
    if (error.name === "AbortError" || signal.aborted) return;
    wait = failed(error) ? AGAIN : EVERY;
  }
  byId("main").setAttribute("aria-busy", "false");
  missed = false;
  timer = setTimeout(again, wait);
}

/** Not while nobody looks. */
function again() {
  if (document.hidden) missed = true;
  else refresh();
}

/** A page that was not there before gets a new board, its title, and the keyboard. */
function enter(here, page) {
  const key = `${here.page}/${here.rest}`;
  if (shown.key === key) return;
  const first = shown.key === "";
  shown = { key, board: new Board(byId("board")), at: null };
  navigation(here);
  const title = typeof page.title === "function" ? page.title(here) : page.title;
  byId("title").textContent = title;
  document.title = `${title} · otel-claude`;
  if (!first) {
    byId("title").focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

function show(page, data, context) {
  const parts = nothing(page, data, context) ?? page.show(data, context);
  shown.board.show(parts);
  shown.at = new Date();
  sweep();
}

/** Say where these are not all calls. */
function sampled(note) {
  byId("coverage").textContent = note ?? "";
  byId("coverage").hidden = note === null;
}

/** Say what went wrong; what was loaded before stays. True where a later attempt may work. */
function failed(error) {
  const down = !(error instanceof ApiError) || error.status === 0 || error.status >= 500;
  const banner = byId("banner");
  const since = shown.at ? ` These figures are of ${clock(shown.at)}.` : "";
  const parts = down
    ? [h("strong", {}, "The server does not answer."), `${since} Trying again every ${AGAIN / 1000} seconds.`]
    : [h("strong", {}, error.message), " ", h("a", { href: "#/overview" }, "Start again without filters")];
  if (!(error instanceof ApiError)) console.error(error);
  if (banner.hidden || banner.dataset.said !== error.message) banner.replaceChildren(...parts);
  banner.dataset.said = error.message;
  banner.hidden = false;
  if (down) live.state("down");
  return down;
}

function recovered() {
  const banner = byId("banner");
  if (banner.hidden) return;
  banner.hidden = true;
  tell("The server answers again.");
}

const live = new Live(again);

addEventListener("hashchange", refresh);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && missed) refresh();
});
byId("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the hash is the page's
  byId("main").focus();
});
const THEMES = { auto: "light", light: "dark", dark: "auto" };
const themed = () => {
  const now = document.documentElement.dataset.chosen;
  byId("theme").textContent = `Theme: ${now}`;
};
byId("theme").addEventListener("click", () =>
  setTheme(THEMES[document.documentElement.dataset.chosen] ?? "auto"),
);
addEventListener("themechange", themed);
themed();
live.open();
refresh();
