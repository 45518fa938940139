"""benchmarks/launches.py: operations of a training step by part, on a tiny network."""

import importlib
from collections import Counter

import pytest
import torch
from shared import ROOT, TinyScenes, tiny_options
from torch.utils._python_dispatch import TorchDispatchMode

from reco_core.config import ModelConfig
from reco_core.trainers import Trainer


@pytest.fixture(scope="module")
def launches():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))  # where it finds its neighbour
        yield importlib.import_module("launches")


def options_of(method, batch_size=2):
    model = ModelConfig(backbone="tiny", width=8, representation_dim=8)
    return tiny_options(method=method, model=model, batch_size=batch_size)


class Plain(TorchDispatchMode):
    """Everything that is dispatched and no view, whatever it belongs to."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if not func.is_view:
            self.counts[str(func)] += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("method", ["supervised", "classmix", "reco+classmix", "reco+unimatch"])
def test_the_parts_add_up(launches, method):
    found = launches.launches(options_of(method), TinyScenes())
    trainer = Trainer(options_of(method), TinyScenes())
    trainer.optimiser.param_groups[0].update(foreach=True, fused=None)
    first, second = trainer.batches(range(2))
    trainer.training_step(*first)
    with Plain() as plain:
        trainer.training_step(*second)
    launched = {name: count for name, count in plain.counts.items() if "empty" not in name and "aten." in name}
    assert sum(found.values(), Counter()) == launched
    assert set(found) == {"augmentation", "networks", "reco", "optimiser", "other"}


def test_each_part_holds_its_own(launches):
    found = launches.launches(options_of("reco+classmix"), TinyScenes())
    network = Trainer(options_of("reco+classmix"), TinyScenes()).student.module
    layers = {name: isinstance(layer, torch.nn.Conv2d) for name, layer in network.named_modules()}
    student = sum(layers.values())
    teacher = student - sum(here for name, here in layers.items() if name.startswith("representer"))
    assert found["networks"]["aten.convolution.default"] == 2 * student + teacher
    assert found["networks"]["aten.convolution_backward.default"] == 2 * student
    assert not any("batch_norm" in name or "upsample" in name for name in found["augmentation"])
    assert found["augmentation"]["aten.convolution.default"] == 2  # a blur for each half
    assert found["reco"]["aten._log_softmax_backward_data.default"] == 1
    assert found["other"]["aten._log_softmax_backward_data.default"] == 2  # two cross-entropies
    assert all(name.startswith("aten._foreach") for name in found["optimiser"])
    assert launches.launches(options_of("supervised"), TinyScenes())["reco"].total() == 0


def test_augmentation_is_done_for_all_images_at_once(launches):
    few, more = (launches.launches(options_of("classmix", size), TinyScenes())["augmentation"] for size in (2, 5))
    assert few == more and few.total() <= 150
