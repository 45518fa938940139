"""Everything that a training run can be told: frozen dataclasses, from which the command line is generated.

The defaults train ReCo + ClassMix on the embedded toyscapes in minutes on a laptop. The paper's settings (Appendix A)
are noted at each field; `experiments.py` builds recipes from them.
"""

import dataclasses
import math
import types
import typing
from dataclasses import dataclass, field
from typing import Any, Literal

from reco_core.errors import InputError

Method = Literal[
    "supervised", "mean_teacher", "cutout", "cutmix", "classmix", "s4gan", "unimatch",
    "reco+supervised", "reco+mean_teacher", "reco+cutout", "reco+cutmix", "reco+classmix", "reco+s4gan",
    "reco+unimatch",
]  # fmt: skip


@dataclass(frozen=True)
class DataConfig:
    """Which images, how large, and how many of them with labels."""

    dataset: str = "toyscapes"
    """A data set's name, see `reco data info`."""
    root: str | None = None
    """Its folder; None: $RECO_DATA/<name>, else data/<name>."""
    size: tuple[int, int] | None = None
    """Resize every image to (height, width), pixels; None keeps the files' size."""
    crop: tuple[int, int] = (96, 96)
    """Height and width of the random crops, pixels (paper: 512, 321, 321)."""
    scale: tuple[float, float] = (0.5, 1.5)
    """Range of the random scale before cropping (paper: 0.5 to 1.5; Cityscapes 1 to 1)."""
    num_labelled: int | None = 20
    """Labelled images, chosen so that rare classes appear; None: all of them."""
    min_classes: int = 1
    """Classes that a labelled image must show at least (published: Cityscapes 12, VOC 3)."""
    partial_labels: Literal["1px", "1%", "5%", "25%"] | None = None
    """Label so many pixels of each class in every image, instead of all pixels of some images (Table 3)."""
    unlabelled_share: float = 1.0
    """Share of the unlabelled images that is used (Fig. 7c)."""
    train_split: str = "train"
    """Split that is trained on (Table 2: VOC's "train_original")."""
    eval_split: str = "val"
    """Split that is scored during training and on which the best step is chosen."""
    test_split: str | None = "test"
    """Split that is scored once, at the end; None where a data set has none."""


@dataclass(frozen=True)
class ModelConfig:
    """The network."""

    architecture: Literal["deeplab_v3_plus", "deeplab_v2"] = "deeplab_v3_plus"
    backbone: str = "resnet18"
    """resnet18, resnet34, resnet50, resnet101 (paper), mobilenet_v2 or mobilenet_v2_035."""
    weights: str | None = None
    """None (random), "imagenet" (torchvision's, as the paper) or the path of a backbone's state dict."""
    representation_dim: int = 256
    """D, dimensions of the representation (the paper's m)."""
    width: int | None = 64
    """Channels of ASPP and heads (paper: 256); None: 256, or 128 for the light backbones."""


@dataclass(frozen=True)
class ReCoConfig:
    """Options of `RegionalContrastLoss`, and delta_w."""

    num_queries: int = 256
    """Queries a class."""
    num_keys: int = 512
    """Negative keys of a query."""
    temperature: float = 0.5
    """tau of Eq. 1."""
    relation_temperature: float | None = 0.5
    """Temperature of the key-sampling softmax; None: the text's, which has none."""
    strong_threshold: float = 0.97
    """delta_s of Eq. 4."""
    query_sampling: Literal["hard", "random", "easy"] = "hard"
    key_sampling: Literal["relation", "uniform"] = "relation"
    key_sharing: Literal["class", "query"] = "class"
    reduction: Literal["mean", "sum"] = "mean"
    """"sum": Eq. 1 as it is written."""
    bank_size: int | None = None
    """Take keys and prototypes from a feature bank of so many representations a class (Appendix B)."""


@dataclass(frozen=True)
class OptimiserConfig:
    """Optimiser, with the polynomial schedule of Appendix A."""

    name: Literal["sgd", "adamw"] = "sgd"
    """sgd (paper), or adamw, which has no momentum or Nesterov to set and decays weights apart from the gradient."""
    iterations: int = 600
    """Training steps (paper: 40,000)."""
    batch_size: int = 4
    """Labelled images a step and process, and as many unlabelled ones (paper: 2, 10 or 5)."""
    learning_rate: float = 2e-2
    """Initial learning rate (paper: 2.5e-3, with ImageNet weights)."""
    momentum: float = 0.9
    nesterov: bool = True
    """Nesterov's momentum (published experiments; the text does not say)."""
    weight_decay: float = 5e-4
    power: float = 0.9
    """Exponent of the schedule (1 - step / iterations) ** power."""
    schedule_interval: int = 1
    """Update the learning rate every so many steps (published: 200)."""


