"""The tiny backbone for images of 64 x 64, to be moved into `reco_core/models.py`: random weights, 0.17 M parameters.

With ASPP rates (1, 2, 4), which a map of 8 x 8 can use, and heads of width 32 the network has 0.312 M parameters.
"""

from torch import nn

from reco_core.models import Backbone


def tiny_backbone() -> Backbone:
    """Seven dense 3x3 convolutions: low-level features at stride 4, high-level ones at stride 8."""

    def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
        layer = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))

    low = nn.Sequential(convolution(3, 24, 2), convolution(24, 24), convolution(24, 24, 2))
    high = nn.Sequential(convolution(24, 48, 2), convolution(48, 48), convolution(48, 96), convolution(96, 96))
    return Backbone(low, high, low_level_channels=24, out_channels=96)
