// Axes: round ticks, all in one unit, and labels that are only text.

import * as format from "./format.js";
import { ink } from "./palette.js";

/** Formatters by unit, and how an axis says it. */
const UNITS = {
  usd: [format.usd, "USD"],
  count: [format.count, ""],
  tokens: [format.count, "tokens"],
  seconds: [format.seconds, ""],
  percent: [format.percent, ""],
  number: [format.number, ""],
};

export const LETTER = 7; // pixels, about

export const plain = (text) =>
  String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
export const say = (unit, value) => {
  const [shown, name] = UNITS[unit];
  return name && name !== "USD" ? `${shown(value)} ${name}` : shown(value);
};

/** Local wall time: Plotly's date axis knows no zones. */
export function wall(value) {
  const date = new Date(value);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, -1);
}

/** Round steps from zero (or below) to beyond the top; of things that are counted, whole ones. */
export function steps(low, high, { about = 4, whole = false } = {}) {
  const raw = (high - low || 1) / about;
  const power = 10 ** Math.floor(Math.log10(raw));
  const round = [1, 2, 2.5, 5, 10]
    .map((factor) => factor * power)
    .filter((size) => !whole || Number.isInteger(size));
  const step = round.find((size) => size >= raw * 0.999) ?? 1;
  const found = [];
  for (let value = Math.floor(low / step) * step; value < high + step * 0.999; value += step) {
    found.push(Math.abs(value) < step * 1e-9 ? 0 : Number(value.toPrecision(12)));
  }
  return found;
}

/** All ticks of an axis in one unit with the same number of decimals. */
export function ticked(unit, ticks) {
  const step = Math.abs(ticks[1] - ticks[0]);
  const decimals = (scale) =>
    Math.max(
      0,
      ...ticks.map((value) => (String(Number((value * scale).toPrecision(6))).split(".")[1] ?? "").length),
    );
  if (unit === "usd" && step < 1) {
    const digits = Math.max(2, decimals(1));
    return ticks.map((value) => (value === 0 ? "$0" : `$${value.toFixed(digits)}`));
  }
  if (unit === "seconds" && ticks.at(-1) <= 120) {
    const [scale, name] = ticks.at(-1) < 1.5 ? [1000, "ms"] : [1, "s"];
    return ticks.map((value) => (value === 0 ? "0" : `${(value * scale).toFixed(decimals(scale))} ${name}`));
  }
  return ticks.map((value) => UNITS[unit][0](value));
}

export function valueAxis(unit, values) {
  const known = values.filter((value) => Number.isFinite(value));
  const high = Math.max(0, ...known);
  const low = Math.min(0, ...known);
  const share = unit === "percent" && high > 0.5 && high <= 1;
  const ticks = share
    ? [0, 0.25, 0.5, 0.75, 1]
    : steps(low, high || 1, { whole: unit === "count" || unit === "tokens" });
  return {
    tickmode: "array",
    tickvals: ticks,
    ticktext: ticked(unit, ticks),
    range: [ticks[0], ticks.at(-1) * 1.02],
    fixedrange: true,
    gridcolor: ink("--line"),
    zeroline: false,
    automargin: true,
    ticks: "",
    ticklabelstandoff: 6,
  };
}

export function dateAxis(x, step) {
  const last = x.length ? new Date(new Date(x.at(-1)).getTime() + (step ?? 0) * 1000) : undefined;
  return {
    type: "date",
    range: x.length ? [wall(x[0]), wall(last)] : undefined,
    autorange: !x.length,
    showgrid: false,
    zeroline: false,
    linecolor: ink("--line-strong"),
    showline: true,
    nticks: 6,
    automargin: true,
    hoverformat: (step ?? 0) >= 86_400 ? "%a %-d %b %Y" : "%a %-d %b, %H:%M",
    tickformatstops: [
      { dtickrange: [null, 60_000], value: "%H:%M:%S" },
      { dtickrange: [60_000, 86_400_000 - 1], value: "%H:%M\n%-d %b" },
      { dtickrange: [86_400_000, null], value: "%-d %b" },
    ],
  };
}

/** Seconds of a round number. */
export const short = (value) => (value < 1 ? `${Number((value * 1000).toPrecision(3))} ms` : `${value} s`);

/** Round numbers for a logarithmic axis of some pixels, far enough apart to be read. */
export function logTicks(low, high, pixels) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const factor of [1, 2, 5]) found.push(Number((factor * 10 ** power).toPrecision(3)));
  }
  const inside = (values) => values.filter((value) => value >= low && value <= high);
  const round = inside(found).length > 2 ? inside(found) : inside(steps(low, high));
  const place = (value) => (Math.log(value / low) / Math.log(high / low)) * pixels;
  return round.reduce(
    (kept, value) =>
      kept.length && place(value) - place(kept.at(-1)) < 9 * LETTER ? kept : [...kept, value],
    [],
  );
}
