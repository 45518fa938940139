"""What the tests share: one thread, and a data set that needs no files."""

import os
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # before the first product: see test_gpu on the last bit

import pytest
import torch
from shared import TinyScenes

from reco_core import datasets

torch.set_num_threads(1)


@pytest.fixture
def tiny() -> TinyScenes:
    return TinyScenes()


@pytest.fixture(scope="session")
def toys() -> Any:
    """Toyscapes of 48 x 48, on which every method learns within some dozen steps."""
    return datasets.cached(datasets.load("toyscapes", length=24, resolution=48))


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def counted(request):
    """A count that the test's own mark `fault` states: it does what the book says that it does, as often."""
    counts = next(request.node.iter_markers("fault")).kwargs
    return lambda name: counts[name]
