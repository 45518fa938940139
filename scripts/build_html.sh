#!/usr/bin/env bash
# Build the HTML book of the given source folder into _build/html; any warning is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
jupyter-book build "${1:-.}" --path-output "${2:-.}" -W -n --keep-going --quiet
html=$(cd "${2:-.}/_build/html" && pwd)
echo "The book is ready: open file://$html/index.html"
echo "(its search box needs a server: python3 -m http.server --directory ${2:-.}/_build/html)"
