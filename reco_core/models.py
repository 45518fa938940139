"""Segmentation networks with two heads: classes, and the pixel representation that ReCo trains (Section 3.1).

The paper splits a network into an encoder phi: X -> Z, a classification head psi_c: Z -> Y and a representation
head psi_r: Z -> R. `deeplab_v3_plus` (Chen et al., 2018) and `deeplab_v2` (Chen et al., 2017) keep that split in the
open: `print(model)` shows normalise, encoder, classifier, representer, and the output names the three tensors.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reco_core.config import ModelConfig
from reco_core.errors import InputError, one_line

Normalisation = tuple[tuple[float, float, float], tuple[float, float, float]]
IMAGENET_NORMALISATION: Normalisation = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
SYMMETRIC_NORMALISATION: Normalisation = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""[0, 1] -> [-1, 1], the scaling of weights that were converted from TensorFlow."""


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


class BatchNorm(nn.BatchNorm2d):
    """Batch norm that leaves PyTorch's count of batches alone: nothing reads it, and it costs an operation a pass.

    A channel's only value, as ASPP has of a single image, has no variance: the running statistics serve instead.
    """

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, h, w) -> the same shape."""
        of_batch = self.training and input.numel() > input.shape[1]
        statistics = self.running_mean, self.running_var
        return F.batch_norm(input, *statistics, self.weight, self.bias, of_batch, self.momentum or 0.0, self.eps)


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
        normalisation = SYMMETRIC_NORMALISATION if mobile else IMAGENET_NORMALISATION
    return (_mobilenet if mobile else _resnet)(network, output_stride), normalisation


def weights_digest(weights: str | None) -> str | None:
    """The name by which a run's record knows its initialisation: "imagenet", or file name and SHA-256 prefix."""
    if weights is None or weights == "imagenet":
        return weights
    digest = hashlib.sha256(Path(weights).read_bytes()).hexdigest()[:12]
    return f"{Path(weights).name}:{digest}"


class SegmentationOutput(NamedTuple):
    """What a network returns for images (B, 3, H, W); h, w are H, W over the output stride."""

    logits: Tensor
    """(B, C, h, w), before the softmax."""
    representation: Tensor | None
    """(B, D, h, w), the paper's R; None for a network without its representation head."""
    embedding: Tensor
    """(B, Z, h, w), the paper's Z: the tensor that feeds both heads."""


def conv_bn_relu(
    in_channels: int, out_channels: int, kernel_size: int = 1, dilation: int = 1, stride: int = 1
) -> nn.Sequential:
    """A convolution that keeps the size, or divides it by its stride; batch norm and ReLU."""
    padding = dilation * (kernel_size // 2)
    layer = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, dilation, bias=False)
    return nn.Sequential(layer, BatchNorm(out_channels), nn.ReLU(inplace=True))


class Normalise(nn.Module):
    """Bring images in [0, 1] to the scale that the backbone's weights were trained with.

    The mean and deviation belong to the weights, so they travel in the network's state, not in a data pipeline.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: tuple[float, float, float], std: tuple[float, float, float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> the same shape, normalised."""
        return (images - self.mean) / self.std


class ImagePooling(nn.Module):
    """ASPP's image-level branch: the mean over all pixels, spread over the map again."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.project = conv_bn_relu(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, h, w) -> (B, out, h, w)."""
        return self.project(x.mean(dim=(2, 3), keepdim=True)).expand(-1, -1, *x.shape[-2:])


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: 1x1, three dilated 3x3 and the image mean, joined by a 1x1 (no dropout)."""

    def __init__(self, in_channels: int, out_channels: int, rates: tuple[int, ...] = (6, 12, 18)) -> None:
        super().__init__()
        self.branches = nn.ModuleList([conv_bn_relu(in_channels, out_channels)])
        self.branches.extend(conv_bn_relu(in_channels, out_channels, 3, dilation=rate) for rate in rates)
        self.branches.append(ImagePooling(in_channels, out_channels))
        self.project = conv_bn_relu(len(self.branches) * out_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, h, w) -> (B, out, h, w)."""
        return self.project(torch.cat([branch(x) for branch in self.branches], dim=1))


