// From a spec to what Plotly takes: one function per kind of chart.
//
// Labels come from telemetry, and Plotly understands some HTML in texts: `plain` takes that away.

import { LETTER, dateAxis, logTicks, plain, say, short, steps, ticked, valueAxis, wall } from "./axes.js";
import * as format from "./format.js";
import { ink } from "./palette.js";

const touched = matchMedia("(pointer: coarse)");

/**
 * Values over time.
 * @param {object} spec `x`: starts of the buckets; `step`: their length in seconds; `series`:
 *   `{name, label, hue, values}`; `unit`; `stacked`: bars on top of each other, else lines.
 */
export function time({ x, step, series, unit, stacked = false }) {
  const at = x.map((start) => wall(stacked ? new Date(start).getTime() + (step ?? 0) * 500 : start));
  const data = series.map((one) => ({
    ...(stacked
      ? {
          type: "bar",
          width: step ? step * 1000 * 0.82 : undefined,
          marker: { color: ink(one.hue), line: { width: 0 } },
        }
      : {
          type: "scatter",
          mode: x.length > 50 ? "lines" : "lines+markers",
          line: { color: ink(one.hue), width: 2 },
          marker: { size: 4 },
          connectgaps: true,
        }),
    x: at,
    y: stacked ? one.values.map((value) => value || null) : one.values, // no zeros in the tooltip
    meta: one.name,
    name: plain(one.label ?? one.name),
    text: one.values.map((value) => say(unit, value)),
    textposition: "none",
    hovertemplate: "%{text}",
  }));
  const tops = stacked
    ? x.map((_, index) => series.reduce((sum, one) => sum + (one.values[index] ?? 0), 0))
    : series.flatMap((one) => one.values);
  return {
    data,
    layout: {
      barmode: "stack",
      hovermode: "x unified",
      dragmode: touched.matches ? false : "zoom", // a finger scrolls the page
      xaxis: dateAxis(x, step),
      yaxis: valueAxis(unit, tops),
    },
  };
}

/**
 * What was spent so far, and how it will go on: `x` and `values` (sums) until now, then a straight
 * line to `expected` at `end`, and the interval from `low` to `high`, where they are known.
 */
export function fan({ x, values, start, end, expected, low, high, unit }) {
  const at = x.map(wall);
  const [now, spent, last] = [at.at(-1), values.at(-1), wall(end)];
  const known = Number.isFinite(low) && Number.isFinite(high);
  const hue = ink("--s1");
  const line = { type: "scatter", mode: "lines", hoverinfo: "skip" };
  const between = known ? `<br>80% sure: ${say(unit, low)} to ${say(unit, high)}` : "";
  return {
    data: [
      ...(known
        ? [
            {
              ...line,
              x: [now, last, last, now],
              y: [spent, high, low, spent],
              fill: "toself",
              fillcolor: `${hue}30`,
              line: { width: 0 },
            },
          ]
        : []),
      { ...line, x: [now, last], y: [spent, expected], line: { color: hue, width: 2, dash: "dot" } },
      {
        type: "scatter",
        mode: x.length > 50 ? "lines" : "lines+markers",
        x: at,
        y: values,
        line: { color: hue, width: 2 },
        marker: { size: 4 },
        text: values.map((value) => `${say(unit, value)} so far`),
        hovertemplate: "%{x}<br>%{text}<extra></extra>",
      },
      {
        type: "scatter",
        mode: "markers",
        x: [last],
        y: [expected],
        marker: { size: 9, color: hue },
        error_y: known
          ? {
              type: "data",
              symmetric: false,
              array: [high - expected],
              arrayminus: [expected - low],
              color: hue,
              thickness: 1.5,
              width: 5,
            }
          : undefined,
        cliponaxis: false,
        hovertemplate: `expected: ${say(unit, expected)}${between}<extra></extra>`,
      },
    ],
    layout: {
      hovermode: "closest",
      dragmode: false,
      margin: { l: 8, r: 18, t: 8, b: 8 },
      xaxis: { ...dateAxis([start, end], 0), fixedrange: true },
      yaxis: valueAxis(unit, [...values, expected * 1.15, high ?? 0]), // room for the label
      annotations: [
        {
          x: last,
          y: expected,
          xanchor: "right",
          yanchor: "bottom",
          xshift: -8,
          yshift: 6,
          showarrow: false,
          font: { size: 13, color: ink("--ink") },
          text: say(unit, expected),
        },
      ],
    },
  };
}

