#!/usr/bin/env bash
# Create .venv with the exact versions of constraints.txt. uv does it; where uv is missing, pip fetches it into .uv.
# RECO_PYTHON chooses the version of Python; RECO_CONSTRAINTS=/dev/null takes the newest packages.
set -euo pipefail
cd "$(dirname "$0")/.."

fetch_uv() {
  python3 -m venv .uv && .uv/bin/python -m pip install --quiet --disable-pip-version-check uv && return
  echo "setup: cannot fetch uv with python3: install uv (or Debian's python3-venv), then run make again" >&2
  exit 1
}

uv=$(command -v uv || echo .uv/bin/uv)
[ -x "$uv" ] || fetch_uv
[ -x .venv/bin/python ] || "$uv" venv --quiet --python "${RECO_PYTHON:->=3.11,<3.15}" .venv
echo "setup: installing into .venv (PyTorch is large: minutes on the first run)"
"$uv" pip install --python .venv/bin/python --constraint "${RECO_CONSTRAINTS:-constraints.txt}" --editable ".[test]" --editable ./book
touch .venv/ready
