"""What training reads: data sets in memory, and endless streams of crops that seed and step alone decide."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from reco_core import IGNORE_INDEX, datasets
from reco_core.augment import cannot_fill, random_scale_crop
from reco_core.config import TrainConfig
from reco_core.datasets.inventory import check_classes, check_files
from reco_core.errors import InputError, ignore_interruption
from reco_core.seeding import stream_generator


def load_split(options: TrainConfig, split: str) -> Any:
    """One split of the configured data set; if it is small, decoded once and kept in memory as bytes."""
    return datasets.cached(datasets.load(options.data.dataset, options.data.root, split, size=options.data.size))


def check_train(data: Any, options: TrainConfig) -> None:
    """Refuse what a run would meet later: files that cannot serve, and a crop that is too small to train on, that
    exceeds the images on both sides, or that one of them cannot fill.

    Raises:
        InputError: naming both sizes.
    """
    check_files(data)
    size_of = getattr(data, "size_of", lambda index: tuple(data[index][1].shape))  # from files' headers
    crop, sizes = options.data.crop, list(map(size_of, range(len(data))))
    least = 16 if options.base_method == "s4gan" else 8  # what the discriminator, and strong augmentation, can halve
    if min(crop) < least or (options.optimisation.batch_size == 1 and max(crop) <= 16):
        raise InputError(
            f"{data.name}/{data.split}: crop {crop[0]} x {crop[1]} is too small: method {options.method!r} needs"
            f" {least} x {least} pixels, and a batch of one more than 16 on a side"
        )
    for name, size in zip(data.names, sizes, strict=True):
        larger = name == data.names[0] and crop[0] > size[0] and crop[1] > size[1]
        if larger or cannot_fill(size, crop, options.data.scale[0]):
            raise InputError(
                f"{data.name}/{data.split}: crop {crop[0]} x {crop[1]} is larger than image {name!r} of"
                f" {size[0]} x {size[1]} pixels: choose a smaller crop or a larger size, or remove the image"
            )


def check_scored(data: Any, classes: Sequence[str]) -> tuple[int, int]:
    """Read all images and masks of a split that a run will score at its end; the size of the largest.

    Raises:
        InputError: a file that cannot be read, other classes than the network's, or nothing to score.
    """
    check_classes(data, tuple(classes), "the network")
    sizes, labelled = [], False
    for index in range(len(data)):
        label = data[index][1]
        sizes.append((label.shape[0], label.shape[1]))
        labelled = labelled or bool((label != IGNORE_INDEX).any())
    if not labelled:
        raise InputError(
            f"{data.name}/{data.split}: no pixel has a label, nothing can be scored; add masks, or choose another split"
        )
    return max(sizes, key=math.prod)


class StreamSampler(Sampler[list[tuple[int, int]]]):
    """Batches of (index, draw): epoch after epoch in fresh random order, starting at any step.

    Draw number p of the stream is entry p mod n of the permutation of epoch p // n, so a run that resumes at a step,
    or shares the work among processes, needs no memory of the steps before.

    Args:
        indices: of the images.
        batch_size: images a step and process.
        steps: range of steps to serve.
        seed: of the run.
        name: of the stream.
        rank, world_size: this process among all.
    """

    def __init__(
        self, indices: Sequence[int], batch_size: int, steps: range, seed: int, name: str, rank: int = 0,
        world_size: int = 1,
    ) -> None:  # fmt: skip
        self.indices = list(indices)
        self.batch_size, self.steps = batch_size, steps
        self.seed, self.name = seed, name
        self.rank, self.world_size = rank, world_size

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        epoch, order = -1, []
        for step in self.steps:
            first = (step * self.world_size + self.rank) * self.batch_size
            batch = []
            for draw in range(first, first + self.batch_size):
                if draw // len(self.indices) != epoch:
                    epoch = draw // len(self.indices)
                    generator = stream_generator(self.seed, self.name, epoch)
                    order = torch.randperm(len(self.indices), generator=generator).tolist()
                batch.append((self.indices[order[draw % len(self.indices)]], draw))
            yield batch


class WeakCrops(Dataset[tuple[Tensor, Tensor]]):
    """Weakly augmented crops of a data set; for unlabelled images the truth is withheld.

    Item (index, draw) is image (3, *crop) and label (*crop). With `labelled=False` the label is 0 where there is
    image and 255 where there is padding: it says which pixels are valid and nothing else.
    """

    def __init__(
        self, data: Any, crop: tuple[int, int], scale: tuple[float, float], seed: int, name: str, labelled: bool
    ) -> None:
        self.data, self.crop, self.scale = data, crop, scale
        self.seed, self.name, self.labelled = seed, name, labelled

    def __getitem__(self, item: tuple[int, int]) -> tuple[Tensor, Tensor]:
        index, draw = item
        image, label = self.data[index]
        if not self.labelled:
            label = torch.zeros_like(label)
        generator = stream_generator(self.seed, self.name, "crop", draw)
        return random_scale_crop(image, label, self.crop, self.scale, generator)


def stream_loader(
    options: TrainConfig, data: Any, indices: Sequence[int], name: str, steps: range, rank: int = 0, world_size: int = 1
) -> DataLoader:
    """A loader of batches, images (B, 3, *crop) and labels (B, *crop), one a step of `steps`.

    Args:
        options: batch size, crop, scale, seed and workers.
        data: where the images are.
        indices: which of them.
        name: of the stream: "labelled" or "unlabelled" (whose truth is withheld).
        steps: the steps to serve.
        rank, world_size: this process among all.
    """
    crops = WeakCrops(data, options.data.crop, options.data.scale, options.seed, name, labelled=name == "labelled")
    sampler = StreamSampler(indices, options.optimisation.batch_size, steps, options.seed, name, rank, world_size)
    pin = torch.cuda.is_available()
    return DataLoader(
        crops, batch_sampler=sampler, pin_memory=pin, num_workers=options.num_workers,
        worker_init_fn=ignore_interruption,
    )  # fmt: skip
