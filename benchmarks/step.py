"""What a training step costs, and what ReCo adds to it: methods step by step in turn, in one process.

    python benchmarks/step.py
    python benchmarks/step.py --backbone mobilenet_v2_035 --width 64 --representation-dim 64 --crop 128 128 \
        --batch-size 4 --num-classes 11 --methods peer supervised classmix reco+classmix
    python benchmarks/step.py --accelerator cuda --batch-size 10 --methods peer supervised classmix reco+classmix \
        reco+classmix:compiled
    python benchmarks/step.py --accelerator cuda --crop 512 512 --batch-size 2 --num-classes 19 \
        --methods supervised classmix reco+classmix

The first is the paper's network, at one image with labels and one without; the third and fourth, with
`--precision bf16-mixed` too, its batches of Pascal VOC and Cityscapes. "peer" is the loop of torchvision's reference
for segmentation around the same network, batch and optimiser: what "supervised" may cost, but for its augmentation.
":compiled" after a method is --compile.

All start from the same weights and take the same batches of random images; the methods take turns, so that whatever
else the machine does falls on all. Kept: the seconds of every step, of which neighbours are compared; the arithmetic of
a step, counted by PyTorch; the floor, the time that the arithmetic takes at the rate of a large matrix product on this
device; on a GPU, peak memory, each method alone.
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
import tyro
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from reco_core.config import DataConfig, ModelConfig, OptimisationConfig, TrainConfig
from reco_core.runs.records import environment, source_revision
from reco_core.trainers import Trainer

OUTPUT = Path(__file__).parent / "results"


class RandomScenes:
    """Images of noise with labels in blocks, as many classes as the data set that is imitated."""

    name, split = "random", "train"

    def __init__(self, size: tuple[int, int], num_classes: int) -> None:
        self.num_classes = num_classes
        self.classes = tuple(map(str, range(num_classes)))
        self.palette = ((0, 0, 0),) * num_classes
        self.names = [f"{index:02d}" for index in range(8)]
        generator = torch.Generator().manual_seed(0)
        self.images = torch.rand(8, 3, *size, generator=generator)
        blocks = torch.randint(num_classes, (8, 1, 8, 8), generator=generator).float()
        self.labels = torch.nn.functional.interpolate(blocks, size=size, mode="nearest")[:, 0].long()

    def __len__(self) -> int:
        return 8

    def has_label(self, index: int) -> bool:
        return True

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.images[index], self.labels[index]


def main(
    methods: tuple[str, ...] = ("classmix", "reco+classmix"),
    backbone: str = "resnet101",
    width: int = 256,
    representation_dim: int = 256,
    crop: tuple[int, int] = (321, 321),
    batch_size: int = 1,
    num_classes: int = 21,
    steps: int = 9,
    threads: int = 2,
    accelerator: str = "cpu",
    precision: str = "32-true",
) -> None:
    """Time steps and write benchmarks/results/step-*.json.

    Args:
        methods: that are compared, or "peer"; each but the first with the first, and with its own base if that is
            among them.
        backbone: of DeepLabV3+.
        width: of ASPP and heads.
        representation_dim: D.
        crop: height and width, pixels.
        batch_size: labelled images, and as many unlabelled.
        num_classes: C.
        steps: timed rounds of steps, after two that are not.
        threads: of the CPU.
        accelerator: cpu or cuda.
        precision: Lightning Fabric's.
    """
    torch.set_num_threads(threads)
    data = RandomScenes(crop, num_classes)
    options = TrainConfig(
        data=DataConfig(dataset="random", crop=crop, scale=(1.0, 1.0), num_labelled=4),
        model=ModelConfig(backbone=backbone, width=width, representation_dim=representation_dim),
        optimisation=OptimisationConfig("sgd", batch_size=batch_size, learning_rate=2.5e-3),
        accelerator=accelerator,
        precision=precision,
        weak_threshold=0.0,  # every pixel may be drawn: the loss's greatest work
    )
    networks = [method for method in methods if method != "peer"]
    made = {
        method: replace(options, method=method.removesuffix(":compiled"), compile=method.endswith(":compiled"))
        for method in networks
    }
    peak = {method: peak_memory(each, data) for method, each in made.items()} if accelerator == "cuda" else {}
    trainers = {method: Trainer(each, data) for method, each in made.items()}
    labelled, unlabelled = next(Trainer(options, data).batches(range(1)))
    steps_of = {
        method: partial(trainer.training_step, labelled, unlabelled if trainer.options.uses_unlabelled else None)
        for method, trainer in trainers.items()
    }
    if "peer" in methods:
        steps_of = {"peer": peer_step(Trainer(replace(options, method="supervised"), data), *labelled)} | steps_of
    device = next(iter(trainers.values())).fabric.device
    plain = {method: step for method, step in steps_of.items() if not method.endswith(":compiled")}
    operations = {method: counted_operations(step) for method, step in plain.items()}
    rate = matrix_rate(device, precision)
    seconds: dict[str, list[float]] = {method: [] for method in steps_of}
    for number in range(steps + 2):
        for method in list(steps_of) if number % 2 else list(reversed(steps_of)):
            seconds[method].append(timed(steps_of[method], device))
    result = {
        "setting": {"backbone": backbone, "width": width, "representation_dim": representation_dim,
                    "crop": list(crop), "batch_size": batch_size, "num_classes": num_classes, "precision": precision},
        "seconds": {method: [round(value, 4) for value in values[2:]] for method, values in seconds.items()},
        "operations": operations,
        "operations_per_second": round(rate),
        "peak_gib": {method: round(value / 2**30, 3) for method, value in peak.items()},
        "environment": environment(str(device)) | {"threads": threads},
        "revision": source_revision(),
    }  # fmt: skip
    OUTPUT.mkdir(exist_ok=True)
    path = OUTPUT / f"step-{accelerator}-{backbone}-{crop[0]}-{batch_size}-{precision}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    for method, values in result["seconds"].items():
        images = batch_size * (2 if method in made and made[method].uses_unlabelled else 1)
        middle = statistics.median(values)
        text = f"{method:24} {middle:.3f} s, {images / middle:.1f} images/s"
        if method in operations:
            text += f", {operations[method] / 1e9:.0f} Gflop, {middle * rate / operations[method]:.1f} x the floor"
        for base in dict.fromkeys((methods[0], method.removesuffix(":compiled"), method.removeprefix("reco+"))):
            if base != method and base in methods:
                ratios = [ours / other for ours, other in zip(values, result["seconds"][base], strict=True)]
                low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
                text += f"; {middle:.2f} ({low:.2f} to {high:.2f}) times {base}"
        print(text)
    print(path)


def peak_memory(options: TrainConfig, data: RandomScenes) -> int:
    """Most bytes allocated on the GPU in two training steps, with nothing else on it that the process keeps."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    trainer = Trainer(options, data)
    for batch in trainer.batches(range(2)):
        trainer.training_step(*batch)
    return torch.cuda.max_memory_allocated()


