// What the day and the month will have cost.

import * as format from "../format.js";
import { between, link } from "../route.js";

const HOUR = 3_600_000; // milliseconds
const DAY = 24 * HOUR;
const PATTERNS = {
  week: "what each hour of the week usually costs",
  day: "what each hour of the day usually costs",
  level: "the mean of all hours",
};
/** @param {object} forecast of /api/forecast; @param {object} hours of /api/timeseries, of today. */
export function today(forecast, hours) {
  return projected(forecast, forecast.day, {
    id: "today",
    title: "Today",
    ends: "midnight UTC",
    step: HOUR,
    points: hours.points.map(({ at_ns, cost_usd }) => [at_ns / 1e6, cost_usd]),
  });
}

/** @param {object} forecast of /api/forecast; @param {object[]} days of /api/tokens/daily. */
export function month(forecast, days) {
  return projected(forecast, forecast.month, {
    id: "month",
    title: "This month",
    ends: "its end (UTC)",
    step: DAY,
    points: days.map(({ day_ns, cost_usd }) => [day_ns / 1e6, cost_usd]),
  });
}

function projected({ reason, pattern }, found, { id, title, ends, step, points }) {
  const panel = { id, title, span: 6, tall: 280 };
  if (!found) return { ...panel, note: "USD", rows: [], empty: reason };
  const { expected_usd: expected, low_usd: low, high_usd: high, spent_usd: spent } = found;
  const [start, end] = [found.from_ns / 1e6, found.to_ns / 1e6];
  const now = Math.min(Date.now(), end);
  const sums = summed(points, { start, now, step, spent });
  const sure =
    low === null
      ? "no interval yet: three whole days of history are needed"
      : `80% sure: ${format.usd(low)} to ${format.usd(high)}`;
  return {
    ...panel,
    note: `USD, summed up; expected by ${ends}: ${format.usd(expected)} (${sure}), from ${PATTERNS[pattern]}`,
    rows: [
      ...sums.map(([at, usd]) => ({ at: new Date(at).toISOString(), usd })),
      { at: new Date(end).toISOString(), usd: expected, low, high },
    ],
    limit: 40, // every hour, every day
    columns: [
      { key: "at", label: "Until", format: format.time, class: "nowrap" },
      { key: "usd", label: "USD (the last is expected)", format: format.usd, number: true },
      { key: "low", label: "At least", format: format.usd, number: true },
      { key: "high", label: "At most", format: format.usd, number: true },
    ],
    chart: {
      kind: "fan",
      label: `${title}: ${format.usd(spent)} so far, ${format.usd(expected)} expected by ${ends}; ${sure}.`,
      x: sums.map(([at]) => at),
      values: sums.map(([, usd]) => usd),
      start,
      end,
      expected,
      low,
      high,
      unit: "usd",
      onpick: () => {
        location.hash = link("calls", between(start, now));
      },
    },
  };
}

/** Sums at the end of each part of a period, up to now. */
function summed(points, { start, now, step, spent }) {
  const by = new Map(points);
  const found = [[start, 0]];
  let sum = 0;
  for (let at = start; at + step < now; at += step) {
    sum += by.get(at) ?? 0;
    found.push([at + step, sum]);
  }
  return [...found, [now, spent]];
}
