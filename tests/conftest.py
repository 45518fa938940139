"""What the tests share: one thread, and a data set that needs no files."""

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # before the first product: see test_gpu on the last bit

import pytest
import torch

torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parent.parent


class TinyScenes:
    """Eight 32 x 32 images of three classes: sky above, ground below, and in every second image a box."""

    name, split = "tiny", "train"
    classes, num_classes = ("sky", "ground", "box"), 3
    palette = ((120, 180, 255), (90, 90, 90), (220, 30, 30))

    def __init__(self, length: int = 8, size: int = 32) -> None:
        self.size = size
        self.names = [f"scene{index:02d}" for index in range(length)]

    def __len__(self) -> int:
        return len(self.names)

    def has_label(self, index: int) -> bool:
        return True

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(index)
        label = torch.zeros(self.size, self.size, dtype=torch.int64)
        horizon = self.size // 3 + int(torch.randint(self.size // 4, (), generator=generator))
        label[horizon:] = 1
        if index % 2:
            left = int(torch.randint(self.size // 2, (), generator=generator))
            label[horizon : horizon + self.size // 4, left : left + self.size // 3] = 2
        colours = torch.tensor(self.palette, dtype=torch.float32) / 255
        image = colours[label].permute(2, 0, 1)
        noise = 0.05 * torch.randn(image.shape, generator=generator)
        return (image + noise).clamp(0, 1), label


@pytest.fixture
def tiny() -> TinyScenes:
    return TinyScenes()


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def counted(request):
    """A count that the test's own mark `fault` states: it does what the book says that it does, as often."""
    counts = next(request.node.iter_markers("fault")).kwargs
    return lambda name: counts[name]
