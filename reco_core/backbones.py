"""Encoders with two levels of features: torchvision's, timm's, and a tiny one; their weights and normalisation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reco_core.errors import InputError, one_line

Named = Literal["imagenet", "symmetric"]
Normalisation = tuple[tuple[float, float, float], tuple[float, float, float]]
IMAGENET_NORMALISATION: Normalisation = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
SYMMETRIC_NORMALISATION: Normalisation = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""[0, 1] -> [-1, 1], the scaling of weights that were converted from TensorFlow."""
NORMALISATIONS: dict[Named, Normalisation] = {"imagenet": IMAGENET_NORMALISATION, "symmetric": SYMMETRIC_NORMALISATION}
"""Means and deviations by the name of the option."""


@dataclass(frozen=True)
class BackboneSpec:
    """What the networks need to know of a backbone."""

    constructor: str | None
    """Name in torchvision.models; None: `tiny_backbone`."""
    width: int = 256
    """Default channels of ASPP and heads."""
    width_multiplier: float | None = None
    """MobileNetV2's multiplier."""
    aspp_rates: tuple[int, ...] = (6, 12, 18)
    """Dilations of ASPP that the map at the output stride can use."""


BACKBONES = {
    **{name: BackboneSpec(name) for name in ("resnet18", "resnet34", "resnet50", "resnet101")},
    "mobilenet_v2": BackboneSpec("mobilenet_v2", width=128, width_multiplier=1.0),
    "mobilenet_v2_035": BackboneSpec("mobilenet_v2", width=128, width_multiplier=0.35),
    "tiny": BackboneSpec(None, width=32, aspp_rates=(1, 2, 4)),
}


def spec_of(name: str) -> BackboneSpec:
    """A backbone's entry; for timm:NAME the defaults.

    Raises:
        InputError: unknown name.
    """
    if name not in BACKBONES and not name.startswith("timm:"):
        raise InputError(f"unknown backbone {name!r}: choose one of {', '.join(BACKBONES)}, or timm:NAME")
    return BACKBONES.get(name, BackboneSpec(None))


