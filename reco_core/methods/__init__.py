"""What one training step does with unlabelled images, a class a method, and the registry that names them.

A method is a module that is built once a run and called once a step: `UnlabelledBatch` in, `UnlabelledTerms` out
(`methods/base.py`). What it holds, such as a mean teacher, is saved and resumed with the run. A new method is a class
in a file of its own and a line in `METHODS`; CONTRIBUTING.md shows one.
"""

from collections.abc import Callable
from typing import NamedTuple

from lightning_fabric import Fabric
from torch import nn

from reco_core.config import TrainConfig
from reco_core.errors import InputError
from reco_core.methods.base import UnlabelledBatch, UnlabelledTerms
from reco_core.methods.s4gan import S4GAN
from reco_core.methods.teaching import Teaching
from reco_core.methods.unimatch import UniMatch
from reco_core.models import SegmentationNetwork

__all__ = ["METHODS", "METHOD_NAMES", "Entry", "UnlabelledBatch", "UnlabelledTerms", "method_entry"]


class Entry(NamedTuple):
    """A line of the registry."""

    title: str
    """The name that figures and tables show."""
    build: Callable[[TrainConfig, SegmentationNetwork, int, Fabric], nn.Module] | None
    """Makes the method from options, student, number of classes and Fabric; None uses no unlabelled images."""


METHODS: dict[str, Entry] = {
    "supervised": Entry("Supervised", None),
    "mean_teacher": Entry("Mean teacher", Teaching),
    "cutout": Entry("CutOut", Teaching),
    "cutmix": Entry("CutMix", Teaching),
    "classmix": Entry("ClassMix", Teaching),
    "s4gan": Entry("S4GAN", S4GAN),
    "unimatch": Entry("UniMatch", UniMatch),
}
"""Each of them also exists with ReCo, as "reco+NAME"."""

METHOD_NAMES = {name: entry.title for name, entry in METHODS.items()} | {
    f"reco+{name}": f"ReCo + {entry.title}" for name, entry in METHODS.items()
}
"""Method -> the name that figures and tables show."""


def method_entry(name: str) -> Entry:
    """The registry's line for a method, with or without "reco+".

    Raises:
        InputError: a name that is not registered.
    """
    entry = METHODS.get(name.removeprefix("reco+"))
    if entry is None:
        raise InputError(f"unknown method {name!r}: choose one of {', '.join(METHODS)}, or reco+ before one of them")
    return entry
