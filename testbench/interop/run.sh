#!/bin/sh
# Runs Awala's own JavaScript library against our gateways; installs it first when it is
# missing. Arguments go to go test. The tables wait more than they work, so they run side by side.
set -eu
cd "$(dirname "$0")"
if [ ! -e node_modules/.package-lock.json ]; then
	npm ci --no-audit --no-fund
fi
CGO_ENABLED=0 exec go test -count=1 -parallel=8 "$@" .
