#!/usr/bin/env bash
# Put the plain copies of the chapters, which a build of the book writes into _build/colab, on the branch `colab` of
# `origin`, where Colab and GitHub open them: one commit without history. The working tree and its index stay as they are.
set -euo pipefail
cd "$(dirname "$0")/.."
index=$(mktemp -d)
trap 'rm -rf "$index"' EXIT
export GIT_INDEX_FILE="$index/index"
git --work-tree=_build/colab add --all --force .
commit=$(git -c user.name="The book's build" -c user.email=noreply@example.org \
  commit-tree "$(git write-tree)" -m "Plain copies of the chapters at $(git rev-parse --short HEAD)")
git push --force origin "$commit:refs/heads/colab"
