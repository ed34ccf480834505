// The URL is the state: #/page/rest?hours=24&model=... so that a link shows what its sender saw.

export const RANGES = [
  ["1", "1h"],
  ["6", "6h"],
  ["24", "24h"],
  ["168", "7d"],
  ["720", "30d"],
];
const DEFAULT_HOURS = "24";

/** Query keys that narrow down what every page shows, with their names for people. */
export const FILTERS = {
  model: "Model",
  feature: "Feature",
  team: "Team",
  tenant: "Tenant",
  user: "User",
  session: "Session",
  endpoint: "Endpoint",
  provider: "Provider",
  prompt: "Prompt",
  prompt_version: "Prompt version",
  service: "Service",
  environment: "Environment",
  run: "Run",
  operation: "Operation",
  workspace: "Workspace",
  organization: "Organization",
  outcome: "Outcome",
  error_category: "Error",
  error_type: "Error type",
  service_tier: "Service tier",
  stop_reason: "Stop reason",
  context: "Prompt size",
  min_cost: "USD, at least",
  min_duration: "Seconds, at least",
};

/** Query keys of the page of calls alone, as the API has them. */
export const NARROW = ["show", "q"];

/** @returns {{page: string, rest: string, query: URLSearchParams}} what the URL asks for. */
export function current() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const [page, ...rest] = path.split("/");
  return { page: page || "overview", rest: decode(rest.join("/")), query: new URLSearchParams(query) };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a broken escape, as typed
  }
}

/** Keys of the URL that stay when the page changes. */
function kept(query) {
  const found = new URLSearchParams();
  for (const [key, value] of query) if (isScope(key)) found.append(key, value);
  return found;
}

const isScope = (key) => ["hours", "from", "to"].includes(key) || key in FILTERS || key.startsWith("tag.");

/** The query for the API: range and filters. */
export function scope(query) {
  const found = kept(query);
  if (!found.has("hours") && !found.has("from")) found.set("hours", DEFAULT_HOURS);
  return found;
}

/** The same without a range. */
export function timeless(asked) {
  const found = new URLSearchParams(asked);
  for (const key of ["hours", "from", "to"]) found.delete(key);
  return found;
}

/** Address of a page, with today's range and filters and the changes given (null removes). */
export function link(page, changes = {}, rest = "") {
  const here = current();
  const query = page === here.page && !rest ? new URLSearchParams(here.query) : kept(here.query);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") query.delete(key);
    else query.set(key, value);
  }
  if (query.has("from")) query.delete("hours");
  if (query.get("hours") === DEFAULT_HOURS) query.delete("hours");
  const said = query.toString();
  return `#/${page}${rest ? `/${encodeURIComponent(rest)}` : ""}${said ? `?${said}` : ""}`;
}

/** Change the query of the page that is shown. A change of filter starts at the first row again. */
export function change(changes) {
  const { page, rest } = current();
  location.hash = link(page, { offset: null, ...changes }, rest);
}

/** Range of hours that starts at one instant, for a drill-down from a chart. */
export function between(from, to) {
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString(), hours: null };
}

/** Address of an export of what the page is about. */
export function exportLink(format, more = {}) {
  const { query } = current();
  const asked = scope(query);
  for (const key of NARROW) for (const value of query.getAll(key)) asked.append(key, value);
  for (const [key, value] of Object.entries({ ...more, format })) asked.set(key, value);
  return `api/export?${asked}`;
}

/** The filters in effect: pairs of key and value. */
export function filters(query) {
  return [...query].filter(([key]) => key in FILTERS || key.startsWith("tag."));
}
