"""The commands `reco data ...`: describe, picture, prepare and fetch data sets."""

from pathlib import Path
from typing import Annotated, Any

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


def preview(
    name: Name, root: str | None = None, split: str = "train", of: str | None = None, output: Path | None = None
) -> None:
    """Draw some images of a data set with their labels, and a page of what one class looks like, into PNG files.

    Args:
        name: the data set.
        root: its folder.
        split: train, val, test, as the data set has them.
        of: the class of the page; by default there is none, of toyscapes trucks.
        output: the picture, by default NAME-SPLIT.png; the page lies beside it, NAME-SPLIT-CLASS.png.
    """
    from reco_core import datasets
    from reco_core.analysis import preview as pictures
    from reco_core.analysis.plots import save_figure

    drawn = name == "toyscapes"
    finer: dict[str, Any] = {"resolution": 256} if drawn else {}
    data = datasets.load(name, root, split, **finer)
    path, of = output or Path(f"{name}-{split}.png"), of or ("truck" if drawn else None)
    figures = {"": pictures.preview(data)}
    if of is not None:
        figures[f"-{of.replace('/', '-')}"] = pictures.class_page(data, of)
    for suffix, figure in figures.items():
        place = path.with_stem(path.stem + suffix) if suffix else path
        save_figure(figure, place, dpi=150, bbox_inches="tight", facecolor="white")
        print(place)


def download(name: Name, root: Path | None = None) -> None:
    """Fetch a data set's public archive, unpack it safely and verify it."""
    from reco_core import datasets

    print(datasets.download(name, root, progress=True))


def prepare(name: Name, root: str | None = None) -> None:
    """Check a data set's files, say what is missing and where it is had, and convert them once into a cache."""
    from reco_core import datasets

    with counted("image") as show:
        found = datasets.prepare(name, root, progress=show)
    for split, count in found.items():
        print(f"{split}: {count} images")


DATA_COMMANDS = {"info": info, "preview": preview, "prepare": prepare, "download": download}
