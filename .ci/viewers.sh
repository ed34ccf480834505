#!/usr/bin/env bash
# Makes one virtual environment each for the trace viewers that the tests in tests/e2e/collector send
# to: Arize Phoenix and MLflow, from PyPI, about 850 MB each.
#
#   .ci/viewers.sh              make those that are missing, then print "name program" for each
#   .ci/viewers.sh --where      print "name program" for each, make nothing
#   .ci/viewers.sh mlflow       only this one (also after --where)
#
# They stand outside the checkout, in $OTEL_CLAUDE_SERVERS, by default in the user's cache. The name
# of each contains a hash of this script: when it changes, a new one is made, and the old one can be
# removed by hand. $PYTHON chooses the interpreter.
set -euo pipefail

declare -A packages=(
    [phoenix]="arize-phoenix==20.26.1"
    [mlflow]="mlflow==3.17.2"
)
names=(phoenix mlflow)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
home=${OTEL_CLAUDE_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/otel-claude/servers}
python=${PYTHON:-python3}

fail() {
    echo "viewers.sh: $*" >&2
    exit 1
}

where_only=false
if [[ ${1:-} == --where ]]; then
    where_only=true
    shift
fi
(($#)) && names=("$@")

hash=$(sha256sum <"$root/.ci/viewers.sh" | cut -c 1-12)

install() { # environment, packages...
    local env=$1
    shift
    if "$python" -m uv --version >/dev/null 2>&1; then
        "$python" -m uv pip install --quiet --python "$env/bin/python" "$@"
    elif command -v uv >/dev/null; then
        uv pip install --quiet --python "$env/bin/python" "$@"
    else
        "$env/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
    fi
}

mkdir -p "$home"
for name in "${names[@]}"; do
    [[ -n ${packages[$name]:-} ]] || fail "$name is none of them: ${!packages[*]}"
    env=$home/$name-$hash
    if [[ $where_only == false && ! -e $env/.complete ]]; then
        (
            # Two runs at once must not build the same one.
            command -v flock >/dev/null && flock 9
            [[ -e $env/.complete ]] || {
                echo "viewers.sh: making the environment of $name" >&2
                rm -rf "$env"
                "$python" -m venv "$env" || fail "cannot make $env"
                install "$env" "${packages[$name]}" || fail "$name could not be installed"
                touch "$env/.complete"
            }
        ) 9>"$home/.lock-viewers" || fail "no $name (see above)"
    fi
    echo "$name $env/bin/$name"
done
