#!/usr/bin/env bash
# Installs what checks the dashboards: Grafana's own types with TypeScript, and the grammars of
# TraceQL and LogQL.
#
#   .ci/grafana.sh           install them if they are missing, then print their folder
#   .ci/grafana.sh --where   print the folder only
#
# It stands outside the checkout, in $OTEL_CLAUDE_SERVERS, by default in the user's cache. Its name
# contains a hash of this script: when that changes, they are installed again.
set -euo pipefail

packages=(
    @grafana/schema@13.2.3
    @grafana/lezer-logql@0.4.2
    @grafana/lezer-traceql@1.0.0
    @lezer/common@1.5.5
    @lezer/lr@1.4.10
    typescript@7.0.2
)
home=${OTEL_CLAUDE_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/otel-claude/servers}
folder=$home/grafana-$(sha256sum <"${BASH_SOURCE[0]}" | cut -c 1-12)

fail() {
    echo "grafana.sh: $*" >&2
    exit 1
}

if [[ ${1:-} != --where && ! -d $folder ]]; then
    command -v npm >/dev/null || fail "Node.js with npm is needed to check the dashboards"
    mkdir -p "$home"
    work=$(mktemp -d "$home/.grafana-XXXXXX")
    # shellcheck disable=SC2064  # the value of now
    trap "rm -rf '$work'" EXIT
    echo '{"private": true, "type": "module"}' >"$work/package.json"
    npm install --prefix "$work" --silent --no-audit --no-fund --ignore-scripts "${packages[@]}" ||
        fail "npm could not install ${packages[*]}"
    # Two runs at once: the first to be done wins.
    mv -T "$work" "$folder" 2>/dev/null || [[ -d $folder ]] || fail "cannot make $folder"
fi
echo "$folder"
