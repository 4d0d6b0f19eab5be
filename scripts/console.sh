#!/usr/bin/env bash
# Runs the console's tests in headless Chromium, against the debug build of the program.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  echo "console: skipped, $1"
  exit 0
}

scripts/node-version.sh && command -v npm >/dev/null || skip "Node.js is not installed, or older than 20.19"
scripts/web.sh
[ -f web/node_modules/.package-lock.json ] || skip "its libraries are not installed"
[ -f web/dist/index.html ] || skip "the console is not built"
[ -x "${CHROMIUM:-/usr/bin/chromium}" ] || skip "Chromium is not installed (its path can be given in CHROMIUM)"
[ -x target/debug/managing-api ] || cargo build --locked --bin managing-api
cd web
exec npm test --silent
