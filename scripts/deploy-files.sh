#!/usr/bin/env bash
# Reads everything under deploy/ as the programs would that it is for: nginx itself if it is
# installed, Kubernetes's schemas and a parser of PromQL from PyPI. What is not there is skipped,
# which is said: a checkout must be testable on a plane.
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v nginx >/dev/null; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  # nginx opens the ports even when it only tests, which others than root may not below 1024.
  sed -E "s#listen 80( |;)#listen unix:$folder/socket\\1#" deploy/nginx/managing-api.conf >"$folder/managing-api.conf"
  printf 'pid %s/pid;\nerror_log stderr;\nevents {}\nhttp {\n  access_log off;\n  include managing-api.conf;\n}\n' \
    "$folder" >"$folder/nginx.conf"
  nginx -t -q -p "$folder" -c "$folder/nginx.conf"
  echo "deploy: nginx accepts its file"
else
  echo "deploy: nginx's file skipped, nginx is not installed"
fi

home="${XDG_CACHE_HOME:-$HOME/.cache}/managing-api/deploy-files"
python="$home/bin/python"
if [ ! -x "$home/bin/kubernetes-validate" ]; then
  { python3 -m venv "$home" && "$home/bin/pip" install --quiet --disable-pip-version-check \
    kubernetes-validate==1.37.0 promql-parser==0.11.0 PyYAML==6.0.3; } >/dev/null 2>&1 || {
    rm -rf "$home"
    echo "deploy: the other files skipped, python3 or its packages are not there"
    exit 0
  }
fi
"$home/bin/kubernetes-validate" --quiet --strict deploy/kubernetes/managing-api.yml
echo "deploy: Kubernetes's schemas accept its file"
exec "$python" scripts/deploy_files.py
