// Numbers for people. Every function takes null or undefined and answers "–".

const NONE = "–";
const absent = (value) => value === null || value === undefined || Number.isNaN(value);
const fixed = (value, digits) =>
  value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** USD: cents from a dollar on, three significant digits below. */
export function usd(value) {
  if (absent(value)) return NONE;
  const size = Math.abs(value);
  const sign = value < 0 ? "−" : "";
  if (size === 0) return "$0";
  if (size >= 10_000) return `${sign}$${fixed(size, 0)}`;
  if (size >= 1) return `${sign}$${fixed(size, 2)}`;
  if (size < 0.000_001) return `${sign}<$0.000001`;
  const digits = Math.min(8, Math.max(2, 2 - Math.floor(Math.log10(size))));
  return `${sign}$${fixed(size, digits)}`;
}

/** A number of things, whole below 10,000, then 12.3k, 4.56M. */
export function count(value) {
  if (absent(value)) return NONE;
  const size = Math.abs(value);
  if (size < 10_000) return value.toLocaleString("en-US", { maximumFractionDigits: size < 10 ? 2 : 0 });
  for (const [unit, name] of [
    [1e12, "T"],
    [1e9, "B"],
    [1e6, "M"],
    [1e3, "k"],
  ]) {
    if (size >= unit)
      return `${(value / unit).toLocaleString("en-US", { maximumSignificantDigits: 3 })}${name}`;
  }
  return String(value);
}

/** A whole number with separators. */
export const whole = (value) => (absent(value) ? NONE : Math.round(value).toLocaleString("en-US"));

/** Seconds, as ms below one second. */
export function seconds(value) {
  if (absent(value)) return NONE;
  if (value < 0.001 && value > 0) return "<1 ms";
  if (value < 0.9995) return `${fixed(value * 1000, 0)} ms`;
  if (value < 10) return `${fixed(value, 2)} s`;
  if (value < 120) return `${fixed(value, 1)} s`;
  if (value < 7200) return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
  return `${fixed(value / 3600, 1)} h`;
}

/** A share (0 to 1) as percent; what is not whole is not shown as 0 % or 100 %. */
export function percent(value) {
  if (absent(value)) return NONE;
  if (value > 0 && value < 0.001) return "<0.1%";
  if (value < 1 && value > 0.999) return ">99.9%";
  return `${fixed(value * 100, Number.isInteger(value * 100) ? 0 : 1)}%`;
}

/** A whole number of things: "1 call", "2 calls". */
export const things = (value, one) => `${whole(value)} ${value === 1 ? one : `${one}s`}`;

/** A number with up to three decimals. */
export const number = (value) =>
  absent(value) ? NONE : Number(value).toLocaleString("en-US", { maximumFractionDigits: 3 });

const asDate = (value) => (value instanceof Date ? value : new Date(value));
const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

/** Date and time of day, in the reader's zone. */
export function time(value) {
  if (absent(value)) return NONE;
  const options = { month: "short", day: "numeric", ...CLOCK, second: "2-digit" };
  return asDate(value).toLocaleString("en-GB", options);
}

/** Time of day, with the day where it is not today. */
export function clock(value) {
  if (absent(value)) return NONE;
  const date = asDate(value);
  const today = date.toDateString() === new Date().toDateString();
  return date.toLocaleString(
    "en-GB",
    today ? { ...CLOCK, second: "2-digit" } : { month: "short", day: "numeric", ...CLOCK },
  );
}

/** The day alone. */
export const day = (value) =>
  absent(value)
    ? NONE
    : asDate(value).toLocaleDateString("en-GB", { weekday: "short", month: "short", day: "numeric" });

/** How much more or less than before, as "+12%"; null where it cannot be said. */
export function change(now, before) {
  if (absent(now) || absent(before) || before === 0) return null;
  const by = now / before - 1;
  if (Math.abs(by) < 0.0005) return "±0%";
  if (by > 9.995) return `×${fixed(now / before, 0)}`;
  const digits = Math.abs(by) < 0.1 ? 1 : 0;
  return `${by > 0 ? "+" : "−"}${fixed(Math.abs(by) * 100, digits)}%`;
}

export const text = (value) => (absent(value) || value === "" ? NONE : String(value));

/** "error_type" as "error type". */
export const words = (value) => text(value).replaceAll("_", " ");
