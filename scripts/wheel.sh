#!/usr/bin/env bash
# Build the wheel, check it, install it alone into an empty environment and use it: README's example, five steps.
# RECO_PYTHON chooses the version of Python.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$(command -v uv || echo "$PWD/.uv/bin/uv")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$uv" build --quiet --wheel --out-dir "$work"
"$uv" tool run --quiet twine check --strict "$work"/*.whl
"$uv" venv --quiet --python "${RECO_PYTHON:->=3.11,<3.15}" "$work/env"
"$uv" pip install --quiet --python "$work/env/bin/python" "$work"/*.whl
{
  echo "import torch"
  echo "representation, confidence = torch.randn(2, 8, 16, 16), torch.rand(2, 16, 16)"
  echo "labels = torch.randint(21, (2, 16, 16))"
  sed -n '/^```python$/,/^```$/p' README.md | grep -v '^```'
} > "$work/example.py"
cd "$work"
env/bin/python example.py
env/bin/reco --version
env/bin/reco --help > help.txt
env/bin/reco train --iterations 5 --output run
test -s run/record.jsonl