class BatchNorm(nn.BatchNorm2d):
    """Batch norm that leaves PyTorch's count of batches alone: nothing reads it, and it costs an operation a pass.

    A channel's only value, as ASPP has of a single image, has no variance: the running statistics serve instead.
    """

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, h, w) -> the same shape."""
        of_batch = self.training and input.numel() > input.shape[1]
        statistics = self.running_mean, self.running_var
        return F.batch_norm(input, *statistics, self.weight, self.bias, of_batch, self.momentum or 0.0, self.eps)


def conv_bn_relu(
    in_channels: int, out_channels: int, kernel_size: int = 1, dilation: int = 1, stride: int = 1
) -> nn.Sequential:
    """A convolution that keeps the size, or divides it by its stride; batch norm and ReLU."""
    padding = dilation * (kernel_size // 2)
    layer = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, dilation, bias=False)
    return nn.Sequential(layer, BatchNorm(out_channels), nn.ReLU(inplace=True))


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


class TimmBackbone(nn.Module):
    """Two levels of a timm feature extractor: the first of stride 4 or more, and the last."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        strides, channels = network.feature_info.reduction(), network.feature_info.channels()
        self.low = next((level for level, stride in enumerate(strides) if stride >= 4), 0)
        self.low_level_channels, self.out_channels = channels[self.low], channels[-1]
        self.channels_last = str(getattr(network, "output_fmt", "NCHW")).endswith("NHWC")

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) -> low-level and high-level features, each at its stride."""
        maps = self.network(images)
        low, high = (maps[level].permute(0, 3, 1, 2) if self.channels_last else maps[level] for level in (self.low, -1))
        return low, high


def _check_file(path: Path, backbone: str) -> None:
    if not path.is_file():
        raise InputError(f"{path}: no such weights file; give a state dict of {backbone}, or 'imagenet', or nothing")


def _timm(name: str, weights: str | Path | None, output_stride: int) -> tuple[TimmBackbone, Normalisation]:
    """With dilation where the extractor has it; images of any size where it is a transformer that can take them."""
    try:
        import timm
    except ImportError as error:
        raise InputError(f"backbone timm:{name} needs timm: pip install 'reco-core[timm]'") from error
    options: dict[str, Any] = {"features_only": True, "pretrained": weights is not None}
    if weights is not None and str(weights) != "imagenet":
        _check_file(Path(weights), name)
        options["pretrained_cfg_overlay"] = {"file": str(weights)}
    sizes = {"dynamic_img_size": True}
    for extra in ({"output_stride": output_stride}, sizes | {"dynamic_img_pad": True}, sizes, {}):
        try:
            network: Any = timm.create_model(name, **options, **extra)
            return TimmBackbone(network), (network.pretrained_cfg["mean"], network.pretrained_cfg["std"])
        except TypeError as error:  # an option that this one does not know
            problem: Exception = error
        except Exception as error:
            problem = error
            break
    raise InputError(
        f"backbone timm:{name} cannot be built: {one_line(problem)}; timm.list_models() has names"
    ) from problem


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


def _resnet(network: Any, output_stride: int) -> Backbone:
    if output_stride == 8:
        _dilate(network.layer3, inner=1, outer=2)
        _dilate(network.layer4, inner=2, outer=4)
    else:
        _dilate(network.layer4, inner=1, outer=2)
    low = nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool, network.layer1)
    high = nn.Sequential(network.layer2, network.layer3, network.layer4)
    out_channels = network.fc.in_features
    return Backbone(low, high, low_level_channels=out_channels // 8, out_channels=out_channels)


def _mobilenet(network: Any, output_stride: int) -> Backbone:
    # features[0:4] reach stride 4, [4:7] stride 8, [7:14] stride 16, [14:18] stride 32; [18] widens for ImageNet.
    low, high = network.features[:4], network.features[4:18]
    if output_stride == 8:
        _dilate(network.features[7:14], inner=1, outer=2)
        _dilate(network.features[14:18], inner=2, outer=4)
    else:
        _dilate(network.features[14:18], inner=1, outer=2)
    channels = [part[-1].conv[-1].num_features for part in (low, high)]
    return Backbone(low, high, low_level_channels=channels[0], out_channels=channels[1])


def tiny_backbone() -> Backbone:
    """Seven 3x3 convolutions for images of 64 x 64, 0.17 M parameters: strides 4 and 8, whatever stride is asked."""
    first, second = ((3, 24, 2), (24, 24, 1), (24, 24, 2)), ((24, 48, 2), (48, 48, 1), (48, 96, 1), (96, 96, 1))
    low, high = (nn.Sequential(*(conv_bn_relu(m, n, 3, stride=s) for m, n, s in part)) for part in (first, second))
    return Backbone(low, high, low_level_channels=24, out_channels=96)


def _load_state(network: nn.Module, path: Path, backbone: str) -> None:
    _check_file(path, backbone)
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


def build_backbone(
    name: str, weights: str | Path | None, output_stride: int, normalisation: Named | None = None
) -> tuple[Backbone | TimmBackbone, Normalisation]:
    """A dilated backbone and the normalisation (mean, std) that its inputs need.

    Args:
        name: a key of `BACKBONES`, or timm:NAME.
        weights: None (random), "imagenet" (torchvision's or timm's, downloaded once) or the path of a state dict.
        output_stride: 16 (DeepLabV3+) or 8 (DeepLabV2).
        normalisation: "imagenet" or "symmetric"; None: ImageNet's mean and deviation, and [-1, 1] for tiny and for a
            file of mobilenet_v2_035, of which torchvision has none and whose files come from TensorFlow; for timm its
            own entry.

    Raises:
        InputError: unknown name, missing file, or weights of another network.
    """
    build = _timm if name.startswith("timm:") else _torchvision
    backbone, known = build(name.removeprefix("timm:"), weights, output_stride)
    return backbone, known if normalisation is None else NORMALISATIONS[normalisation]


def _torchvision(name: str, weights: str | Path | None, output_stride: int) -> tuple[Backbone, Normalisation]:
    spec = spec_of(name)
    if spec.constructor is None:
        if weights is not None:
            raise InputError(f"{weights}: backbone {name!r} starts from random weights: leave out --weights")
        return tiny_backbone(), SYMMETRIC_NORMALISATION
    import torchvision  # here: whoever imports this file for its types need not wait for it

    pretrained = str(weights) == "imagenet"
    if pretrained and spec.width_multiplier not in (None, 1.0):
        raise InputError(f"torchvision has no ImageNet weights for {name!r}: give the path of a state dict")
    options: dict[str, Any] = {"weights": "IMAGENET1K_V1" if pretrained else None, "norm_layer": BatchNorm}
    options |= {} if spec.width_multiplier is None else {"width_mult": spec.width_multiplier}
    try:
        network = getattr(torchvision.models, spec.constructor)(**options)
    except (OSError, RuntimeError) as error:  # no network, no room, or a file that was cut short
        raise InputError(
            f"ImageNet weights of {name} cannot be fetched: {one_line(error)}; go on line once, or give a file of them"
        ) from error
    mobile, normalisation = spec.constructor == "mobilenet_v2", IMAGENET_NORMALISATION
    if weights is not None and not pretrained:
        _load_state(network, Path(weights), name)
        if spec.width_multiplier not in (None, 1.0):
            normalisation = SYMMETRIC_NORMALISATION
    return (_mobilenet if mobile else _resnet)(network, output_stride), normalisation
