#!/usr/bin/env bash
# Checks the scripts and styles of the dashboard: ESLint, and Prettier's form (--write: puts them in it).
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(prettier@3.6.2 eslint@9.39.0 @eslint/js@9.39.0 globals@16.4.0)
root=${XDG_CACHE_HOME:-$HOME/.cache}/otel-claude/web-$(printf '%s ' "${packages[@]}" | sha256sum | head -c 12)
web=src/otel_claude/local/web
if [[ ! -e $root/.complete ]]; then
    npm install --silent --no-audit --no-fund --prefix "$root" "${packages[@]}"
    cat >"$root/eslint.config.mjs" <<'JS'
import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  { languageOptions: { globals: { ...globals.browser, setTheme: "readonly" } } },
];
JS
    touch "$root/.complete"
fi
"$root/node_modules/.bin/prettier" --print-width 110 "${1:---check}" "$web/**/*.{js,css,html}"
# ESLint looks at files below its configuration only.
rm -rf "$root/web"
cp -r "$web" "$root/web"
cd "$root" && node_modules/.bin/eslint web/js
