#!/usr/bin/env bash
# Builds the collector of deploy/collector/builder.yaml for the tests in tests/e2e.
#
#   .ci/collector.sh           build it if it is missing, then print the binary's path
#   .ci/collector.sh --where   print the path only
#
# It stands outside the checkout, in $OTEL_CLAUDE_SERVERS, by default in the user's cache. Its name
# contains a hash of the manifest and this script: when one of them changes, it is built again, and
# the old one can be removed by hand. Needs Go 1.26 or newer, and 3 to 6 minutes on two cores.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
manifest=$root/deploy/collector/builder.yaml
home=${OTEL_CLAUDE_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/otel-claude/servers}

fail() {
    echo "collector.sh: $*" >&2
    exit 1
}

hash=$(cat "$manifest" "$root/.ci/collector.sh" | sha256sum | cut -c 1-12)
version=$(sed -n 's/^  version: *//p' "$manifest")
[[ -n $version && -n $hash ]] || fail "no version found in $manifest"
binary=$home/collector-$version-$hash/otelcol-claude

build() {
    command -v go >/dev/null || fail "Go 1.26 or newer is needed to build the collector"
    local work
    work=$(mktemp -d)
    # shellcheck disable=SC2064  # the value of now
    trap "rm -rf '$work'" EXIT
    # Two packages at a time: the larger ones need over a gigabyte each.
    export GOFLAGS="${GOFLAGS:-} -p=2"
    GOBIN=$work go install "go.opentelemetry.io/collector/cmd/builder@v$version" ||
        fail "the collector builder $version could not be installed"
    # The manifest's output_path is relative: to a folder of ours, not to the checkout.
    (cd "$work" && ./builder --config "$manifest" --ldflags "-s -w") ||
        fail "the collector could not be built"
    mkdir -p "${binary%/*}"
    mv "$work/otelcol-claude/otelcol-claude" "$binary"
}

if [[ ${1:-} != --where && ! -x $binary ]]; then
    mkdir -p "$home"
    (
        # Two runs at once must not build the same one.
        command -v flock >/dev/null && flock 9
        [[ -x $binary ]] || {
            echo "collector.sh: building the collector, once, in some minutes" >&2
            build >&2
        }
    ) 9>"$home/.lock" || fail "no collector (see above)"
fi
echo "$binary"
