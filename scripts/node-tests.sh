#!/usr/bin/env bash
# Runs the tests in tests/$1 that use the official JavaScript clients, if Node.js is there.
set -euo pipefail
name=$1
cd "$(dirname "$0")/../tests/$name"

skip() {
  echo "$name: skipped, $1"
  exit 0
}

command -v node >/dev/null && command -v npm >/dev/null || skip "Node.js is not installed"
if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
  npm ci --no-audit --no-fund --loglevel=error || skip "the clients could not be installed"
fi
exec npm test
