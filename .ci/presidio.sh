#!/usr/bin/env bash
# Makes the virtual environment in which tests/e2e/test_presidio.py runs: Microsoft Presidio brings a
# lot along, which the suite's own environment has no use for.
#
#   .ci/presidio.sh           make it if it is missing, then print its path
#   .ci/presidio.sh --where   print its path, make nothing
#
# It stands outside the checkout, in the user's cache, under a hash of what it depends on.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-python3}
hash=$("$python" - "$root/pyproject.toml" "$root/.ci/presidio.sh" <<'PY'
import hashlib, pathlib, sys
found = hashlib.sha256("{}.{}".format(*sys.version_info).encode())
for name in sys.argv[1:]:
    found.update(pathlib.Path(name).read_bytes())
print(found.hexdigest()[:12])
PY
)
env=${XDG_CACHE_HOME:-$HOME/.cache}/otel-claude/presidio-$hash
if [[ ${1:-} != --where && ! -e $env/.complete ]]; then
    rm -rf "$env"
    "$python" -m venv "$env"
    if command -v uv >/dev/null; then
        uv pip install --quiet --python "$env/bin/python" --editable "$root[privacy,presidio]"
    else
        "$env/bin/python" -m pip install --quiet --editable "$root[privacy,presidio]"
    fi
    touch "$env/.complete"
fi
echo "$env"