@dataclass(frozen=True)
class TrainConfig:
    """One training run."""

    method: Method = "reco+classmix"
    """How unlabelled images are used, and whether ReCo is added."""
    seed: int = 0
    """Fixes the labelled split, the initial weights, the order of the images and every random choice."""
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    reco: ReCoConfig = field(default_factory=ReCoConfig)
    weak_threshold: float = 0.7
    """delta_w: least confidence of a pseudo-label that ReCo may use (Section 3.3)."""
    teacher_decay: float = 0.99
    """lambda of the mean teacher (Section 3.3)."""
    teacher_ramp: bool = True
    """Start with a smaller lambda, min(1 - 1 / (t + 1), lambda) (published); False: the text's constant."""
    teacher_batch_norm: Literal["own", "copy"] = "own"
    """Statistics of the teacher's batch norms: its own passes' (published), or the student's."""
    eta: Literal["image", "batch"] = "image"
    """eta of Eq. 5: the confident share of each image (published), or of the batch (the text)."""
    s4gan_threshold: float = 0.6
    """gamma of S4GAN: how true a prediction must look to the discriminator to be learnt from (Mittal et al., 2019)."""
    consistency_threshold: float = 0.95
    """Confidence from which a pixel teaches in weak-to-strong consistency (UniMatch)."""
    eval_every: int = 200
    """Steps between evaluations."""
    log_every: int = 20
    """Steps between reports of the losses."""
    checkpoint_every: int = 200
    """Steps between checkpoints."""
    num_workers: int = 0
    """Processes that load images; the result does not depend on it."""
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] = "32-true"
    """Lightning Fabric's precision."""
    accelerator: str = "auto"
    """Lightning Fabric's accelerator: auto, cpu, cuda, mps."""
    devices: int = 1
    """Processes on this machine, one a device; each takes `batch_size` images a step."""
    num_nodes: int = 1
    """Machines."""
    sync_batch_norm: bool = False
    """Batch statistics over all processes (GPUs only)."""
    cross_process_keys: bool = False
    """With several processes: class means and keys from all of them, queries from each its own."""
    compile: bool = False
    """Run the network through `torch.compile`."""
    channels_last: bool = True
    """Memory format of the network's convolutions: faster, the same mathematics."""

    @property
    def base_method(self) -> str:
        """The method without ReCo."""
        return self.method.removeprefix("reco+")

    @property
    def uses_reco(self) -> bool:
        """Whether the ReCo loss is added."""
        return self.method.startswith("reco+")

    @property
    def uses_unlabelled(self) -> bool:
        """Whether unlabelled images are used."""
        return self.base_method != "supervised"


def to_dict(config: Any) -> dict[str, Any]:
    """A configuration as plain JSON types."""
    return dataclasses.asdict(config)


NOT_NEGATIVE = {"seed", "num_workers", "min_classes", "s4gan_threshold"}
"""Whole numbers that may be zero; every other one counts something of which there must be one."""
POSITIVE = {"learning_rate", "temperature", "relation_temperature", "scale"}
"""Real numbers that must not be zero; none may be negative."""


def check(config: Any, where: str = "configuration") -> None:
    """Refuse numbers with which no run can work.

    Args:
        config: a configuration or one of its parts.
        where: its name in the error.

    Raises:
        InputError: naming the field, its value and what it may be.
    """
    for entry in dataclasses.fields(config):
        value, name = getattr(config, entry.name), f"{where}.{entry.name}"
        if dataclasses.is_dataclass(value):
            check(value, name)
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, bool) or not isinstance(number, (int, float)):
                continue
            if not math.isfinite(number):
                raise InputError(f"{name}: {value} is not a number to work with: give a finite one")
            whole = isinstance(number, int) and entry.name not in NOT_NEGATIVE
            if number < 0 or (number == 0 and (whole or entry.name in POSITIVE)):
                allowed = "1 or more" if whole else "more than 0" if entry.name in POSITIVE else "0 or more"
                raise InputError(f"{name}: {value} is out of range: give {allowed}")
    if isinstance(config, OptimiserConfig) and config.nesterov and config.momentum == 0:
        raise InputError(f"{where}.nesterov: needs momentum above 0: set one, or --no-nesterov")
    if isinstance(config, DataConfig) and config.scale[0] > config.scale[1]:
        raise InputError(f"{where}.scale: {config.scale} runs backwards: give the smaller scale first")


def from_dict(kind: type, values: dict[str, Any], where: str = "configuration") -> Any:
    """Build a configuration from plain JSON types.

    Raises:
        InputError: for a key that `kind` does not have, named with its place.
    """
    hints = typing.get_type_hints(kind)
    if not isinstance(values, dict):
        raise InputError(f"{where}: expected an object with fields of {kind.__name__}, got {values!r}")
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise InputError(f"{where}: unknown field {unknown[0]!r} of {kind.__name__}; known: {', '.join(hints)}")
    return kind(**{name: _convert(hints[name], value, f"{where}.{name}") for name, value in values.items()})


def _convert(hint: Any, value: Any, where: str) -> Any:
    """JSON's lists become the tuples that the dataclasses declare; choices and plain types are checked."""
    if dataclasses.is_dataclass(hint):
        return from_dict(hint, value, where)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        inner = [argument for argument in arguments if argument is not type(None)]
        return None if value is None else _convert(inner[0], value, where)
    if origin is tuple:
        if not isinstance(value, (list, tuple)) or len(value) != len(arguments):
            raise InputError(f"{where}: expected {len(arguments)} values, got {value!r}")
        return tuple(_convert(argument, item, where) for argument, item in zip(arguments, value, strict=True))
    if origin is Literal:
        if value not in arguments:
            raise InputError(f"{where}: {value!r} is not one of {', '.join(map(str, arguments))}")
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise InputError(f"{where}: expected {hint.__name__}, got {value!r}")
    return value