class EncoderV3Plus(nn.Module):
    """phi of DeepLabV3+: backbone, ASPP at stride 16, joined at stride 4 by 48 channels of low-level features."""

    def __init__(self, backbone: Backbone, width: int, rates: tuple[int, ...] = (6, 12, 18)) -> None:
        super().__init__()
        self.backbone = backbone
        self.aspp = ASPP(backbone.out_channels, width, rates)
        self.low_level = conv_bn_relu(backbone.low_level_channels, 48)
        self.out_channels = width + 48

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> Z, (B, width + 48, H/4, W/4)."""
        low, high = self.backbone(images)
        low = self.low_level(low)
        high = F.interpolate(self.aspp(high), size=low.shape[-2:], mode="bilinear", align_corners=True)
        return torch.cat([high, low], dim=1)


class EncoderV2(nn.Module):
    """phi of DeepLabV2: the backbone alone, at stride 8."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone
        self.out_channels = backbone.out_channels

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> Z, (B, 2048 or 512, H/8, W/8)."""
        return self.backbone(images)[1]


class SummedDilations(nn.Module):
    """DeepLabV2's classifier: parallel 3x3 convolutions of rates 6, 12, 18 and 24, summed."""

    def __init__(self, in_channels: int, num_classes: int, rates: tuple[int, ...] = (6, 12, 18, 24)) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Conv2d(in_channels, num_classes, 3, 1, rate, rate) for rate in rates)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, h, w) -> (B, C, h, w)."""
        return torch.stack([branch(x) for branch in self.branches]).sum(dim=0)


class SegmentationNetwork(nn.Module):
    """psi_c(phi(x)) and psi_r(phi(x)), Section 3.1. Images in [0, 1]; the network normalises them itself."""

    def __init__(self, normalise: Normalise, encoder: nn.Module, classifier: nn.Module, representer: nn.Module) -> None:
        super().__init__()
        self.normalise = normalise
        self.encoder = encoder
        self.classifier = classifier
        self.representer: nn.Module | None = representer

    def forward(self, images: Tensor, with_representation: bool = True) -> SegmentationOutput:
        """Classify every pixel and, on request, represent it.

        Args:
            images: (B, 3, H, W) float in [0, 1].
            with_representation: compute R too. The teacher and the evaluation need the logits alone.

        Returns:
            `SegmentationOutput` of logits, representation (or None) and embedding.
        """
        embedding = self.encoder(self.normalise(images))
        representation = None
        if with_representation and self.representer is not None:
            representation = self.representer(embedding)
        return SegmentationOutput(self.classifier(embedding), representation, embedding)

    def drop_representation_head(self) -> "SegmentationNetwork":
        """Remove psi_r, as the paper does for inference: the same logits with fewer parameters. Returns itself."""
        self.representer = None
        return self


def _head(in_channels: int, width: int, out_channels: int) -> nn.Sequential:
    """3x3 convolution, batch norm, ReLU, 1x1 convolution: either head of DeepLabV3+."""
    return nn.Sequential(*conv_bn_relu(in_channels, width, 3), nn.Conv2d(width, out_channels, 1))


def deeplab_v3_plus(
    num_classes: int,
    backbone: str = "resnet101",
    representation_dim: int = 256,
    weights: str | Path | None = None,
    width: int | None = None,
) -> SegmentationNetwork:
    """DeepLabV3+ with a representation head: output stride 4, Z of `width` + 48 channels (Sections 3.1 and 4).

    With ResNet-101, 21 classes and 256 dimensions it has 59.52 M parameters; a crop of 321 gives 81 x 81 outputs.

    Args:
        num_classes: C.
        backbone: resnet18, resnet34, resnet50, resnet101, the light mobilenet_v2 and mobilenet_v2_035, or tiny.
        representation_dim: D, the paper's m = 256.
        weights: None (random), "imagenet" (torchvision's, downloaded) or the path of a backbone's state dict.
        width: channels of ASPP and of both heads: by default 256 as in the paper, 128 for MobileNetV2, 32 for tiny.

    Raises:
        InputError: for an unknown backbone, or weights that are missing or do not fit it.
    """
    features, normalisation = build_backbone(backbone, weights, output_stride=16)
    width = width or BACKBONES[backbone].width
    encoder = EncoderV3Plus(features, width, BACKBONES[backbone].aspp_rates)
    return SegmentationNetwork(
        Normalise(*normalisation),
        encoder,
        classifier=_head(encoder.out_channels, width, num_classes),
        representer=_head(encoder.out_channels, width, representation_dim),
    )


def deeplab_v2(
    num_classes: int,
    backbone: str = "resnet101",
    representation_dim: int = 256,
    weights: str | Path | None = None,
) -> SegmentationNetwork:
    """DeepLabV2 with a representation head (Table 5): output stride 8, 44.57 M parameters with ResNet-101.

    Arguments and errors are those of `deeplab_v3_plus`; the representation head is a single 1x1 convolution.
    """
    features, normalisation = build_backbone(backbone, weights, output_stride=8)
    encoder = EncoderV2(features)
    return SegmentationNetwork(
        Normalise(*normalisation),
        encoder,
        classifier=SummedDilations(encoder.out_channels, num_classes),
        representer=nn.Conv2d(encoder.out_channels, representation_dim, 1),
    )


ARCHITECTURES = {"deeplab_v3_plus": deeplab_v3_plus, "deeplab_v2": deeplab_v2}


def build_model(config: ModelConfig, num_classes: int) -> SegmentationNetwork:
    """The network that a configuration names, for `num_classes` classes."""
    options = {"width": config.width} if config.architecture == "deeplab_v3_plus" else {}
    return ARCHITECTURES[config.architecture](
        num_classes, config.backbone, config.representation_dim, config.weights, **options
    )
