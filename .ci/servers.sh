#!/usr/bin/env bash
# Installs the servers that end-to-end tests start by themselves, without starting any: on Debian and
# Ubuntu, as root. Does nothing where they are there.
set -euo pipefail

packages=()
command -v redis-server >/dev/null || packages+=(redis-server)
command -v prometheus >/dev/null || packages+=(prometheus)
command -v prometheus-alertmanager >/dev/null || packages+=(prometheus-alertmanager)
command -v jq >/dev/null || packages+=(jq)
((${#packages[@]})) || exit 0

# Debian starts a daemon as soon as it is installed, unless this says no.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
