#!/usr/bin/env bash
# The tests with full numbers: clients that mean no good, several instances with
# real faults and, when REFERENCE_SERVER names one, ASP.NET Core beside ours. About half an hour.
set -uo pipefail
cd "$(dirname "$0")/.."
export SOAK=1 PROFILE=release
summary=()

part() {
  local name=$1; shift
  echo "== $name"
  if "$@"; then summary+=("passed   $name"); else summary+=("FAILED   $name"); fi
}

side_by_side() {
  cargo build --locked --release --manifest-path bench/hubload/Cargo.toml && bench/sidebyside.py
}

set -e
cargo build --locked --release --bin managing-api --example conformance_server
set +e
part "chat stories" cargo test --locked --test it chat::chaos -- --nocapture
part "redis" cargo test --locked --test it redis:: -- --nocapture
part "fuzzing" scripts/fuzz.sh
part "hostile clients" cargo test --locked --test it hostile -- --nocapture
if [ -n "${REFERENCE_SERVER:-}" ]; then
  part "side by side" side_by_side
else
  summary+=("skipped  side by side: REFERENCE_SERVER is not set")
fi
part "faults" scripts/node-tests.sh faults
printf '%s\n' "${summary[@]}"
[[ ! "${summary[*]}" =~ FAILED ]]
