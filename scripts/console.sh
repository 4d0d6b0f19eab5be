#!/usr/bin/env bash
# Runs the console's tests in headless Chromium, against the debug build of the program.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  echo "console: tests skipped, $1"
  # On the machine that decides whether a change is accepted nothing is skipped.
  [ -z "${CI:-}" ] && exit 0
  exit 1
}

scripts/web.sh
[ -f web/dist/index.html ] || skip "the console is not built"
[ -x "${CHROMIUM:-/usr/bin/chromium}" ] || skip "Chromium is not installed (its path can be given in CHROMIUM)"
[ -x target/debug/managing-api ] || cargo build --locked --bin managing-api
cd web
exec npm test --silent