/** Values by name: `labels`, `values`, `unit`, `hues`, `tall` and `wide` in pixels. The first one is on top. */
export function bars({ labels, values, unit, hues, tall, wide }) {
  const longest = (texts) => Math.max(...texts.map((text) => text.length)) * LETTER;
  const shown = labels.map((label) => plain(label.length > 26 ? `${label.slice(0, 25)}…` : label));
  const said = values.map((value) => say(unit, value));
  const room = Math.max(60, wide - longest(shown) - 40);
  return {
    data: [
      {
        type: "bar",
        orientation: "h",
        x: values,
        y: labels.map((_, index) => index),
        marker: { color: hues.map(ink) },
        text: said,
        textposition: "outside",
        textfont: { color: ink("--ink-2") },
        cliponaxis: false,
        customdata: labels.map(plain),
        hovertemplate: "%{customdata}: %{text}<extra></extra>",
        width: Math.min(0.66, (24 * (labels.length + 0.2)) / tall), // bars are at most 24 pixels thick
      },
    ],
    layout: {
      hovermode: "closest",
      dragmode: false,
      margin: { l: 8, r: 12, t: 4, b: 4 },
      xaxis: {
        visible: false,
        fixedrange: true,
        range: [0, (Math.max(...values, 0) || 1) / (1 - Math.min(0.6, (longest(said) + 8) / room))],
      },
      yaxis: {
        tickmode: "array",
        tickvals: shown.map((_, index) => index),
        ticktext: shown.map((label) => `${label}  `),
        range: [labels.length - 0.4, -0.6],
        fixedrange: true,
        automargin: true,
        tickfont: { color: ink("--ink-2") },
      },
    },
  };
}

/** Shares of the buckets of a histogram: `edges` (one more than counts), `counts`, `lines`. */
export function histogram({ edges, counts, unit, wide, lines = [] }) {
  const position = (value) => {
    const index = edges.findLastIndex((edge) => edge <= value);
    if (index < 0) return -0.5;
    if (index >= counts.length) return counts.length - 0.5;
    return index - 0.5 + (value - edges[index]) / (edges[index + 1] - edges[index]);
  };
  const named = edges
    .slice(0, -1)
    .map((edge, index) => `${say(unit, edge)} to ${say(unit, edges[index + 1])}`);
  const ticks = logTicks(edges[0], edges.at(-1), wide - 60);
  return {
    data: [
      {
        type: "bar",
        x: counts.map((_, index) => index),
        y: counts,
        customdata: named,
        text: counts.map((value) => format.things(value, "call")),
        textposition: "none",
        hovertemplate: "%{customdata}<br>%{text}<extra></extra>",
        marker: { color: ink("--s1") },
        width: 0.9,
      },
    ],
    layout: {
      hovermode: "closest",
      dragmode: false,
      margin: { l: 8, r: 16, t: lines.length ? 22 : 8, b: 8 },
      xaxis: {
        tickmode: "array",
        tickvals: ticks.map(position),
        ticktext: ticks.map(short),
        range: [-0.6, counts.length - 0.4],
        fixedrange: true,
        showgrid: false,
        zeroline: false,
        showline: true,
        linecolor: ink("--line-strong"),
        automargin: true,
      },
      yaxis: valueAxis("count", counts),
      ...markers(lines, position, counts.length),
    },
  };
}

/** Upright lines with a name: `{name, value}`; names that would meet become one. */
function markers(lines, position, width) {
  const known = lines
    .filter((line) => Number.isFinite(line.value))
    .map(({ name, value }) => ({ name, at: position(value) }));
  const labels = [];
  for (const { name, at } of known) {
    const last = labels.at(-1);
    if (last && at - last.at < width * 0.08)
      Object.assign(last, { name: `${last.name}, ${name}`, at: (last.at + at) / 2 });
    else labels.push({ name, at });
  }
  const line = {
    type: "line",
    y0: 0,
    y1: 1,
    yref: "paper",
    line: { color: ink("--ink-3"), width: 1, dash: "dot" },
  };
  const label = {
    y: 1,
    yref: "paper",
    yanchor: "bottom",
    showarrow: false,
    font: { size: 11, color: ink("--ink-2") },
  };
  return {
    shapes: known.map(({ at }) => ({ ...line, x0: at, x1: at })),
    annotations: labels.map(({ name, at }) => ({ ...label, x: at, text: plain(name) })),
  };
}

