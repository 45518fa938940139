"""A trained network at work: load it from a checkpoint, segment image files, draw overlays."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from reco_core import config
from reco_core.config import TrainConfig
from reco_core.datasets import read_image
from reco_core.datasets.base import write_png
from reco_core.errors import InputError, one_line
from reco_core.evaluation import predict
from reco_core.models import SegmentationNetwork, build_model
from reco_core.runs.checkpoints import load_checkpoint


@dataclass(frozen=True)
class TrainedNetwork:
    """A network with what is needed to use it."""

    network: SegmentationNetwork
    """In evaluation mode, on the CPU."""
    options: TrainConfig
    classes: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    recipe: str | None = None
    """The named recipe that it was trained by."""
    preset: str | None = None


def load_trained(path: Path, which: str = "last") -> TrainedNetwork:
    """Load a run's network: the teacher's where there was one.

    Args:
        path: a run's checkpoint.pt.
        which: "last" or "best" (on the evaluation split).

    Raises:
        InputError: not a whole checkpoint, or one without a best network yet.
    """
    state = load_checkpoint(path)
    options = config.from_dict(TrainConfig, state["config"], str(path))
    if which == "best" and state.get("best_network", ...) is None:
        raise InputError(f"{path}: holds no 'best' network: it was not evaluated yet; use the last one (--which last)")
    try:
        # The trained weights replace the pretrained ones, whose file need not be here any more.
        network = build_model(replace(options.model, weights=None), len(state["classes"]))
        network.load_state_dict(state["network" if which == "last" else "best_network"])
        palette = tuple((int(red), int(green), int(blue)) for red, green, blue in state["palette"])
        names = tuple(state["classes"])
        return TrainedNetwork(network.eval(), options, names, palette, state.get("recipe"), state.get("preset"))
    except InputError:
        raise
    except Exception as error:  # parts are missing, or of another network
        raise InputError(f"{path}: its parts do not fit each other ({one_line(error)}); use another one") from error


def segment(trained: TrainedNetwork, image: Tensor, device: torch.device | str = "cpu") -> Tensor:
    """Class of every pixel of one image, at its own resolution.

    The image is brought to the height and width that the network was trained at, if the run resized its images.

    Args:
        image: (3, H, W) float in [0, 1].

    Returns:
        (H, W) int64.
    """
    size = trained.options.data.size
    inputs = image if size is None else TF.resize(image, list(size), antialias=True)
    labels = predict(trained.network.to(device), inputs[None].to(device)).cpu()
    return TF.resize(labels, list(image.shape[-2:]), interpolation=TF.InterpolationMode.NEAREST)[0]


def overlay(image: Tensor, labels: Tensor, palette: Sequence[Sequence[int]], opacity: float = 0.6) -> Tensor:
    """Colour an image (3, H, W) in [0, 1] by its labels (H, W); the label 255 is grey. The same shape and range."""
    table = torch.full((256, 3), 0.5)
    table[: len(palette)] = torch.tensor(palette, dtype=torch.float32) / 255
    return (1 - opacity) * image + opacity * table[labels].permute(2, 0, 1)


def predict_files(
    trained: TrainedNetwork,
    images: Sequence[Path],
    output: Path,
    opacity: float = 0.6,
    device: torch.device | str = "cpu",
) -> Iterator[Path]:
    """Segment image files one by one; yields the overlay's path after each.

    Raises:
        InputError: an unreadable image, results that would overwrite each other or an image, an opacity outside 0 to 1.
    """
    if not 0 <= opacity <= 1:
        raise InputError(f"opacity {opacity} is not between 0 and 1")
    written = [output / f"{Path(path).stem}{suffix}" for path in images for suffix in (".labels.png", ".png")]
    places = Counter(path.resolve() for path in (*written, *map(Path, images)))
    clash = next((path for path in written if places[path.resolve()] > 1), None)
    if clash is not None:
        raise InputError(f"{clash}: two results, or one and an image, would overwrite each other: run the images apart,"
                         " or choose another --output")  # fmt: skip
    for path in images:
        image = read_image(Path(path))
        labels = segment(trained, image, device)
        coloured = TF.to_pil_image(overlay(image, labels, trained.palette, opacity))
        indices = Image.fromarray(labels.numpy().astype(np.uint8))
        write_png(indices, output / f"{Path(path).stem}.labels.png")
        write_png(coloured, output / f"{Path(path).stem}.png")
        yield output / f"{Path(path).stem}.png"
