#!/usr/bin/env bash
# Runs the tests with the official JavaScript client, if Node.js is there.
set -euo pipefail
cd "$(dirname "$0")/../tests/interop" 2>/dev/null || { echo "interop: there are none yet"; exit 0; }
command -v node >/dev/null || { echo "interop: skipped, Node.js is not installed"; exit 0; }
npm ci --no-audit --no-fund --loglevel=error
exec npm test
