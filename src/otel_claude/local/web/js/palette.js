// A model keeps its colour on every page and after every refresh.

const SLOTS = 10;
const OUTCOMES = {
  completed: "--s3",
  failed: "--bad",
  truncated: "--s5",
  abandoned: "--s-other",
  cancelled: "--s9",
  rejected: "--s7",
};
const PARTS = {
  input: "--s1",
  output: "--s2",
  cache_read: "--s3",
  cache_write: "--s5",
  cache_write_5m: "--s5",
  cache_write_1h: "--s10",
  server_tools: "--s4",
};
const taken = new Map();

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The value of a custom property, as Plotly needs it. */
export const ink = css;

/** Colour of a name: its own slot by hash, or the next free one while there are any. */
export function colour(name) {
  return css(variable(name));
}

/** The custom property with the colour of a name, for styles that follow the theme by themselves. */
export function variable(name) {
  if (name in OUTCOMES) return OUTCOMES[name];
  if (name in PARTS) return PARTS[name];
  if (name === "other" || name === "" || name === null || name === undefined) return "--s-other";
  if (!taken.has(name)) taken.set(name, free(hash(name)));
  return `--s${taken.get(name) + 1}`;
}

/** Give these names their colours first, in one order, whichever page asks first. */
export function reserve(names) {
  for (const name of [...names].sort()) variable(name);
}

function free(start) {
  const used = new Set(taken.values());
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