/** p50, p95 and p99 by name on one logarithmic axis: `rows` of `{name, hue, p50, p95, p99}`. */
export function spread({ rows, unit, wide }) {
  const values = rows.flatMap((row) => [row.p50, row.p95, row.p99]).filter((value) => value > 0);
  const low = Math.min(...values) * 0.8;
  const high = Math.max(...values) * 1.25;
  const names = Math.max(...rows.map((row) => row.name.length)) * LETTER;
  const ticks = logTicks(low, high, wide - names - 40);
  const dot = (field, size, symbol) => ({
    type: "scatter",
    mode: "markers",
    x: rows.map((row) => row[field]),
    y: rows.map((_, index) => index),
    marker: {
      size,
      symbol,
      color: rows.map((row) => ink(row.hue)),
      line: { width: 1.5, color: ink("--surface") },
    },
    text: rows.map((row) => `${plain(row.name)}<br>${field} ${say(unit, row[field])}`),
    hovertemplate: "%{text}<extra></extra>",
  });
  return {
    data: [
      ...rows.map((row, index) => ({
        type: "scatter",
        mode: "lines",
        x: [row.p50, row.p99],
        y: [index, index],
        line: { color: ink(row.hue), width: 3 },
        opacity: 0.4,
        hoverinfo: "skip",
      })),
      dot("p50", 13, "circle"),
      dot("p95", 11, "diamond"),
      dot("p99", 11, "line-ns-open"),
    ],
    layout: {
      hovermode: "closest",
      dragmode: false,
      xaxis: {
        type: "log",
        tickmode: "array",
        tickvals: ticks,
        ticktext: ticks.map(short),
        range: [Math.log10(low), Math.log10(high)],
        fixedrange: true,
        gridcolor: ink("--line"),
        zeroline: false,
        automargin: true,
      },
      yaxis: {
        tickmode: "array",
        tickvals: rows.map((_, index) => index),
        ticktext: rows.map((row) => `${plain(row.name)}  `),
        tickfont: { color: ink("--ink-2") },
        range: [rows.length - 0.4, -0.6],
        fixedrange: true,
        showgrid: false,
        zeroline: false,
        automargin: true,
      },
    },
  };
}

/** A map of values: `x` and `y` names, `z[y][x]`, `unit`. */
export function heat({ x, y, z, unit }) {
  return {
    data: [
      {
        type: "heatmap",
        x,
        y,
        z,
        xgap: 2,
        ygap: 2,
        showscale: false,
        text: z.map((row) => row.map((value) => say(unit, value))),
        hovertemplate: "%{y} %{x}: %{text}<extra></extra>",
        colorscale: [0, 1, 2, 3].map((step) => [step / 3, ink(`--heat-${step}`)]),
        zmin: 0,
      },
    ],
    layout: {
      hovermode: "closest",
      dragmode: false,
      xaxis: {
        type: "category",
        fixedrange: true,
        showgrid: false,
        nticks: 12,
        tickangle: 0,
        ticks: "",
        automargin: true,
      },
      yaxis: {
        type: "category",
        fixedrange: true,
        showgrid: false,
        autorange: "reversed",
        ticks: "",
        automargin: true,
      },
    },
  };
}

/** Spans of a trace on one clock: `rows` of `{name, hue, start, duration, failed, here}`, seconds. */
export function waterfall({ rows }) {
  const end = Math.max(...rows.map((row) => row.start + row.duration));
  const ticks = steps(0, end, { about: 5 });
  return {
    data: [
      {
        type: "bar",
        orientation: "h",
        base: rows.map((row) => row.start),
        x: rows.map((row) => Math.max(row.duration, end / 400)),
        y: rows.map((_, index) => index),
        width: 0.6,
        marker: {
          color: rows.map((row) => ink(row.failed ? "--bad" : row.hue)),
          opacity: rows.map((row) => (row.here ? 1 : 0.6)),
        },
        customdata: rows.map(
          (row) =>
            `${plain(row.name)}<br>starts at ${format.seconds(row.start)}, takes ${format.seconds(row.duration)}`,
        ),
        hovertemplate: "%{customdata}<extra></extra>",
      },
    ],
    layout: {
      hovermode: "closest",
      dragmode: false,
      margin: { l: 8, r: 8, t: 26, b: 0 },
      xaxis: {
        side: "top",
        tickmode: "array",
        tickvals: ticks,
        ticktext: ticked("seconds", ticks),
        range: [0, end * 1.02],
        gridcolor: ink("--line"),
        zeroline: false,
        fixedrange: true,
      },
      yaxis: { visible: false, range: [rows.length - 0.5, -0.5], fixedrange: true },
    },
  };
}
