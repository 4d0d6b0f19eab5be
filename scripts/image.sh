#!/usr/bin/env bash
# Runs the Dockerfile's steps without a container engine: the same commands, in the same order, into
# an empty root, in which the program is then started as the image would start it. Checks what the
# image promises: one static file, no root, healthy, ready within 150 ms, at most 25 MB.
set -euo pipefail
cd "$(dirname "$0")/.."

# The commands of a RUN step, its lines joined; the step is the one that holds $1.
step() {
  sed -e ':a' -e '/\\$/N; s/\\\n//; ta' Dockerfile | sed -n 's/^RUN //p' | grep -F "$1"
}

fail() {
  echo "image: $1"
  exit 1
}

root=$(mktemp -d)
trap 'rm -rf "$root"; [ -z "${server:-}" ] || kill "$server" 2>/dev/null || true' EXIT

echo "image: the console"
install=$(step 'npm ci')
build=$(step 'npm run build')
(cd web && eval "$install" >/dev/null && eval "$build" >/dev/null)

echo "image: the program"
export RUSTFLAGS="-C target-feature=+crt-static"
# Where the Dockerfile writes to /out, this writes to the empty root; its target folder is ours.
steps=$(step 'cargo build' | sed -e "s#/out#$root#g")
eval "$steps"

size=$(du -sb "$root" | cut -f1)
echo "image: $((size / 1000000)) MB"
[ "$size" -le 25000000 ] || fail "is larger than 25 MB"

# What a container engine adds: the devices and the names of this machine.
mkdir "$root/dev"
mknod -m 666 "$root/dev/null" c 1 3
mknod -m 666 "$root/dev/random" c 1 8
mknod -m 666 "$root/dev/urandom" c 1 9
cp /etc/hosts "$root/etc/"

# The image's own settings, user and command.
as_image=(env -i MIMALLOC_ALLOW_THP=0 APP_ENVIRONMENT=Production PORT=18099 REDIS_URL=)
inside=("$(command -v chroot)" --userspec=10001:10001 "$root")
chown -R 10001:10001 "$root"
begin=$(date +%s%N)
"${as_image[@]}" "${inside[@]}" /app/managing-api --config-dir /app/config serve >"$root/log" 2>&1 &
server=$!
until curl --silent --fail --output /dev/null http://127.0.0.1:18099/health/ready; do
  kill -0 "$server" 2>/dev/null || { cat "$root/log"; fail "the program ended"; }
  [ $(($(date +%s%N) - begin)) -lt 10000000000 ] || fail "is not ready after 10 s"
done
took=$((($(date +%s%N) - begin) / 1000000))
echo "image: ready after $took ms"
[ "$took" -le 150 ] || fail "needs more than 150 ms to be ready"

"${as_image[@]}" "${inside[@]}" /app/managing-api --config-dir /app/config healthcheck >/dev/null || fail "its health check fails"
curl --silent http://127.0.0.1:18099/ | grep -q '<div id="app">' || fail "the console is not in it"
[ "$(stat -c %u /proc/$server)" = 10001 ] || fail "runs as root"
# Names must resolve without the libraries that glibc would load.
"${as_image[@]}" ConnectionStrings__Redis=localhost:1 "${inside[@]}" /app/managing-api --config-dir /app/config doctor >"$root/doctor" 2>&1 || true
grep -q 'localhost:1 cannot be reached: Connection refused' "$root/doctor" || { cat "$root/doctor"; fail "does not resolve names"; }
kill -TERM "$server"
wait "$server" || fail "does not stop in good order"
server=
echo "image: as promised"
