// Charts by Plotly, in our colours, units and fonts. A chart is described by plain data (its spec);
// drawing into the same element again updates it in place.

import { ink } from "./palette.js";
import * as marks from "./marks.js";

let loading = null;
const drawn = new Map(); // element -> spec

/** Plotly is large: it is loaded with the first chart, after the figures are on the page. */
function plotly() {
  loading ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = "plotly.min.js";
    script.onload = () => done(globalThis.Plotly);
    script.onerror = () => {
      loading = null; // the next refresh tries again
      failed(new Error("Plotly could not be loaded"));
    };
    document.head.append(script);
  });
  return loading;
}

/**
 * Draw a chart.
 * @param {HTMLElement} element where; its height is the chart's.
 * @param {object} spec `kind` is a function of marks.js, which says what else it takes;
 *   `label` says in words what the chart shows, `onpick` is told of a click on a mark.
 */
export async function draw(element, spec) {
  const Plotly = await plotly();
  if (!element.isConnected) return;
  const fresh = !drawn.has(element);
  drawn.set(element, spec);
  const { data, layout } = marks[spec.kind]({ ...spec, wide: element.clientWidth });
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", spec.label ?? "");
  await Plotly.react(
    element,
    data,
    { ...frame(), ...layout },
    { displayModeBar: false, responsive: true, doubleClick: false, showTips: false },
  );
  if (fresh) listen(element);
  element.dataset.drawn = "true";
}

function listen(element) {
  element.on("plotly_click", (event) => {
    const spec = drawn.get(element);
    const point = event.points?.[0];
    if (point) spec?.onpick?.({ index: point.pointIndex, series: point.data.meta, x: point.x });
  });
  element.on("plotly_relayout", (event) => {
    const range = [event["xaxis.range[0]"], event["xaxis.range[1]"]];
    if (range[0] && range[1]) drawn.get(element)?.onzoom?.(new Date(range[0]), new Date(range[1]));
  });
}

/** What all charts share: no frame, quiet grid, our font. */
function frame() {
  const style = getComputedStyle(document.body);
  return {
    font: { family: style.fontFamily, size: 12, color: ink("--ink-3") },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 8, r: 8, t: 8, b: 8 },
    showlegend: false,
    hoverlabel: {
      bgcolor: ink("--raised"),
      bordercolor: ink("--line-strong"),
      font: { family: style.fontFamily, size: 12, color: ink("--ink") },
      align: "left",
      namelength: 40,
    },
    separators: ".,",
    uirevision: "kept",
  };
}

/** Forget charts that are no longer on the page. */
export function sweep() {
  for (const element of drawn.keys()) {
    if (element.isConnected) continue;
    globalThis.Plotly?.purge(element);
    drawn.delete(element);
  }
}

addEventListener("themechange", () => {
  for (const [element, spec] of drawn) if (element.isConnected) draw(element, spec);
});