def peer_step(trainer: Trainer, images: torch.Tensor, labels: torch.Tensor) -> Callable[[], object]:
    """The body of the loop in torchvision's references/segmentation/train.py (BSD-3), round a trainer's own parts."""
    network, optimiser, fabric = trainer.student.module, trainer.optimiser.optimizer, trainer.fabric

    def step() -> None:
        image, target = images.to(fabric.device, non_blocking=True), labels.to(fabric.device, non_blocking=True)
        with fabric.autocast():
            logits = network(image, with_representation=False).logits
            larger = F.interpolate(logits, size=image.shape[-2:], mode="bilinear", align_corners=False)
            loss = F.cross_entropy(larger, target, ignore_index=255)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def counted_operations(step: Callable[[], object]) -> int:
    """Floating-point operations of the convolutions and products in one training step."""
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


def matrix_rate(device: torch.device, precision: str, side: int = 2048) -> float:
    """Floating-point operations a second of a large matrix product: the best of ten."""
    kind = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(precision, torch.float32)
    one, other = (torch.randn(side, side, device=device, dtype=kind) for _ in range(2))
    return 2 * side**3 / min(timed(lambda: one @ other, device) for _ in range(10))


def timed(step: Callable[[], object], device: torch.device) -> float:
    """Seconds of a step, the device idle before and after."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == "__main__":
    tyro.cli(main)
