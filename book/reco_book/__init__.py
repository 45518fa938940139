"""What the book alone needs: figures, tables, claims, page builders, the oracle. Nothing in reco_core imports it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
"""Of the source."""
RESULTS = ROOT / "results"
"""Recorded runs."""

from reco_book import experiments  # noqa: E402, F401 - its recipes are registered wherever the book is used
