"""Configuration of a run: frozen dataclasses whose bounds stand beside the fields; what does not fit is refused.

The command line is generated from them. The defaults train ReCo + ClassMix on 20 labelled scenes of the embedded
toyscapes, in minutes on a laptop. The paper's settings (Appendix A) are noted at each field; `runs/recipes.py` builds
recipes from them.
"""

import dataclasses
import json
import reprlib
from dataclasses import field
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from reco_core.errors import InputError, one_line

Count = Annotated[int, Field(ge=1)]
WholeNumber = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1)]

STRICT = ConfigDict(strict=True, extra="forbid")


@dataclass(frozen=True, config=STRICT)
class DataConfig:
    """Which images, how large, and how many of them with labels."""

    dataset: str = "toyscapes"
    """A data set's name, see `reco data info`."""
    root: str | None = None
    """Its folder; None: $RECO_DATA/<name>, else data/<name>."""
    size: tuple[Count, Count] | None = None
    """Resize every image to (height, width), pixels; None keeps the files' size."""
    crop: tuple[Count, Count] = (64, 64)
    """Height and width of the random crops, pixels (paper: 512, 321, 321)."""
    scale: tuple[Positive, Positive] = (0.75, 1.5)
    """Range of the random scale before cropping (paper: 0.5 to 1.5; Cityscapes 1 to 1)."""
    num_labelled: Count | None = 20
    """Labelled images, chosen so that rare classes appear; None: all of them."""
    min_classes: WholeNumber = 1
    """Classes that a labelled image must show at least (published: Cityscapes 12, VOC 3)."""
    labelled_list: str | None = None
    """File with the names of the labelled images, a line each, instead of `num_labelled`."""
    partial_labels: Literal["1px", "1%", "5%", "25%"] | None = None
    """Label so many pixels of each class in every image, instead of all pixels of some images (Table 3)."""
    unlabelled_share: Share = 1.0
    """Share of the unlabelled images that is used (Fig. 7c)."""
    train_split: str = "train"
    """Split that is trained on (Table 2: VOC's "train_original")."""
    eval_split: str = "val"
    """Split that is scored during training and on which the best step is chosen."""
    test_split: str | None = "test"
    """Split that is scored once, at the end; None where a data set has none."""

    @model_validator(mode="after")
    def _check_scale(self) -> Self:
        if self.scale[0] > self.scale[1]:
            raise ValueError(f"scale {self.scale} runs backwards: give the smaller scale first")
        if self.labelled_list is not None and self.partial_labels is not None:
            raise ValueError("labelled_list and partial_labels exclude each other: choose one")
        return self


@dataclass(frozen=True, config=STRICT)
class ModelConfig:
    """The network."""

    architecture: Literal["deeplab_v3_plus", "deeplab_v2"] = "deeplab_v3_plus"
    backbone: str = "tiny"
    """tiny (seven convolutions, for small images and random weights alone), resnet18, resnet34, resnet50, resnet101
    (paper), mobilenet_v2, mobilenet_v2_035, or timm:NAME."""
    weights: str | None = None
    """None (random), "imagenet" (torchvision's, as the paper) or the path of a backbone's state dict."""
    normalisation: Literal["imagenet", "symmetric"] | None = None
    """What the weights expect: ImageNet's mean and deviation, or [-1, 1]; None: as is known of them."""
    representation_dim: Count = 64
    """D, dimensions of the representation (the paper's m; 256 there)."""
    width: Count | None = None
    """Channels of ASPP and heads (paper: 256); None: 256, for a MobileNetV2 128, for tiny 32."""


@dataclass(frozen=True, config=STRICT)
class ReCoConfig:
    """Options of `RegionalContrastLoss`; delta_s also weighs the pseudo-labels of a mean teacher (Eq. 5)."""

    num_queries: Count = 256
    """Queries a class."""
    num_keys: Count = 512
    """Negative keys of a query."""
    temperature: Positive = 0.5
    """tau of Eq. 1."""
    relation_temperature: Positive | None = 0.5
    """Temperature of the key-sampling softmax; None: the text's, which has none."""
    strong_threshold: NotNegative = 0.97
    """delta_s of Eq. 4."""
    query_sampling: Literal["hard", "random", "easy"] = "hard"
    key_sampling: Literal["relation", "uniform"] = "relation"
    key_sharing: Literal["class", "query"] = "class"
    reduction: Literal["mean", "sum"] = "mean"
    """"sum": Eq. 1 as it is written."""
    bank_size: Count | None = None
    """Take keys and prototypes from a feature bank of so many representations a class (Appendix B)."""


