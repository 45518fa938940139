#!/usr/bin/env bash
# Style and types, then one pytest call for everything: unit tests, a book build, every notebook against its outputs.
# Notebooks run in the smoke profile, one worker a notebook (--dist loadscope), one thread a worker.
set -euo pipefail
cd "$(dirname "$0")/.."
export RECO_PROFILE=smoke OMP_NUM_THREADS=1
ruff check .
ruff format --check .
lint-imports
mypy
pytest -q --durations=10 -n "${RECO_TEST_WORKERS:-2}" --dist loadscope \
  --nbval --nbval-current-env --nbval-sanitize-with tests/nbval_sanitize.cfg --nbval-cell-timeout 600 \
  tests notebooks "$@"
python benchmarks/launches.py | tail -n 1  # operations of a training step by part
