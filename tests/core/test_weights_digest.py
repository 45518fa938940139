"""Six steps of every method end in the weights that are written down in weights_digest.json.

Equal to the last bit in the environment that stands there: torchvision and PyTorch, the processor and the instructions
that PyTorch uses on it. A change that leaves the mathematics alone leaves these digests alone; one that means to change
it renews the file, and its commit says why:

    python tests/core/test_weights_digest.py --write

Elsewhere sums are taken in another order. The first step then differs in the sixth digit, and differences grow about a
hundredfold a step: batch norms over two small crops divide by small variances, and a pixel at a threshold counts or
not. After six steps the weights have little in common but their size; the norm of the whole state, which the running
variances dominate, has not even that. So elsewhere two things are compared: the losses of the first step, where all
terms are computed once (most teachers are confident of no pixel yet, their term is 0), and the size of the student's
weights at the end. That notices another initialisation, batch or draw, and training that blows up. It does not notice a
subtle change of the last steps, which is what the digests are for.
"""

import functools
import hashlib
import json
import platform
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision

from reco_core.config import DataConfig, ModelConfig, OptimisationConfig, ReCoConfig, TrainConfig
from reco_core.methods import METHOD_NAMES
from reco_core.trainers import Trainer

FILE = Path(__file__).with_name("weights_digest.json")
OPTIONS = TrainConfig(
    data=DataConfig(num_labelled=4, crop=(48, 48), scale=(0.5, 1.5), test_split=None),
    model=ModelConfig(backbone="mobilenet_v2_035", representation_dim=16, width=16),
    optimisation=OptimisationConfig("sgd", iterations=6, batch_size=2, learning_rate=2e-2),
    reco=ReCoConfig(num_queries=32, num_keys=32, strong_threshold=0.4),
    weak_threshold=0.1,
    s4gan_threshold=0.4,
    consistency_threshold=0.3,
    accelerator="cpu",
)

LOSS_TOLERANCE = 0.03
"""Of the first step's losses, relative. Measured: 1e-5 between instruction sets and between libraries of convolutions;
2e-2 where PyTorch uses no vector instructions and resizes images to other bytes."""
SIZE_TOLERANCE = 0.5
"""Of the norm of the student's weights after six steps, relative. Measured: 2 % between instruction sets, 39 % without
vector instructions. Weights that blow up, or that stay where they began to be drawn from, lie outside."""


class Patches:
    """Sixteen images of 48 x 48, made of 36 patches of six classes; whole numbers alone, so the same on any machine."""

    name, split = "patches", "train"
    classes, num_classes = ("sky", "house", "road", "tree", "car", "person"), 6
    palette = ((70, 130, 180), (70, 70, 70), (128, 64, 128), (107, 142, 35), (0, 0, 142), (220, 20, 60))
    names = [f"{index:02d}" for index in range(16)]

    def __len__(self) -> int:
        return len(self.names)

    def has_label(self, index: int) -> bool:
        return True

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(index)
        patches = torch.randint(self.num_classes, (6, 6), generator=generator)
        label = patches.repeat_interleave(8, dim=0).repeat_interleave(8, dim=1)
        grain = torch.randint(-40, 41, (3, 48, 48), generator=generator)
        image = torch.tensor(self.palette)[label].permute(2, 0, 1) + grain
        return image.clamp(0, 255).float() / 255, label


def processor() -> str:
    """The processor's name: libraries choose their way to add by it, too."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor()
    fields = dict(reversed([[part.strip() for part in line.partition(":")[::2]] for line in lines if ":" in line]))
    return " ".join(fields.get(name, "") for name in ("vendor_id", "cpu family", "model", "model name")).strip()


def environment() -> dict[str, str]:
    """All that the last bit is known to depend on."""
    return {
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "machine": platform.machine(),
        "processor": processor(),
    }


def flat(tensors: Any) -> torch.Tensor:
    """All values of tensors in a row, as float64."""
    return torch.cat([tensor.detach().double().flatten() for tensor in tensors])


def digest(network: torch.nn.Module) -> str:
    """SHA-256 prefix of a network's state."""
    return hashlib.sha256(b"".join(v.numpy().tobytes() for v in network.state_dict().values())).hexdigest()[:16]


@functools.cache
def measure(method: str) -> dict[str, Any]:
    """Train six steps on one thread, with seed 0.

    Returns:
        digest: SHA-256 prefix of the student's state, tensor by tensor in the order of its state_dict;
        average: the same of the evaluated network; norm: of its state; student: norm of the student's parameters;
        first_losses: the losses of the first step.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run = Trainer(replace(OPTIONS, method=method), train=Patches())
        losses = [{name: value.item() for name, value in step.items()} for step in run.steps()]
    finally:
        torch.set_num_threads(threads)
    return {
        "digest": digest(run.student.module),
        "average": digest(run.network),
        "norm": flat(run.network.state_dict().values()).norm().item(),
        "student": flat(run.student.parameters()).norm().item(),
        "first_losses": losses[0],
    }


def write() -> None:
    """Renew the file, for the environment that it is run in."""
    found = {"environment": environment(), "methods": {method: measure(method) for method in METHOD_NAMES}}
    FILE.write_text(json.dumps(found, indent=1) + "\n")


RECORDED = json.loads(FILE.read_text()) if FILE.exists() else {"environment": {}, "methods": {}}
OTHER = [name for name, value in environment().items() if RECORDED["environment"].get(name) != value]


def test_every_method_is_written_down():
    for network in ("digest", "average"):
        digests = {entry[network] for entry in RECORDED["methods"].values()}
        assert list(RECORDED["methods"]) == list(METHOD_NAMES) and len(digests) == len(METHOD_NAMES) == 14


@pytest.mark.skipif(bool(OTHER), reason=f"the digests were taken with another {', '.join(OTHER)}")
@pytest.mark.parametrize("method", METHOD_NAMES)
def test_the_last_bit(method):
    assert measure(method) == RECORDED["methods"][method]


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_first_losses_and_size_on_any_machine(method):
    found, recorded = measure(method), RECORDED["methods"][method]
    assert found["first_losses"] == pytest.approx(recorded["first_losses"], rel=LOSS_TOLERANCE, abs=1e-3)
    assert found["student"] == pytest.approx(recorded["student"], rel=SIZE_TOLERANCE)


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    write()
