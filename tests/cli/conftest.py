"""Toyscapes for the tests of commands: a split is no longer than it must be."""

import pytest

from reco_core.datasets import toyscapes


@pytest.fixture(scope="module")
def few_scenes():
    """24 scenes to train on, 6 to validate or test."""
    with pytest.MonkeyPatch.context() as patch:
        few = {split: (number, 24 if split == "train" else 6) for split, (number, _) in toyscapes.SPLITS.items()}
        patch.setattr(toyscapes, "SPLITS", few)
        yield
