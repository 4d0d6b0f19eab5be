#!/usr/bin/env bash
# Builds the web console into web/dist, if its sources are newer. Without Node.js it says so and the
# server is built without the console: the page at / then tells how to get it.
set -euo pipefail
cd "$(dirname "$0")/../web"

skip() {
  echo "console: not built, $1; the server works without it"
  exit 0
}

command -v node >/dev/null && command -v npm >/dev/null || skip "Node.js is not installed"
../scripts/node-version.sh || skip "it needs Node.js 20.19 or later, this is $(node --version)"
if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
  npm ci --no-audit --no-fund --loglevel=error || skip "its libraries could not be installed"
fi
newer=$(find index.html package-lock.json vite.config.ts public src -newer dist/index.html -print -quit 2>/dev/null || echo all)
[ -n "$newer" ] || exit 0
npm run --silent check
npm run --silent build -- --logLevel warn
echo "console: built, $(du -cb dist/index.html.br dist/assets/*.br | tail -1 | cut -f1) bytes to load"
