"""Looking at a page as a person does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGES = (
    "overview",
    "cost",
    "latency",
    "errors",
    "usage",
    "quality",
    "budgets",
    "insights",
    "calls",
)

_UNDRAWN = "#main[aria-busy='true'], .chart:not([data-drawn])"
# What would look wrong: a chart without a mark, text cut off by its own box, things on top of each other.
_FLAWS = """() => {
  const flaws = [];
  const box = (e) => e.getBoundingClientRect();
  if (document.documentElement.scrollWidth > innerWidth + 1) flaws.push("the page is wider than the window");
  for (const chart of document.querySelectorAll(".chart")) {
    const name = chart.closest(".panel").querySelector("h2").textContent;
    const marks = chart.querySelectorAll(".points path, .lines path, .fills path, image, .heatmaplayer *");
    if (!marks.length) flaws.push(`${name}: empty chart`);
    const room = box(chart);
    const texts = [...chart.querySelectorAll("text")].filter((t) => t.textContent.trim() && box(t).width);
    for (const text of texts) {
      const r = box(text);
      if (r.left < room.left - 1 || r.right > room.right + 1 || r.bottom > room.bottom + 1) flaws.push(`${name}: ${text.textContent} is cut off`);
    }
    for (const [i, a] of texts.entries()) for (const b of texts.slice(i + 1)) {
      const [p, q] = [box(a), box(b)];
      const over = Math.min(p.right, q.right) - Math.max(p.left, q.left);
      const high = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
      if (over > 2 && high > 4) flaws.push(`${name}: ${a.textContent} meets ${b.textContent}`);
    }
  }
  for (const e of document.querySelectorAll(".tile-value, .tile-name, h1, h2, .chip, .legend li")) {
    if (e.scrollWidth > e.clientWidth + 1) flaws.push(`${e.textContent} is cut off`);
  }
  const panels = [...document.querySelectorAll(".panel, .tile")].map((e) => [e, box(e)]);
  for (const [i, [a, p]] of panels.entries()) for (const [b, q] of panels.slice(i + 1)) {
    const over = Math.min(p.right, q.right) - Math.max(p.left, q.left);
    const high = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
    if (over > 1 && high > 1) flaws.push(`${a.id || a.className} lies on ${b.id || b.className}`);
  }
  return flaws;
}"""


def settled(page: Page) -> None:
    """Wait until everything is loaded and drawn."""
    page.wait_for_selector(".panel")
    page.locator(_UNDRAWN).first.wait_for(state="detached")
    page.evaluate("document.fonts.ready")


def flaws(page: Page) -> list[str]:
    """What is wrong to the eye."""
    found: list[str] = page.evaluate(_FLAWS)
    return found


def tile(page: Page, name: str) -> str:
    """The value of a tile."""
    inner = page.locator(".tile", has=page.get_by_text(name, exact=True)).locator(".tile-value")
    return str(inner.inner_text())
