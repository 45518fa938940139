"""Segmentation networks with two heads: classes, and the pixel representation that ReCo trains (Section 3.1).

The paper splits a network into an encoder phi: X -> Z, a classification head psi_c: Z -> Y and a representation
head psi_r: Z -> R. `deeplab_v3_plus` (Chen et al., 2018) and `deeplab_v2` (Chen et al., 2017) keep that split in the
open: `print(model)` shows normalise, encoder, classifier, representer, and the output names the three tensors.
"""

from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reco_core.backbones import Backbone, TimmBackbone, build_backbone, conv_bn_relu, spec_of
from reco_core.config import ModelConfig


class SegmentationOutput(NamedTuple):
    """What a network returns for images (B, 3, H, W); h, w are H, W over the output stride."""

    logits: Tensor
    """(B, C, h, w), before the softmax."""
    representation: Tensor | None
    """(B, D, h, w), the paper's R; None for a network without its representation head."""
    embedding: Tensor
    """(B, Z, h, w), the paper's Z: the tensor that feeds both heads."""


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

    def __init__(self, backbone: Backbone | TimmBackbone, width: int, rates: tuple[int, ...] = (6, 12, 18)) -> None:
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

    def __init__(self, backbone: Backbone | TimmBackbone) -> None:
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
    normalisation: Literal["imagenet", "symmetric"] | None = None,
) -> SegmentationNetwork:
    """DeepLabV3+ with a representation head: output stride 4, Z of `width` + 48 channels (Sections 3.1 and 4).

    With ResNet-101, 21 classes and 256 dimensions it has 59.52 M parameters; a crop of 321 gives 81 x 81 outputs.

    Args:
        num_classes: C.
        backbone: resnet18, resnet34, resnet50, resnet101, the light mobilenet_v2 and mobilenet_v2_035, or tiny; with
            the extra `timm`, timm:NAME of any of its feature extractors, at the strides that it has.
        representation_dim: D, the paper's m = 256.
        weights: None (random), "imagenet" (torchvision's or timm's, downloaded) or the path of a backbone's state dict.
        width: channels of ASPP and of both heads: by default 256 as in the paper, 128 for MobileNetV2, 32 for tiny.
        normalisation: "imagenet" or "symmetric", what the weights expect; None: what `build_backbone` knows of them.

    Raises:
        InputError: for an unknown backbone, or weights that are missing or do not fit it.
    """
    features, scaling = build_backbone(backbone, weights, 16, normalisation)
    width = width or spec_of(backbone).width
    encoder = EncoderV3Plus(features, width, spec_of(backbone).aspp_rates)
    return SegmentationNetwork(
        Normalise(*scaling),
        encoder,
        classifier=_head(encoder.out_channels, width, num_classes),
        representer=_head(encoder.out_channels, width, representation_dim),
    )


def deeplab_v2(
    num_classes: int,
    backbone: str = "resnet101",
    representation_dim: int = 256,
    weights: str | Path | None = None,
    normalisation: Literal["imagenet", "symmetric"] | None = None,
) -> SegmentationNetwork:
    """DeepLabV2 with a representation head (Table 5): output stride 8, 44.57 M parameters with ResNet-101.

    Arguments and errors are those of `deeplab_v3_plus`; the representation head is a single 1x1 convolution.
    """
    features, scaling = build_backbone(backbone, weights, 8, normalisation)
    encoder = EncoderV2(features)
    return SegmentationNetwork(
        Normalise(*scaling),
        encoder,
        classifier=SummedDilations(encoder.out_channels, num_classes),
        representer=nn.Conv2d(encoder.out_channels, representation_dim, 1),
    )


ARCHITECTURES = {"deeplab_v3_plus": deeplab_v3_plus, "deeplab_v2": deeplab_v2}


def build_model(config: ModelConfig, num_classes: int) -> SegmentationNetwork:
    """The network that a configuration names, for `num_classes` classes."""
    options = {"width": config.width} if config.architecture == "deeplab_v3_plus" else {}
    build: Any = ARCHITECTURES[config.architecture]
    given = num_classes, config.backbone, config.representation_dim, config.weights
    return build(*given, normalisation=config.normalisation, **options)
