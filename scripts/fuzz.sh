#!/usr/bin/env bash
# Fuzzes every target in fuzz/ for FUZZ_TIME seconds (default 60). What a run finds stays in fuzz/artifacts/; the
# inputs it tried are thrown away. Without the nightly compiler or cargo-fuzz it says so and skips.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${FUZZ_TIME:-60}

if ! cargo +nightly fuzz --version >/dev/null 2>&1; then
  echo "skipped: needs the nightly compiler and cargo-fuzz (see fuzz/README.md)"
  exit 0
fi

tried=$(mktemp -d)
trap 'rm -rf "$tried"' EXIT
for file in fuzz/fuzz_targets/*.rs; do
  target=$(basename "$file" .rs)
  mkdir -p "$tried/$target" "fuzz/corpus/$target"
  echo "== $target, ${time} s"
  if ! cargo +nightly fuzz run "$target" "$tried/$target" "fuzz/corpus/$target" -- \
    -max_total_time="$time" -timeout=5 -print_final_stats=1 >"$tried/log" 2>&1; then
    tail -n 40 "$tried/log"
    exit 1
  fi
  grep number_of_executed "$tried/log"
done
