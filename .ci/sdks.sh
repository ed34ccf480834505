#!/usr/bin/env bash
# Makes one virtual environment per SDK version for the matrix tests (tests/matrix).
#
#   .ci/sdks.sh                 make those that are missing, then print "version path" for each
#   .ci/sdks.sh 0.51.0 2.11.0   only these versions
#   .ci/sdks.sh --where         print "version path" for each, make nothing
#
# They stand outside the checkout, in $OTEL_CLAUDE_SDKS, by default in the user's cache. The name of
# each contains a hash of pyproject.toml, this script and Python's version: when one of them changes,
# a new environment is made, and the old one can be removed by hand. $PYTHON chooses the interpreter.
set -euo pipefail

versions=(0.51.0 0.125.0 1.0.0 1.17.0 2.0.0 2.11.0 2.14.0)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
home=${OTEL_CLAUDE_SDKS:-${XDG_CACHE_HOME:-$HOME/.cache}/otel-claude/sdks}
python=${PYTHON:-python3}

fail() {
    echo "sdks.sh: $*" >&2
    exit 1
}

where_only=false
if [[ ${1:-} == --where ]]; then
    where_only=true
    shift
fi
if (($#)); then
    versions=("$@")
fi
for version in "${versions[@]}"; do
    [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "$version is no version; see the top of this file"
done

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    fail "Python 3.10 or newer is needed; \$PYTHON is $python"

hash=$("$python" - "$root/pyproject.toml" "$root/.ci/sdks.sh" <<'PY'
import hashlib, pathlib, sys
found = hashlib.sha256("{}.{}".format(*sys.version_info).encode())
for name in sys.argv[1:]:
    found.update(pathlib.Path(name).read_bytes())
print(found.hexdigest()[:12])
PY
)

if command -v uv >/dev/null; then
    uv=(uv)
elif "$python" -m uv --version >/dev/null 2>&1; then
    uv=("$python" -m uv)
else
    uv=()
fi

install() { # environment, packages...
    local env=$1
    shift
    if ((${#uv[@]})); then
        "${uv[@]}" pip install --quiet --python "$env/bin/python" "$@"
    else
        "$env/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
    fi
}

make_env() { # version, environment
    local version=$1 env=$2
    rm -rf "$env"
    if ((${#uv[@]})); then
        "${uv[@]}" venv --quiet --python "$(command -v "$python")" "$env" || fail "cannot make $env"
    else
        "$python" -m venv "$env" || fail "cannot make $env"
    fi
    # The clouds' extras bring what their clients need to be constructed. The tests run the sources
    # of their own checkout (PYTHONPATH); the editable install brings the dependencies.
    install "$env" --editable "$root[otlp]" "anthropic[bedrock,vertex]==$version" ||
        fail "the packages for SDK $version could not be installed"
    "$env/bin/python" - "$version" <<'PY' || fail "the environment of SDK $version cannot be used"
import sys
import anthropic, opentelemetry.sdk
if anthropic.__version__ != sys.argv[1]:
    sys.exit(f"wanted anthropic {sys.argv[1]}, got {anthropic.__version__}")
PY
    touch "$env/.complete"
}

mkdir -p "$home"
for version in "${versions[@]}"; do
    env=$home/$version-$hash
    if [[ $where_only == false && ! -e $env/.complete ]]; then
        (
            # Two runs at once must not build the same one.
            command -v flock >/dev/null && flock 9
            [[ -e $env/.complete ]] || {
                echo "sdks.sh: making the environment of SDK $version" >&2
                make_env "$version" "$env"
            }
        ) 9>"$home/.lock" || fail "no environment for SDK $version (see above)"
    fi
    echo "$version $env"
done
