"""Encoders' backbones: torchvision's ResNets and MobileNetV2, dilated to a chosen output stride (Section 4).

A backbone maps normalised images to low-level features (stride 4) and high-level features (stride 16 or 8).
Weights come with the input scaling that they were trained with: `build_backbone` returns both.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn

from reco_core.errors import InputError, one_line

Normalisation = tuple[tuple[float, float, float], tuple[float, float, float]]
IMAGENET_NORMALISATION: Normalisation = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
SYMMETRIC_NORMALISATION: Normalisation = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""[0, 1] -> [-1, 1], the scaling of weights that were converted from TensorFlow."""


@dataclass(frozen=True)
class BackboneSpec:
    """What the networks need to know of a backbone."""

    constructor: str
    """Name in torchvision.models."""
    width: int = 256
    """Default channels of ASPP and heads."""
    width_multiplier: float | None = None
    """MobileNetV2's multiplier."""


BACKBONES = {
    "resnet18": BackboneSpec("resnet18"),
    "resnet34": BackboneSpec("resnet34"),
    "resnet50": BackboneSpec("resnet50"),
    "resnet101": BackboneSpec("resnet101"),
    "mobilenet_v2": BackboneSpec("mobilenet_v2", width=128, width_multiplier=1.0),
    "mobilenet_v2_035": BackboneSpec("mobilenet_v2", width=128, width_multiplier=0.35),
}


class Backbone(nn.Module):
    """Features at stride 4 and at the output stride, from two sequential parts of a torchvision network."""

    def __init__(self, low: nn.Sequential, high: nn.Sequential, low_level_channels: int, out_channels: int) -> None:
        super().__init__()
        self.low = low
        self.high = high
        self.low_level_channels = low_level_channels
        self.out_channels = out_channels

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) -> low-level (B, *, H/4, W/4) and high-level (B, *, H/stride, W/stride)."""
        low = self.low(images)
        return low, self.high(low)


def _dilate(stage: nn.Module, inner: int, outer: int) -> None:
    """Replace the stride of a stage's first block by dilation: `inner` before it takes effect, `outer` after.

    The rule of torchvision's own dilated ResNets, applied to any stage made of convolutions; BasicBlocks too,
    which torchvision refuses to dilate.
    """
    seen_stride = False
    for module in stage.modules():
        if not isinstance(module, nn.Conv2d):
            continue
        strided = module.stride != (1, 1)
        module.stride = (1, 1)
        if module.kernel_size[0] > 1:
            rate = outer if seen_stride else inner
            module.dilation = (rate, rate)
            module.padding = (rate * (module.kernel_size[0] // 2),) * 2
        seen_stride = seen_stride or strided


def _resnet(network: nn.Module, output_stride: int) -> Backbone:
    if output_stride == 8:
        _dilate(network.layer3, inner=1, outer=2)
        _dilate(network.layer4, inner=2, outer=4)
    else:
        _dilate(network.layer4, inner=1, outer=2)
    low = nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool, network.layer1)
    high = nn.Sequential(network.layer2, network.layer3, network.layer4)
    out_channels = network.fc.in_features
    return Backbone(low, high, low_level_channels=out_channels // 8, out_channels=out_channels)


def _mobilenet(network: nn.Module, output_stride: int) -> Backbone:
    # features[0:4] reach stride 4, [4:7] stride 8, [7:14] stride 16, [14:18] stride 32; [18] widens for ImageNet.
    low, high = network.features[:4], network.features[4:18]
    if output_stride == 8:
        _dilate(network.features[7:14], inner=1, outer=2)
        _dilate(network.features[14:18], inner=2, outer=4)
    else:
        _dilate(network.features[14:18], inner=1, outer=2)
    channels = [part[-1].conv[-1].num_features for part in (low, high)]
    return Backbone(low, high, low_level_channels=channels[0], out_channels=channels[1])


def _load_state(network: nn.Module, path: Path, backbone: str) -> None:
    if not path.is_file():
        raise InputError(f"{path}: no such weights file; give a state dict of {backbone}, or 'imagenet', or nothing")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        state = {name: value for name, value in state.items() if not name.startswith(("fc.", "classifier."))}
        missing, unexpected = network.load_state_dict(state, strict=False)
    except Exception as error:
        raise InputError(
            f"{path}: not a state dict of {backbone}: {one_line(error)}; give its file, or 'imagenet', or nothing"
        ) from error
    missing = [name for name in missing if not name.startswith(("fc.", "classifier."))]
    if missing or unexpected:
        raise InputError(
            f"{path}: not the weights of {backbone}: {len(missing)} entries missing (such as {missing[:1]}), "
            f"{len(unexpected)} unknown (such as {list(unexpected)[:1]}); give the file of {backbone}"
        )


def _normalisation(weights: str | Path | None, backbone: str) -> Normalisation:
    """ImageNet's mean and deviation for torchvision's weights and ResNets; [-1, 1] for converted MobileNetV2 files."""
    from_file = weights is not None and str(weights) != "imagenet"
    return SYMMETRIC_NORMALISATION if from_file and backbone.startswith("mobilenet") else IMAGENET_NORMALISATION


def build_backbone(name: str, weights: str | Path | None, output_stride: int) -> tuple[Backbone, Normalisation]:
    """A dilated backbone and the normalisation (mean, std) that its inputs need.

    Args:
        name: a key of `BACKBONES`.
        weights: None (random), "imagenet" (torchvision's, downloaded once) or the path of a state dict. A MobileNetV2
            file is taken to expect inputs in [-1, 1] (the scaling of the TensorFlow originals), every other ImageNet's
            mean and deviation.
        output_stride: 16 (DeepLabV3+) or 8 (DeepLabV2).

    Raises:
        InputError: unknown name, missing file, or weights of another network.
    """
    if name not in BACKBONES:
        raise InputError(f"unknown backbone {name!r}: choose one of {', '.join(BACKBONES)}")
    spec = BACKBONES[name]
    options = {} if spec.width_multiplier is None else {"width_mult": spec.width_multiplier}
    pretrained = str(weights) == "imagenet"
    if pretrained and spec.width_multiplier not in (None, 1.0):
        raise InputError(f"torchvision has no ImageNet weights for {name!r}: give the path of a state dict")
    try:
        network = getattr(torchvision.models, spec.constructor)(
            weights="IMAGENET1K_V1" if pretrained else None, **options
        )
    except (OSError, RuntimeError) as error:  # no network, no room, or a file that was cut short
        raise InputError(
            f"ImageNet weights of {name} cannot be fetched: {one_line(error)}; go on line once, or give a file of them"
        ) from error
    if weights is not None and not pretrained:
        _load_state(network, Path(weights), name)
    build = _mobilenet if spec.constructor == "mobilenet_v2" else _resnet
    return build(network, output_stride), _normalisation(weights, name)


def weights_digest(weights: str | None) -> str | None:
    """The name by which a run's record knows its initialisation: "imagenet", or file name and SHA-256 prefix."""
    if weights is None or weights == "imagenet":
        return weights
    digest = hashlib.sha256(Path(weights).read_bytes()).hexdigest()[:12]
    return f"{Path(weights).name}:{digest}"
