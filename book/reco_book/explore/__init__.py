"""Explorables: interactive pictures as self-contained HTML, for the built page, JupyterLab and Colab.

Each function returns HTML with its own style, script and data; it asks for a prediction before it shows the answer,
works by mouse, touch and keyboard, and without JavaScript leaves a static picture.
"""

from reco_book.explore.circle import query_on_circle
from reco_book.explore.keys import keys_from_graph
from reco_book.explore.mixing import mixing_bench
from reco_book.explore.paint import paint_and_score
from reco_book.explore.seeds import how_many_seeds
from reco_book.explore.thresholds import two_thresholds

__all__ = [
    "how_many_seeds",
    "keys_from_graph",
    "mixing_bench",
    "paint_and_score",
    "query_on_circle",
    "two_thresholds",
]
