// Elements. Text is always set as text: what the telemetry holds is hostile until proven otherwise.

/**
 * An element with properties and children.
 * @param {string} tag its name.
 * @param {Object<string, *>} [props] `class`, `on*` functions, `data`, `style` (custom properties),
 *   else attributes; false, null and undefined leave one out, true sets it empty.
 * @param {...(Node|string|number|null|Array)} children null and undefined are skipped.
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "style") {
      for (const [key, set] of Object.entries(value)) element.style.setProperty(key, set);
    } else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Say something to those who listen to the page. */
export function tell(text) {
  byId("told").textContent = text;
}

/** Replace what an element holds, keeping the keyboard where it was (by `data-key`). */
export function refill(element, ...children) {
  const focused = element.contains(document.activeElement)
    ? document.activeElement.closest("[data-key]")?.dataset.key
    : undefined;
  element.replaceChildren(...children.flat(Infinity).filter(Boolean));
  if (focused !== undefined) {
    element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
}

/** Let the browser save a text as a file. */
export function download(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = h("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
