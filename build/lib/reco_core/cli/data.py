"""The commands `reco data ...`: describe, picture, prepare and fetch data sets."""

from pathlib import Path
from typing import Annotated

import tyro

from reco_core.cli.progress import counted

Name = Annotated[str, tyro.conf.Positional]


def info(name: Name, root: str | None = None) -> None:
    """Describe a data set: where it comes from, its splits, classes and their share of the pixels."""
    from reco_core.analysis.preview import describe

    for key, value in describe(name, root).items():
        if isinstance(value, dict):
            print(f"{key}:")
            for inner, entry in value.items():
                print(f"  {inner}: {entry:.3f}" if isinstance(entry, float) else f"  {inner}: {entry}")
        else:
            print(f"{key}: {value}")


def preview(name: Name, root: str | None = None, split: str = "train", output: Path | None = None) -> None:
    """Draw some images of a data set with their labels into a PNG file.

    Args:
        name: the data set.
        root: its folder.
        split: train, val, test, as the data set has them.
        output: the picture; by default NAME-SPLIT.png.
    """
    from reco_core import datasets
    from reco_core.analysis import preview as pictures
    from reco_core.analysis.plots import save_figure

    figure = pictures.preview(datasets.load(name, root, split))
    path = output or Path(f"{name}-{split}.png")
    save_figure(figure, path, dpi=150, bbox_inches="tight", facecolor="white")
    print(path)


def download(name: Name, root: Path | None = None) -> None:
    """Fetch a data set's public archive: with progress, resumed where it broke off, verified, unpacked safely."""
    from reco_core import datasets

    with counted("B") as show:
        folder = datasets.download(name, root, progress=show)
    print(folder)


def prepare(name: Name, root: str | None = None) -> None:
    """Check a data set's files, say what is missing and where it is had, and convert them once into a cache."""
    from reco_core import datasets

    with counted("image") as show:
        found = datasets.prepare(name, root, progress=show)
    for split, count in found.items():
        print(f"{split}: {count} images")


DATA_COMMANDS = {"info": info, "preview": preview, "prepare": prepare, "download": download}
