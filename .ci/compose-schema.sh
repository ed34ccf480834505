#!/usr/bin/env bash
# Fetches the schema of compose files, from the Go module that Docker Compose itself reads them with.
#
#   .ci/compose-schema.sh           fetch it if it is missing, then print its path
#   .ci/compose-schema.sh --where   print its path only
#
# It stands outside the checkout, in $OTEL_CLAUDE_SERVERS, by default in the user's cache.
set -euo pipefail

version=2.16.2
home=${OTEL_CLAUDE_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/otel-claude/servers}
schema=$home/compose-spec-$version.json

if [[ ${1:-} != --where && ! -e $schema ]]; then
    mkdir -p "$home"
    found=$(cd "$home" && go mod download -json "github.com/compose-spec/compose-go/v2@v$version" |
        sed -n 's/^[[:space:]]*"Dir": "\(.*\)".*/\1/p')
    cp "$found/schema/compose-spec.json" "$schema.new"
    chmod u+w "$schema.new"
    mv "$schema.new" "$schema"
fi
echo "$schema"
