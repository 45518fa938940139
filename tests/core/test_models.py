"""reco_core.models."""

from urllib.error import URLError

import pytest
import torch

from reco_core.config import ModelConfig
from reco_core.errors import InputError
from reco_core.models import (
    IMAGENET_NORMALISATION,
    SYMMETRIC_NORMALISATION,
    build_model,
    deeplab_v2,
    deeplab_v3_plus,
    weights_digest,
)


def count(module: torch.nn.Module) -> float:
    """Millions of parameters."""
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


def test_paper_sizes():
    """Row 24 of the differences: 59.52 M and 44.57 M; the head 0.767 M, ASPP 15.54 M."""
    v3, v2 = deeplab_v3_plus(21), deeplab_v2(21)
    assert count(v3) == pytest.approx(59.52, abs=0.005)
    assert count(v3.representer) == pytest.approx(0.767, abs=0.0005)
    assert count(v3.encoder.aspp) == pytest.approx(15.54, abs=0.005)
    assert count(v2) == pytest.approx(44.57, abs=0.005)


@pytest.mark.parametrize(("crop", "v3", "v2"), [(321, 81, 41), (512, 128, 64), (513, 129, 65)])
def test_output_sizes(crop, v3, v2):
    """Row 23: 81, 128 and 129 at stride 4; 41 and 64 at stride 8."""
    images = torch.zeros(1, 3, crop, crop)
    for network, side, channels in ((deeplab_v3_plus(5, "resnet18"), v3, 304), (deeplab_v2(5, "resnet18"), v2, 512)):
        with torch.no_grad():
            output = network.eval()(images)
        assert output.logits.shape == (1, 5, side, side)
        assert output.representation.shape == (1, 256, side, side)
        assert output.embedding.shape == (1, channels, side, side)


@pytest.mark.parametrize("backbone", ["resnet34", "resnet50", "mobilenet_v2", "mobilenet_v2_035"])
def test_backbones_keep_stride_four_and_low_level_width(backbone):
    network = deeplab_v3_plus(4, backbone, representation_dim=16, width=32).eval()
    with torch.no_grad():
        output = network(torch.rand(2, 3, 64, 96))
    assert output.logits.shape == (2, 4, 16, 24)
    assert output.representation.shape == (2, 16, 16, 24)
    assert output.embedding.shape == (2, 80, 16, 24)


def test_dilation_equals_torchvision():
    """Our dilated layer 4 computes what torchvision's own dilated ResNet-50 does."""
    import torchvision

    network = deeplab_v3_plus(2, "resnet50").encoder.backbone.eval()
    reference = torchvision.models.resnet50(replace_stride_with_dilation=[False, False, True])
    state = torchvision.models.resnet50().state_dict()
    reference.load_state_dict(state)
    named = dict(zip(("layer2", "layer3", "layer4"), network.high, strict=True))
    named |= dict(zip(("conv1", "bn1", "relu", "maxpool", "layer1"), network.low, strict=True))
    for name, module in named.items():
        prefix = f"{name}."
        module.load_state_dict({key.removeprefix(prefix): v for key, v in state.items() if key.startswith(prefix)})
    backbone = torch.nn.Sequential(*list(reference.eval().children())[:-2])
    images = torch.rand(1, 3, 65, 65)
    with torch.no_grad():
        torch.testing.assert_close(network(images)[1], backbone(images))


def test_same_logits_without_the_representation_head():
    network = deeplab_v3_plus(5, "resnet18", width=32).eval()
    images, before = torch.rand(1, 3, 64, 64), count(network)
    with torch.no_grad():
        full = network(images)
        light = network(images, with_representation=False)
        dropped = network.drop_representation_head()(images)
    assert full.representation is not None and light.representation is None and dropped.representation is None
    assert torch.equal(full.logits, light.logits) and torch.equal(full.logits, dropped.logits)
    assert count(network) < before


def test_trains_on_a_batch_of_one():
    """Batch norm over one pooled value has no variance; ASPP's image branch must cope."""
    network = deeplab_v3_plus(3, "mobilenet_v2_035", width=16)
    network.train()(torch.rand(1, 3, 64, 64)).logits.sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


def test_weights_from_a_path_carry_their_scaling(tmp_path):
    import torchvision

    path = tmp_path / "mobilenet.pth"
    torch.save(torchvision.models.mobilenet_v2(width_mult=0.35).features.state_dict(prefix="features."), path)
    network = deeplab_v3_plus(3, "mobilenet_v2_035", weights=path)
    assert network.normalise.mean.flatten().tolist() == list(SYMMETRIC_NORMALISATION[0])
    random = deeplab_v3_plus(3, "mobilenet_v2_035")
    assert random.normalise.mean.flatten().tolist() == pytest.approx(IMAGENET_NORMALISATION[0])
    loaded = torch.load(path, weights_only=True)["features.0.0.weight"]
    assert torch.equal(network.encoder.backbone.low[0][0].weight, loaded)
    # The scaling is part of the state, so that a network rebuilt without the file keeps it.
    random.load_state_dict(network.state_dict())
    assert random.normalise.mean.flatten().tolist() == list(SYMMETRIC_NORMALISATION[0])
    assert weights_digest(str(path)).startswith("mobilenet.pth:")


def test_clear_errors(tmp_path):
    import torchvision

    with pytest.raises(InputError, match="unknown backbone 'vgg'.*resnet101"):
        deeplab_v3_plus(3, "vgg")
    with pytest.raises(InputError, match="no such weights file"):
        deeplab_v3_plus(3, "resnet18", weights=tmp_path / "nothing.pth")
    (tmp_path / "text.pth").write_text("not a tensor")
    with pytest.raises(InputError, match="text.pth: not a state dict"):
        deeplab_v3_plus(3, "resnet18", weights=tmp_path / "text.pth")
    torch.save(torchvision.models.resnet34().state_dict(), tmp_path / "other.pth")
    with pytest.raises(InputError, match="other.pth: not the weights of resnet18"):
        deeplab_v3_plus(3, "resnet18", weights=tmp_path / "other.pth")
    with pytest.raises(InputError, match="no ImageNet weights for 'mobilenet_v2_035'"):
        deeplab_v3_plus(3, "mobilenet_v2_035", weights="imagenet")


def test_imagenet_weights_that_cannot_be_fetched(monkeypatch):
    """Off line the error says what to do, in one line."""

    def no_network(*arguments, **options):
        raise URLError(OSError(-2, "Name or service not known"))

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", no_network)
    with pytest.raises(InputError, match="weights of mobilenet_v2 cannot be fetched: .*not known.*give a file of them"):
        deeplab_v3_plus(3, "mobilenet_v2", weights="imagenet")


def test_build_model_follows_the_configuration():
    network = build_model(ModelConfig(backbone="mobilenet_v2_035", width=None, representation_dim=8), num_classes=3)
    assert network.classifier[0].out_channels == 128 and network.representer[-1].out_channels == 8
    assert type(build_model(ModelConfig(architecture="deeplab_v2"), 3).representer) is torch.nn.Conv2d
