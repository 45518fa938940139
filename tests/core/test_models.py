"""reco_core.models."""

from urllib.error import URLError

import pytest
import torch

from reco_core.backbones import (
    IMAGENET_NORMALISATION,
    SYMMETRIC_NORMALISATION,
    BatchNorm,
    build_backbone,
)
from reco_core.config import ModelConfig
from reco_core.errors import InputError
from reco_core.models import build_model, deeplab_v2, deeplab_v3_plus
from reco_core.runs.records import weights_digest


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


def test_the_tiny_backbone_is_tiny_and_keeps_strides_four_and_eight():
    """0.3 M parameters with ASPP and both heads; dense where the light ones are separable."""
    network = deeplab_v3_plus(10, "tiny", representation_dim=64).eval()
    backbone, images = network.encoder.backbone, torch.rand(2, 3, 64, 96)
    assert count(network) == pytest.approx(0.31, abs=0.005) and count(backbone) == pytest.approx(0.17, abs=0.005)
    assert all(layer.groups == 1 for layer in network.modules() if isinstance(layer, torch.nn.Conv2d))
    for output_stride in (8, 16):
        built, normalisation = build_backbone("tiny", None, output_stride)
        assert [part.shape for part in built(images)] == [(2, 24, 16, 24), (2, 96, 8, 12)]
        assert normalisation == SYMMETRIC_NORMALISATION
    output = network(images)
    assert output.logits.shape == (2, 10, 16, 24) and output.representation.shape == (2, 64, 16, 24)
    assert output.embedding.shape == (2, 32 + 48, 16, 24)
    assert deeplab_v2(10, "tiny", representation_dim=8).eval()(images).logits.shape == (2, 10, 8, 12)


def test_the_dilations_of_aspp_fit_the_tiny_map():
    """At 64 x 64 the map at stride 8 has 8 pixels a side: a dilation of 12 or 18 would see nothing but padding."""
    rates = [branch[0].dilation[0] for branch in deeplab_v3_plus(3, "tiny").encoder.aspp.branches[1:4]]
    assert max(rates) <= 4 and len(set(rates)) == 3
    paper = deeplab_v3_plus(3, "resnet18", width=16).encoder.aspp.branches[1:4]
    assert [branch[0].dilation[0] for branch in paper] == [6, 12, 18]


@pytest.mark.parametrize("weights", ["imagenet", "tiny.pth"])
def test_the_tiny_backbone_has_no_weights_to_load(weights):
    with pytest.raises(InputError, match=f"{weights}: backbone 'tiny' starts from random weights: leave out --weights"):
        deeplab_v3_plus(3, "tiny", weights=weights)


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


def test_batch_norm_computes_what_pytorchs_does_but_counts_nothing():
    """Also with a state of before, which has counts; its names stay those of torchvision."""
    import torchvision

    ours, theirs = BatchNorm(6), torch.nn.BatchNorm2d(6)
    for _ in range(3):
        x = torch.rand(4, 6, 5, 5).requires_grad_()
        y = x.detach().clone().requires_grad_()
        for network, images in ((ours, x), (theirs, y)):
            network(images).square().sum().backward()
        assert torch.equal(x.grad, y.grad)
    assert torch.equal(ours.running_mean, theirs.running_mean) and torch.equal(ours.running_var, theirs.running_var)
    assert torch.equal(ours.eval()(x), theirs.eval()(x)) and ours.num_batches_tracked == 0
    ours.load_state_dict(theirs.state_dict())
    network = torchvision.models.resnet18(norm_layer=BatchNorm)
    network.load_state_dict(torchvision.models.resnet18().state_dict())
    backbones = (deeplab_v3_plus(3, name).encoder.backbone for name in ("resnet18", "mobilenet_v2_035", "tiny"))
    norms = [part for backbone in backbones for part in backbone.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    assert len(norms) > 60 and all(isinstance(norm, BatchNorm) for norm in norms)


def test_a_single_value_is_normalised_by_the_running_statistics():
    norm, x = BatchNorm(3), torch.rand(1, 3, 1, 1)
    norm.running_mean += 1
    assert torch.equal(norm.train()(x), norm.eval()(x)) and (norm.running_mean == 1).all()


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
    default = build_model(ModelConfig(), 3)
    assert count(default.encoder.backbone) == count(build_backbone("tiny", None, 16)[0])
    assert default.classifier[0].out_channels == 32 and default.representer[-1].out_channels == 64
