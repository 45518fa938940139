"""What one does with a trained network: relations between classes, predictions, pictures."""

from typing import Literal

Linkage = Literal["average", "complete", "single", "ward"]
"""How a tree of classes is grown."""
