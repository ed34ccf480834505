// A name keeps its colour on every page and after every refresh. Colours are custom properties, so
// that styles follow the theme by themselves; `ink` gives the value, as Plotly needs it.

const SLOTS = 10;
const FIXED = {
  completed: "--s3",
  failed: "--bad",
  truncated: "--s5",
  abandoned: "--s-other",
  cancelled: "--s9",
  rejected: "--s7",
  input: "--s1",
  output: "--s2",
  cache_read: "--s3",
  cache_write: "--s5",
  server_tools: "--s4",
  p50: "--s1",
  p95: "--s5",
  p99: "--s7",
  users: "--s1",
  sessions: "--s2",
};
const OTHER = new Set(["(other)", "(none)", "", null, undefined]);
const taken = new Map(); // kind of name -> name -> slot

/** The value of a custom property. */
export const ink = (property) => getComputedStyle(document.documentElement).getPropertyValue(property).trim();

/**
 * The custom property with the colour of a name: of its own, while there are any left.
 * @param {string|null} name
 * @param {string} [kind] what it is a name of: names of different kinds do not share colours.
 */
export function hue(name, kind = "model") {
  if (OTHER.has(name)) return "--s-other";
  if (Object.hasOwn(FIXED, name)) return FIXED[name];
  if (!taken.has(kind)) taken.set(kind, new Map());
  const slots = taken.get(kind);
  if (!slots.has(name)) slots.set(name, free(hash(name), new Set(slots.values())));
  return `--s${slots.get(name) + 1}`;
}

/** Give these names their colours first, in one order, whichever page asks first. */
export function reserve(names, kind) {
  for (const name of [...names].sort()) hue(name, kind);
}

function free(start, used) {
  for (let step = 0; step < SLOTS; step += 1) {
    const slot = (start + step) % SLOTS;
    if (!used.has(slot)) return slot;
  }
  return start;
}

function hash(name) {
  let value = 2166136261;
  for (const letter of name) value = Math.imul(value ^ letter.codePointAt(0), 16777619) >>> 0;
  return value % SLOTS;
}