@dataclass(frozen=True, config=STRICT)
class OptimisationConfig:
    """Optimiser, with the polynomial schedule of Appendix A."""

    optimiser: Literal["sgd", "adamw"] = "adamw"
    """sgd (paper), or adamw, which has no momentum or Nesterov to set and decays weights apart from the gradient."""
    iterations: Count = 3000
    """Training steps (paper: 40,000)."""
    batch_size: Count = 8
    """Labelled images a step and process, and as many unlabelled ones (paper: 2, 10 or 5)."""
    learning_rate: Positive = 3e-3
    """Initial learning rate (paper: 2.5e-3, for SGD with ImageNet weights)."""
    momentum: NotNegative = 0.9
    nesterov: bool = True
    """Nesterov's momentum (published experiments; the text does not say)."""
    weight_decay: NotNegative = 5e-4
    power: NotNegative = 0.9
    """Exponent of the schedule (1 - step / iterations) ** power."""
    schedule_interval: Count = 1
    """Update the learning rate every so many steps (published: 200)."""

    @model_validator(mode="after")
    def _check_nesterov(self) -> Self:
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs momentum above 0: set one, or --no-nesterov")
        return self


@dataclass(frozen=True, config=STRICT)
class TrainConfig:
    """One training run."""

    method: str = "reco+classmix"
    """How unlabelled images are used: supervised, mean_teacher, cutout, cutmix, classmix, s4gan or unimatch; with
    "reco+" before the name, the ReCo loss is added."""
    seed: WholeNumber = 0
    """Fixes the labelled split, the initial weights, the order of the images and every random choice."""
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    optimisation: OptimisationConfig = field(default_factory=OptimisationConfig)
    reco: ReCoConfig = field(default_factory=ReCoConfig)
    weak_threshold: NotNegative = 0.7
    """delta_w: least confidence of a pseudo-label that ReCo may use, of the teacher's or, without one, the student's
    own (Section 3.3)."""
    teacher_decay: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """lambda of the mean teacher (Section 3.3)."""
    teacher_ramp: bool = True
    """Start with a smaller lambda, min(1 - 1 / (t + 1), lambda) (published); False: the text's constant."""
    teacher_batch_norm: Literal["own", "copy"] = "own"
    """Statistics of the teacher's batch norms: its own passes' (published), or the student's."""
    eta: Literal["image", "batch"] = "image"
    """eta of Eq. 5: the confident share of each image (published), or of the batch (the text)."""
    s4gan_threshold: NotNegative = 0.6
    """gamma of S4GAN: how true a prediction must look to the discriminator to be learnt from (Mittal et al., 2019)."""
    consistency_threshold: NotNegative = 0.95
    """Confidence from which a pixel teaches in weak-to-strong consistency (UniMatch)."""
    eval_every: Count = 500
    """Steps between evaluations."""
    eval_batch_size: Count = 8
    """Images scored at once, of large ones fewer; the result does not depend on it."""
    log_every: Count = 100
    """Steps between reports of the losses."""
    checkpoint_every: Count = 500
    """Steps between checkpoints."""
    num_workers: WholeNumber = 0
    """Processes that load images; the result does not depend on it."""
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] = "32-true"
    """Lightning Fabric's precision."""
    accelerator: str = "auto"
    """Lightning Fabric's accelerator: auto, cpu, cuda, mps."""
    devices: Count = 1
    """Processes on this machine, one a device; each takes `batch_size` images a step."""
    num_nodes: Count = 1
    """Machines."""
    sync_batch_norm: bool = False
    """Batch statistics over all processes (GPUs only)."""
    compile: bool = False
    """Run student and teacher through `torch.compile`, or uncompiled with a warning where it does not work."""
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


Kind = TypeVar("Kind")


def from_dict(kind: type[Kind], values: Any, where: str = "configuration") -> Kind:
    """Build a dataclass from plain JSON types.

    Args:
        kind: the dataclass.
        values: its fields.
        where: its name in the error.

    Raises:
        InputError: an unknown field, or a value that a field does not take, named with its place.
    """
    try:  # where a name is no UTF-8, as a file's name may be, a question mark stands
        return TypeAdapter(kind).validate_json(json.dumps(values, ensure_ascii=False).encode("utf-8", "replace"))
    except ValidationError as error:
        raise InputError(f"{where}: {explained(error)}") from error
    except TypeError as error:  # a checkpoint can hold tensors
        raise InputError(f"{where}: not a configuration: {one_line(error)}; use another one") from error


def explained(error: ValidationError) -> str:
    """The first problem in a line: the field with its place, its value and what it may be."""
    problem = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "unexpected_keyword_argument":
        return f"unknown field {place!r}: correct its name or remove it"
    said = problem["msg"].removeprefix("Value error, ")
    if not place or problem["type"] == "value_error":  # a rule of ours, which names its fields
        return said
    value = "" if problem["type"] == "missing" else f" {reprlib.repr(problem['input'])}:"
    return f"{place}:{value} {said[0].lower()}{said[1:]}"
