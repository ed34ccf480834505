// Panels that many pages have: something over time, by a dimension; and their drill-down to calls.

import * as format from "./format.js";
import { between, change, link } from "./route.js";
import { hue } from "./palette.js";
import { keyed } from "./table.js";

const NONE = "(none)";
const WEEK = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
export const OTHER = "(other)";
const shownKey = (key) => key ?? NONE;

/** The column of the values of a dimension; with their colours where a chart beside it has them. */
export function nameColumn(kind, label, coloured = kind === "model") {
  return {
    key: "key",
    label,
    show: ({ key }) => (coloured ? keyed(key, shownKey(key), kind) : shownKey(key)),
  };
}

/** Go to the calls behind a mark: its time, and what its series stands for. */
export function drill(filter) {
  return (start, step, series) => {
    const only =
      filter && series !== undefined && series !== OTHER ? { [filter]: series === NONE ? "-" : series } : {};
    location.hash = link("calls", { ...only, ...between(start, start + step * 1000) });
  };
}

/**
 * A panel of something over time.
 * @param {object} what `data`: answer of /api/timeseries; `of`: field of a point, or a function of
 *   it; `filter`: the dimension its series are; `kind`: what they are
 *   names of, where one cannot filter by it; `names`: with a legend; `unit`, `stacked`; else as a
 *   panel.
 */
export function byTime({
  data,
  of,
  unit,
  filter,
  stacked = true,
  kind = filter,
  names: named = Boolean(kind),
  ...panel
}) {
  const read = typeof of === "function" ? of : (point) => point[of];
  const step = data.step_seconds;
  const starts = grid(data);
  const names = [...new Set(data.points.map((point) => shownKey(point.key)))].sort(ranked(data));
  const found = new Map(data.points.map((point) => [`${point.at_ns / 1e6}|${shownKey(point.key)}`, point]));
  const value = (start, name) => {
    const point = found.get(`${start}|${name}`);
    return point ? read(point) : stacked ? 0 : null;
  };
  const series = names
    .map((name) => ({
      name,
      label: format.words(name),
      hue: hue(name, kind),
      values: starts.map((start) => value(start, name)),
    }))
    .filter((one) => one.values.some((each) => each !== null && each !== 0));
  const rows = starts.map((start, index) => ({
    at: new Date(start).toISOString(),
    ...Object.fromEntries(series.map((one) => [one.name, one.values[index]])),
  }));
  const go = drill(filter);
  return {
    ...panel,
    rows: series.length ? rows.filter((row) => series.some((one) => row[one.name])) : [],
    columns: [
      { key: "at", label: "From", format: format.time, class: "nowrap" },
      ...series.map((one) => ({
        key: one.name,
        label: format.words(one.name),
        format: formatter(unit),
        number: true,
      })),
    ],
    href: (row) => link("calls", between(row.at, Date.parse(row.at) + step * 1000)),
    chart: {
      kind: "time",
      x: starts,
      step,
      series,
      unit,
      stacked,
      onpick: ({ index, series: name }) => go(starts[index], step, name),
      onzoom: (from, to) => change(between(from, to)),
    },
    legend: named ? series : [],
  };
}

/** Largest first, as the server ranks them; what is left over last. */
function ranked({ keys }) {
  const place = (name) => (name === OTHER ? 1000 : name === NONE ? 999 : (keys?.indexOf(name) ?? 0));
  return (a, b) => place(a) - place(b);
}

/** Every bucket from the first point to the last: a gap is a gap in time. */
function grid({ points, step_seconds: step, from_ns: start, to_ns: end }) {
  if (!points.length) return [];
  const size = step * 1000;
  const first = start ? Math.floor(start / 1e6 / size) * size : points[0].at_ns / 1e6;
  const last = end ? (end - 1) / 1e6 : points.at(-1).at_ns / 1e6;
  const found = [];
  for (let at = first; at <= last; at += size) found.push(at);
  return found;
}

/**
 * A panel of something by day of the week and hour.
 * @param {object[]} hours of /api/usage. The server counts in UTC; readers have their own clock.
 * @param {object} what `of`: field of an hour; `unit`; else as a panel.
 */
export function byWeek(hours, { of, unit, ...panel }) {
  const shift = -Math.round(new Date().getTimezoneOffset() / 60);
  const grid = WEEK.map(() => Array(24).fill(0));
  for (const found of hours) {
    const at = (found.weekday * 24 + found.hour + shift + 168) % 168;
    grid[Math.floor(at / 24)][at % 24] += found[of];
  }
  const names = Array.from({ length: 24 }, (_, hour) => String(hour).padStart(2, "0"));
  const rows = WEEK.flatMap((day, index) =>
    grid[index].map((value, hour) => ({ day, hour: `${names[hour]}:00`, [of]: value })),
  ).filter((row) => row[of] > 0);
  return {
    id: "week",
    ...panel,
    rows,
    columns: [
      { key: "day", label: "Day" },
      { key: "hour", label: "Hour" },
      { key: of, label: format.words(of), format: formatter(unit), number: true },
    ],
    chart: { kind: "heat", x: names, y: WEEK, z: grid, unit },
  };
}

/** How a value of a unit is written in a table. */
function formatter(unit) {
  return (
    {
      usd: format.usd,
      count: format.count,
      tokens: format.count,
      seconds: format.seconds,
      percent: format.percent,
    }[unit] ?? format.number
  );
}
