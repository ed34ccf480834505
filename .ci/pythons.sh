#!/usr/bin/env bash
# Runs the tests of the core under the oldest and the newest Python that this machine has beside the
# main one, each in an environment of its own. An interpreter cannot be installed from the registries:
# one that is not there is named, and left out.
#
#   .ci/pythons.sh                the versions below
#   .ci/pythons.sh 3.12           only this one
#
# The environments stand in the user's cache, under a hash of pyproject.toml and the version.
set -euo pipefail

versions=(3.10 3.13)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
home=${XDG_CACHE_HOME:-$HOME/.cache}/otel-claude/pythons
if (($#)); then
    versions=("$@")
fi

interpreter() { # version -> path; a shim of pyenv is there even where it runs nothing
    local candidate
    for candidate in "$(command -v "python$1" || true)" "$HOME/.pyenv/versions/$1".*/bin/python; do
        if [[ -x $candidate ]] && "$candidate" -c pass 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
}

for version in "${versions[@]}"; do
    python=$(interpreter "$version")
    if [[ -z $python ]]; then
        echo "pythons.sh: no Python $version on this machine"
        continue
    fi
    env=$home/$version-$(sha256sum "$root/pyproject.toml" | cut -c1-12)
    if [[ ! -e $env/.complete ]]; then
        rm -rf "$env"
        "$python" -m venv "$env"
        uv pip install --quiet --python "$env/bin/python" \
            "$root[instruments,otlp,cli,local]" --group "$root/pyproject.toml:test"
        # The sources of this checkout are what is tested.
        uv pip uninstall --quiet --python "$env/bin/python" otel-claude
        touch "$env/.complete"
    fi
    "$env/bin/python" --version
    (cd "$root" && PYTHONPATH=src "$env/bin/python" -m pytest -q -p no:cacheprovider -m "not e2e" tests/core)
done
