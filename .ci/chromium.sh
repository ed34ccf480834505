#!/usr/bin/env bash
# Installs what tests/e2e/browser needs: Debian's Chromium, the font of the pictures, and Playwright
# into the environment of $PYTHON.
set -euo pipefail
cd "$(dirname "$0")/.."

uv pip install --quiet --python "${PYTHON:-.venv/bin/python}" --group browser
if command -v chromium >/dev/null && fc-list | grep -q Inter; then
    exit
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    chromium fontconfig fonts-inter fonts-dejavu-core
chromium --version
