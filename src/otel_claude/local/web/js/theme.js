// Before the first paint: the theme that was chosen here, else what the system says.
"use strict";
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const saved = () => {
    try {
      return localStorage.getItem("otel-claude.theme") || "auto";
    } catch {
      return "auto"; // storage can be forbidden
    }
  };
  const apply = () => {
    const chosen = saved();
    const dark = chosen === "dark" || (chosen === "auto" && system.matches);
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    document.documentElement.dataset.chosen = chosen;
    dispatchEvent(new Event("themechange"));
  };
  system.addEventListener("change", apply);
  globalThis.setTheme = (name) => {
    try {
      localStorage.setItem("otel-claude.theme", name);
    } catch {
      // then it lasts as long as the page
    }
    apply();
    if (saved() !== name) document.documentElement.dataset.theme = name;
  };
  apply();
})();
