#!/usr/bin/env bash
# Makes the virtual environment with chDB, ClickHouse's engine as a library, that stands for a server
# in tests/e2e/fleet. 180 MB to download, 560 MB on disk; nothing else is in it.
#
#   .ci/chdb.sh           make it if it is missing, then print its path
#   .ci/chdb.sh --where   print its path, make nothing
#
# It stands outside the checkout, in the user's cache, under a hash of this file.
set -euo pipefail

version=26.9.0 # chdb-core-lite leaves out the decimals and quantiles that are needed
python=${PYTHON:-python3}
hash=$({ "$python" -c 'import sys; print(sys.version_info)'; cat "${BASH_SOURCE[0]}"; } | sha256sum | cut -c1-12)
env=${XDG_CACHE_HOME:-$HOME/.cache}/otel-claude/chdb-$hash
if [[ ${1:-} != --where && ! -e $env/.complete ]]; then
    rm -rf "$env"
    "$python" -m venv "$env"
    if command -v uv >/dev/null; then
        uv pip install --quiet --no-deps --python "$env/bin/python" "chdb-core==$version"
    else
        "$env/bin/python" -m pip install --quiet --no-deps "chdb-core==$version"
    fi
    touch "$env/.complete"
fi
echo "$env"
