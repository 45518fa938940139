"""How many operations a training step hands to the device, by part: where images are small, a GPU waits for these.

    python benchmarks/launches.py
    python benchmarks/launches.py --backbone tiny --width 32 --method reco+cutmix

What PyTorch dispatches is counted, the same on every machine; on a GPU an operation is mostly one kernel. Views and
bare allocations are left out: they launch nothing. By default it is the paper's step, ReCo + ClassMix with ResNet-101
on 10 + 10 images, with small crops, because their size changes no count. The optimiser goes over lists of parameters
(`foreach`), as on any GPU; a fused one dispatches less. The last line is JSON.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
import tyro
from step import RandomScenes
from torch.autograd.graph import Node
from torch.utils._python_dispatch import TorchDispatchMode

from reco_core import augment, trainers
from reco_core.config import DataConfig, ModelConfig, OptimisationConfig, TrainConfig
from reco_core.methods import s4gan, teaching, unimatch
from reco_core.trainers import Trainer

PARTS = {
    "augmentation": "strong augmentation",
    "networks": "student and teacher, forward and backward",
    "reco": "the ReCo loss, forward and backward",
    "optimiser": "the optimiser's step",
    "other": "mixing, pseudo-labels, cross-entropies, the moving average",
}


NO_LAUNCH = ("aten.empty", "profiler.")
"""Beginnings of the names of operations that launch nothing, besides views."""


class LaunchCounter(TorchDispatchMode):
    """Counts dispatched operations under the part that is at work."""

    def __init__(self) -> None:
        super().__init__()
        self.part = "other"
        self.counts: dict[str, Counter[str]] = {part: Counter() for part in PARTS}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not (func.is_view or str(func).startswith(NO_LAUNCH)):
            self.counts[self.part][str(func)] += 1
        return func(*args, **(kwargs or {}))

    def under(self, part: str, function: Callable) -> Callable:
        """`function`, counted under `part`, and so are the gradients of what it returns."""

        def counted(*args: Any, **kwargs: Any) -> Any:
            before, self.part = self.part, part
            found = function(*args, **kwargs)
            self.part = before
            for tensor in found if isinstance(found, tuple) else (found,):
                if isinstance(tensor, torch.Tensor):
                    self._claim(tensor.grad_fn, part)
            return found

        return counted

    def backward(self, function: Callable) -> Callable:
        """`function`, which takes the gradient of a loss; what belongs to no part is counted under "other"."""

        def counted(loss: torch.Tensor) -> None:
            self._claim(loss.grad_fn, "other")
            function(loss)
            self.part = "other"

        return counted

    def _claim(self, last: Node | None, part: str) -> None:
        """The nodes of the graph that lead to this one, up to those that are claimed, name their part when they run."""
        waiting = [last]
        while waiting:
            node = waiting.pop()
            if node is not None and "part" not in node.metadata:
                node.metadata["part"] = part
                node.register_prehook(lambda gradients: setattr(self, "part", part))
                waiting.extend(before for before, _ in node.next_functions)


@contextmanager
def counting(trainer: Trainer) -> Iterator[LaunchCounter]:
    """Count what the trainer dispatches inside, in one step: the leaves of its graph name no part again."""
    counter = LaunchCounter()
    augmented = counter.under("augmentation", augment.strong_augment)
    with ExitStack() as stack:
        for module in (trainers, teaching, s4gan, unimatch):
            stack.enter_context(patch.object(module, "strong_augment", augmented))
        for part, owner, name in (
            ("networks", trainer.student.module, "forward"),
            ("networks", trainer.network, "forward"),
            ("reco", trainer.contrast, "forward"),
            ("optimiser", trainer.optimiser, "step"),
        ):
            if owner is not None:
                stack.enter_context(patch.object(owner, name, counter.under(part, getattr(owner, name))))
        stack.enter_context(patch.object(trainer.fabric, "backward", counter.backward(trainer.fabric.backward)))
        stack.enter_context(counter)
        yield counter


def launches(options: TrainConfig, data: Any) -> dict[str, Counter[str]]:
    """Part -> operation -> how often the second step dispatches it; the first makes the optimiser's state."""
    trainer = Trainer(options, data)
    trainer.optimiser.param_groups[0].update(foreach=True, fused=None)
    first, second = trainer.batches(range(2))
    trainer.training_step(*first)
    with counting(trainer) as counter:
        trainer.training_step(*second)
    return counter.counts


def main(
    method: str = "reco+classmix",
    backbone: str = "resnet101",
    width: int = 256,
    crop: tuple[int, int] = (64, 64),
    batch_size: int = 10,
    num_classes: int = 21,
    precision: str = "32-true",
    most: int = 6,
) -> None:
    """Count one step and print the table.

    Args:
        method: that is counted.
        backbone: of DeepLabV3+.
        width: of ASPP and heads.
        crop: height and width, pixels.
        batch_size: labelled images, and as many unlabelled.
        num_classes: C.
        precision: Lightning Fabric's.
        most: the operations named in each line, the most frequent ones.
    """
    options = TrainConfig(
        method=method,
        data=DataConfig(dataset="random", crop=crop, scale=(1.0, 1.0), num_labelled=4),
        model=ModelConfig(backbone=backbone, width=width),
        optimisation=OptimisationConfig(optimiser="sgd", batch_size=batch_size),
        weak_threshold=0.0,
        accelerator="cpu",
        precision=precision,
    )
    counts = launches(options, RandomScenes(crop, num_classes))
    totals = {part: counts[part].total() for part in PARTS}
    for part, title in PARTS.items():
        print(f"{totals[part]:6,}  {part}: {title}")
        named = (f"{name.removeprefix('aten.')} {count}" for name, count in counts[part].most_common(most))
        print(f"        {', '.join(named)}")
    print(json.dumps({"total": sum(totals.values()), **totals}))


if __name__ == "__main__":
    tyro.cli(main)
